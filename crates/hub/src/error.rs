//! What can go wrong, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::name::{Commit, FileName, Repository, Revision};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a file of a repository cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was given does not name a repository, a revision or a file of one.
    #[error("`{given}` is not {expected}")]
    Name {
        /// What was given.
        given: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The file is one that can run a program when it is read.
    #[error(
        "`{file}` is a pickle, which can run a program of its author's when it is read: it is not fetched"
    )]
    Pickle {
        /// The file's name.
        file: String,
    },
    /// A variable of the environment cannot be understood.
    #[error("the variable `{variable}` is not {expected}")]
    Variable {
        /// Its name. Its value is not told: it may be secret.
        variable: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The file with the token cannot be read.
    #[error("cannot read the token in `{}`", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The hub says that there is no such repository; it says the same of private ones.
    #[error("`{repository}` is unknown at {host}, or it is private and {}", if *.token { "the token does not open it" } else { "no token was given" })]
    Unknown {
        /// The repository.
        repository: Repository,
        /// The hub.
        host: String,
        /// Whether a token was sent.
        token: bool,
    },
    /// The hub does not know the token.
    #[error("{host} does not accept the token")]
    Token {
        /// The hub.
        host: String,
    },
    /// The authors of the repository want one to agree to something first.
    #[error("`{repository}` is gated: its authors want you to agree to their terms first")]
    Gated {
        /// The repository.
        repository: Repository,
        /// The page where one agrees.
        page: String,
    },
    /// The hub refuses for a reason of its own.
    #[error("{host} refuses access to `{repository}`")]
    Forbidden {
        /// The hub.
        host: String,
        /// The repository.
        repository: Repository,
    },
    /// The repository has no such branch, tag or commit.
    #[error("`{repository}` has no revision `{revision}`")]
    Revision {
        /// The repository.
        repository: Repository,
        /// What was asked for.
        revision: Revision,
    },
    /// The repository has no such file.
    #[error("`{repository}` has no file `{file}` at commit {commit}")]
    File {
        /// The repository.
        repository: Repository,
        /// The commit.
        commit: Commit,
        /// The file.
        file: FileName,
    },
    /// The hub has had too many requests.
    #[error("{host} has had too many requests from here{}", .wait.map(|seconds| format!(": it asks to wait {seconds} s")).unwrap_or_default())]
    RateLimit {
        /// Who said so.
        host: String,
        /// Seconds to wait, if it told.
        wait: Option<u64>,
    },
    /// An answer that means nothing good.
    #[error("{host} answered with status {status}, expected the file `{file}`")]
    Status {
        /// Who answered.
        host: String,
        /// The status of HTTP.
        status: u16,
        /// What was asked for.
        file: FileName,
    },
    /// Nobody answers.
    #[error("{host} cannot be reached")]
    Unreachable {
        /// Who was asked.
        host: String,
        /// What the system said.
        source: Box<ureq::Error>,
    },
    /// The answer did not come in time.
    #[error("{host} did not answer within {seconds} s")]
    Timeout {
        /// Who was asked.
        host: String,
        /// How long was waited.
        seconds: u64,
        /// The variable that says how long.
        variable: &'static str,
    },
    /// The host does not prove who it is.
    #[error("the certificate of {host} is not one that this machine trusts")]
    Certificate {
        /// Who was asked.
        host: String,
        /// What is wrong.
        source: Box<ureq::Error>,
    },
    /// The file with certificates cannot be read.
    #[error("no certificates can be read{}", .path.as_ref().map(|path| format!(" from `{}`", path.display())).unwrap_or_default())]
    Certificates {
        /// The value of `SSL_CERT_FILE`.
        path: Option<PathBuf>,
    },
    /// The proxy does not do its work.
    #[error("the proxy {proxy} gives no connection to {host}")]
    Proxy {
        /// The proxy, without its password.
        proxy: String,
        /// Who was asked.
        host: String,
        /// What it said.
        source: Box<ureq::Error>,
    },
    /// Nothing may be fetched, and the cache does not have it.
    #[error("`{repository}` is not in the cache `{}` with {what}, and the hub is not asked: HF_HUB_OFFLINE is set", cache.display())]
    Offline {
        /// The repository.
        repository: Repository,
        /// What of it: a file or a revision.
        what: String,
        /// The cache.
        cache: PathBuf,
    },
    /// The answer lacks what an answer of the hub has.
    #[error("{host} answered without a usable `{header}`: this does not look like a model hub")]
    Header {
        /// Who answered.
        host: String,
        /// The header.
        header: &'static str,
    },
    /// The answer leads to a place where nothing is fetched from.
    #[error("{host} redirects to {to}, which {why}")]
    Redirect {
        /// Who answered.
        host: String,
        /// The place, without what follows the host.
        to: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The connection ended before the file did.
    #[error("{host} sent {found} of the {expected} bytes of `{file}`")]
    Cut {
        /// Who sent.
        host: String,
        /// The file.
        file: FileName,
        /// Its size.
        expected: u64,
        /// What there is of it.
        found: u64,
    },
    /// The file is not as long as the hub said.
    #[error("{host} sends {found} bytes for `{file}`, but the hub says that it has {expected}")]
    Size {
        /// Who sends.
        host: String,
        /// The file.
        file: FileName,
        /// As the hub said.
        expected: u64,
        /// What was announced or came.
        found: u64,
    },
    /// The bytes are not those that the hub's tag stands for.
    #[error(
        "{host} sent other bytes for `{file}` than the hub promised: their tag is {found}, expected {expected}"
    )]
    WrongBytes {
        /// Who sent.
        host: String,
        /// The file.
        file: FileName,
        /// The tag of the hub.
        expected: String,
        /// That of the bytes.
        found: String,
    },
    /// A file in the cache was changed since, or was never right.
    #[error("`{}` is damaged: its tag is {found}, expected {expected}", path.display())]
    Damaged {
        /// The file in the cache.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// There is no room.
    #[error("the disk is full: `{}` needs {needed} bytes more", path.display())]
    DiskFull {
        /// The file that was written.
        path: PathBuf,
        /// What was still to come.
        needed: u64,
    },
    /// The cache cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The cache cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The caller wanted no more.
    #[error("the fetch of `{file}` was stopped")]
    Stopped {
        /// The file.
        file: FileName,
    },
}

