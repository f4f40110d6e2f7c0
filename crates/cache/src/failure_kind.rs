use std::fmt;
use std::str::FromStr;

/// What kept an image from giving features. No other kinds will come; the names are stable, for files and scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// `missing`: there is no such file.
    Missing,
    /// `unreadable`: it is there, but the system gives no bytes of it, or it is a folder, a pipe or a device.
    Unreadable,
    /// `unsupported`: no image, one of a format that is not decoded here, or too small for a recipe that does not resize.
    Unsupported,
    /// `truncated`: the file ends before the image does; an empty one at once.
    Truncated,
    /// `too-large`: more bytes or pixels than are allowed.
    TooLarge,
    /// `decoder-error`: the data contradict their format, or decoding them met a fault of the program.
    DecoderError,
    /// `non-finite`: the graph gave NaN, infinity, or a number beyond those that are kept.
    NonFinite,
}

impl FailureKind {
    /// Every kind, in the order in which they are listed for people.
    pub const ALL: [Self; 7] = [
        Self::Missing,
        Self::Unreadable,
        Self::Unsupported,
        Self::Truncated,
        Self::TooLarge,
        Self::DecoderError,
        Self::NonFinite,
    ];

    /// As it stands in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::Unsupported => "unsupported",
            Self::Truncated => "truncated",
            Self::TooLarge => "too-large",
            Self::DecoderError => "decoder-error",
            Self::NonFinite => "non-finite",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No kind of failure has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no kind of failure `{0}`")]
pub struct UnknownFailureKind(String);

impl FromStr for FailureKind {
    type Err = UnknownFailureKind;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| UnknownFailureKind(name.into()))
    }
}

impl serde::Serialize for FailureKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::FailureKind;

    #[test]
    fn names_are_stable_and_read_back() {
        let names =
            ["missing", "unreadable", "unsupported", "truncated", "too-large", "decoder-error", "non-finite"];
        assert_eq!(FailureKind::ALL.map(FailureKind::name), names);
        assert_eq!(names.map(|name| name.parse::<FailureKind>().unwrap()), FailureKind::ALL);
        assert_eq!(
            "Missing".parse::<FailureKind>().unwrap_err().to_string(),
            "there is no kind of failure `Missing`"
        );
    }
}
