use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Error, Result};

/// Of the layout on disk, [`format`](super::format). Another version is another fingerprint, so they never meet.
const FORMAT: u64 = 1;
pub(super) const FILE: &str = "fingerprint.json";
const SHORT: usize = 8;

/// How the numbers of a feature are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// As computed.
    F32,
    /// Rounded to the nearest 16-bit float: half the space, three decimal digits.
    F16,
}

impl Storage {
    /// Bytes of one number.
    pub fn width(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// Whether a number is finite, and still is as it is stored.
    pub fn can_hold(self, value: f32) -> bool {
        match self {
            Self::F32 => value.is_finite(),
            Self::F16 => half::f16::from_f32(value).is_finite(),
        }
    }
}

/// Everything that changes a feature, apart from the image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FingerprintParts {
    /// Hash of the graph's bytes, external data included, as hexadecimal digits.
    pub graph: String,
    /// Name of the tensor that is the features.
    pub feature_tensor: String,
    /// Numbers in a row.
    pub feature_size: usize,
    /// What the graph computes in, such as `fp32`.
    pub precision: String,
    /// How an image becomes the graph's input.
    pub recipe: Value,
    /// How the numbers are kept.
    pub storage: Storage,
}

/// The identity of a store: a canonical JSON text and its BLAKE3.
#[derive(Debug, Clone, PartialEq)]
pub struct Fingerprint {
    parts: FingerprintParts,
    text: String,
    hash: blake3::Hash,
}

impl Fingerprint {
    /// The fingerprint of these parts.
    pub fn new(parts: FingerprintParts) -> Self {
        let mut value = json!(parts);
        value["format"] = FORMAT.into();
        // Sorted here, for `serde_json` keeps the order of insertion if any crate of the program asks for it.
        let text = format!("{:#}\n", sorted(&value));
        let hash = blake3::hash(text.as_bytes());
        Self { parts, text, hash }
    }

    /// What it was made of.
    pub fn parts(&self) -> &FingerprintParts {
        &self.parts
    }

    /// The canonical text: JSON with sorted keys and the version of the format, two spaces a level, a newline last.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// BLAKE3 of [`text`](Self::text).
    pub fn hash(&self) -> blake3::Hash {
        self.hash
    }

    /// The first 8 hexadecimal digits of the hash, which end the name of the store's directory.
    pub fn short(&self) -> String {
        short(self.hash)
    }

    /// The fields in which `found` differs from this, those of the recipe one by one.
    pub fn differences(&self, found: &Self) -> Vec<Difference> {
        differences(&self.text, &found.text).expect("both texts were written by `serde_json`")
    }

    /// Reads what [`text`](Self::text) wrote.
    ///
    /// # Errors
    /// A sentence that says why `text` is not a fingerprint.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let fields = value.as_object_mut().ok_or("expected a JSON object")?;
        let format = fields.remove("format");
        if format != Some(FORMAT.into()) {
            let found = format.map_or("none".into(), |v| v.to_string());
            return Err(format!("expected format {FORMAT}, found {found}"));
        }
        let parts = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let parsed = Self::new(parts);
        // What was hashed was the text; one that merely means the same was not written here.
        if parsed.text == text { Ok(parsed) } else { Err("the text is not in canonical form".into()) }
    }

    /// Compares the file in a store's directory with this fingerprint, in full: eight digits can meet by chance.
    ///
    /// # Errors
    /// [`Error::OtherFingerprint`] names the fields that differ; [`Error::DamagedFingerprint`] if `found` is no JSON.
    pub(super) fn compare(&self, path: &Path, found: &str) -> Result<()> {
        if found == self.text {
            return Ok(());
        }
        let damaged = |reason: String| Error::DamagedFingerprint { path: path.into(), reason };
        let differences = differences(&self.text, found).map_err(|error| damaged(error.to_string()))?;
        if differences.is_empty() {
            return Err(damaged("the text is not in canonical form".into()));
        }
        Err(Error::OtherFingerprint { path: path.into(), differences })
    }
}