impl Error {
    /// What to do about it, in a sentence.
    pub fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Name { .. } => "a repository is named as `org/name`, `org/name@revision`, `hf://org/name` or by its address".into(),
            Self::Pickle { .. } => "take a repository or a revision that holds ONNX files".into(),
            Self::Variable { variable, .. } => format!("correct `{variable}`, or unset it"),
            Self::TokenFile { .. } => {
                "make the file readable; or set HF_HUB_DISABLE_IMPLICIT_TOKEN=1: what is public needs no token".into()
            }
            Self::Unknown { token: false, .. } => "check the name; for a private repository set HF_TOKEN".into(),
            Self::Unknown { token: true, .. } => "check the name, and whether the owner of the token may read it".into(),
            Self::Token { .. } => "make a new token, or unset HF_TOKEN: what is public needs none".into(),
            Self::Gated { page, .. } => format!("agree at {page}, then set HF_TOKEN to a token of the same account"),
            Self::Forbidden { .. } => "ask the owner of the repository, or use a token that may read it".into(),
            Self::Revision { .. } => "leave the revision out for the main branch, or look at the repository's page".into(),
            Self::File { .. } => "look at the list of files on the repository's page".into(),
            Self::RateLimit { .. } => "wait and try again; with HF_TOKEN set, more requests are allowed".into(),
            Self::Status { .. } | Self::Cut { .. } => "try again later: the fetch goes on where it stopped".into(),
            Self::Unreachable { .. } => {
                "check the connection, HF_ENDPOINT and HTTPS_PROXY; with HF_HUB_OFFLINE=1 only the cache is used".into()
            }
            Self::Timeout { variable, .. } => format!("check the connection, or wait longer with `{variable}`"),
            Self::Certificate { .. } => "if a proxy signs connections, name its certificate with SSL_CERT_FILE".into(),
            Self::Certificates { .. } => "name a file of certificates in PEM with SSL_CERT_FILE".into(),
            Self::Proxy { .. } => "check HTTPS_PROXY and HTTP_PROXY; NO_PROXY names hosts that need none".into(),
            Self::Offline { .. } => "unset HF_HUB_OFFLINE once, and fetch it while there is a network".into(),
            Self::Header { .. } => "check HF_ENDPOINT, and whether a proxy or a login page answers instead".into(),
            Self::Redirect { .. } => "check HF_ENDPOINT: a hub sends its files by https".into(),
            Self::Size { .. } | Self::WrongBytes { .. } => {
                "nothing of it was kept: try again, and if it stays so, tell whoever runs the server or the proxy".into()
            }
            Self::Damaged { path, .. } => format!("remove `{}`, and it is fetched again", path.display()),
            Self::DiskFull { .. } => "make room, or name another folder with HF_HUB_CACHE; the fetch goes on where it stopped".into(),
            Self::Write { .. } | Self::Read { .. } => "name a folder that is yours with HF_HUB_CACHE".into(),
            Self::Stopped { .. } => return None,
        })
    }

    /// Whether what the cache has may do in its place: the hub was not heard, or was too busy.
    pub(crate) fn is_of_network(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status >= 500,
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Certificate { .. }
            | Self::Proxy { .. }
            | Self::RateLimit { .. } => true,
            _ => false,
        }
    }

    /// Whether the same request may do better in a moment.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 408 | 500 | 502 | 503 | 504),
            Self::Cut { .. } | Self::Timeout { .. } => true,
            _ => false,
        }
    }

    /// Of a file that is written; `needed` bytes of it are still to come.
    pub(crate) fn writing(path: impl Into<PathBuf>, needed: u64, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path, needed },
            _ => Self::Write { path, source },
        }
    }

    pub(crate) fn reading(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Read { path: path.into(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_trouble() {
        let of = |kind: io::ErrorKind| Error::writing("blobs/a", 7, kind.into());
        assert!(matches!(of(io::ErrorKind::StorageFull), Error::DiskFull { needed: 7, .. }));
        assert!(matches!(of(io::ErrorKind::QuotaExceeded), Error::DiskFull { .. }));
        assert!(matches!(of(io::ErrorKind::PermissionDenied), Error::Write { .. }));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_device_says_so() {
        use std::io::Write;
        let mut full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let source = full.write_all(b"x").unwrap_err();
        let error = Error::writing("/dev/full", 1, source);
        assert_eq!(error.to_string(), "the disk is full: `/dev/full` needs 1 bytes more");
        assert!(error.remedy().unwrap().contains("HF_HUB_CACHE"));
    }
}