/// What ends the name of a directory whose text has this hash.
pub(super) fn short(hash: blake3::Hash) -> String {
    hash.to_hex()[..SHORT].to_owned()
}

fn differences(expected: &str, found: &str) -> serde_json::Result<Vec<Difference>> {
    let (expected, found): (Value, Value) = (serde_json::from_str(expected)?, serde_json::from_str(found)?);
    let mut differences = Vec::new();
    differ(String::new(), Some(&expected), Some(&found), &mut differences);
    Ok(differences)
}

/// One field in which two fingerprints differ, as JSON; `None` where one has no such field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Path of the field, such as `recipe.resize.filter`.
    pub field: String,
    /// The value in the fingerprint in force.
    pub expected: Option<String>,
    /// The value in the other one.
    pub found: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<String>| value.clone().unwrap_or("nothing".into());
        write!(f, "`{}` expected {}, found {}", self.field, text(&self.expected), text(&self.found))
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            Value::Object(
                entries.into_iter().map(|(name, v)| (name.clone(), sorted(v))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn differ(field: String, expected: Option<&Value>, found: Option<&Value>, into: &mut Vec<Difference>) {
    if let (Some(Value::Object(a)), Some(Value::Object(b))) = (expected, found) {
        let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let inner = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
            differ(inner, a.get(name), b.get(name), into);
        }
    } else if expected != found {
        let text = |value: Option<&Value>| value.map(ToString::to_string);
        into.push(Difference { field, expected: text(expected), found: text(found) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> FingerprintParts {
        FingerprintParts {
            graph: "ab12".into(),
            feature_tensor: "pool".into(),
            feature_size: 2048,
            precision: "fp32".into(),
            recipe: json!({"resize": {"width": 224, "filter": "bilinear"}, "mean": [1.5, 2.0]}),
            storage: Storage::F32,
        }
    }

    #[test]
    fn the_text_is_sorted_and_does_not_change() {
        let text = Fingerprint::new(parts()).text().to_owned();
        let names: Vec<_> = text.lines().filter(|l| l.starts_with("  \"")).map(|l| l.trim()).collect();
        assert!(names.is_sorted() && names.len() == 7, "{text}");
        assert!(text.find("filter") < text.find("width"), "{text}");
        // A change of this value orphans every cache there is: it means a new format version.
        assert_eq!(Fingerprint::new(parts()).short(), "5369f033");
    }

    #[test]
    fn a_text_is_read_back() {
        let fingerprint = Fingerprint::new(parts());
        assert_eq!(Fingerprint::parse(fingerprint.text()), Ok(fingerprint.clone()));
        assert!(Fingerprint::parse(&fingerprint.text()[..90]).is_err());
        let newer = fingerprint.text().replace("\"format\": 1", "\"format\": 2");
        assert_eq!(Fingerprint::parse(&newer), Err("expected format 1, found 2".into()));
    }

    #[test]
    fn every_part_counts() {
        let changes: [fn(&mut FingerprintParts); 6] = [
            |p| p.graph.push('0'),
            |p| p.feature_tensor.push('0'),
            |p| p.feature_size += 1,
            |p| p.precision = "int8".into(),
            |p| p.recipe["mean"][0] = json!(1.25),
            |p| p.storage = Storage::F16,
        ];
        let plain = Fingerprint::new(parts());
        for change in changes {
            let mut changed = parts();
            change(&mut changed);
            assert_ne!(Fingerprint::new(changed).hash(), plain.hash());
        }
    }

    #[test]
    fn a_difference_names_its_field() {
        let mut other = parts();
        other.recipe["resize"]["filter"] = json!("lanczos");
        let error = Fingerprint::new(parts())
            .compare(Path::new("f.json"), Fingerprint::new(other).text())
            .unwrap_err();
        let want =
            "`f.json` holds other features: `recipe.resize.filter` expected \"bilinear\", found \"lanczos\"";
        assert_eq!(error.to_string(), want);
        let cut = Fingerprint::new(parts()).compare(Path::new("f.json"), "{\"for");
        assert!(matches!(cut, Err(Error::DamagedFingerprint { .. })));
    }
}
