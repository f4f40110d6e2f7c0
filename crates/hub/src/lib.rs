//! Files of a model hub: fetched once, checked byte for byte, and kept where Python's client keeps them.
//!
//! A [`Reference`] is what people type (`org/name`, `org/name@revision`, `hf://…`, a page's address). [`Hub::resolve`] makes of it
//! a [`Snapshot`], the repository at one commit: a branch is asked for once, and all files come from that commit. A file is
//! looked up ([`Snapshot::find`]), which tells its size, and fetched ([`Snapshot::fetch`]).
//!
//! - The token goes to the hub and to no other host, whatever the hub redirects to.
//! - The bytes are held against the hub's tag: SHA-256 of large files, git's SHA-1 of small ones.
//! - What is in the cache needs no network, and an interrupted fetch goes on where it stopped.
//! - A pickle has no [`FileName`], so it cannot be fetched.
//!
//! ```
//! use headstart_hub::{Hub, Settings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let variables = [("HF_HUB_CACHE", folder.path().as_os_str()), ("HF_HUB_OFFLINE", "1".as_ref())];
//! # let get = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
//! # let of_environment = || Settings::of_variables(&get);
//! let settings = of_environment()?; // as `Settings::of_environment`, which reads HF_HUB_OFFLINE and others
//! let reference = settings.parse("org/name@v1.0")?;
//! let hub = Hub::new(settings)?;
//! let error = hub.resolve(&reference).unwrap_err();
//! assert!(error.to_string().contains("`org/name` is not in the cache"));
//! assert_eq!(error.remedy().unwrap(), "unset HF_HUB_OFFLINE once, and fetch it while there is a network");
//! # Ok(())
//! # }
//! ```

mod address;
mod cache;
mod check;
mod error;
mod fetch;
mod name;
mod protocol;
mod proxy;
mod settings;
mod snapshot;

pub use error::{Error, Result};
pub use fetch::{Progress, Watch};
pub use name::{Commit, FileName, Reference, Repository, Revision};
pub use settings::Settings;
pub use snapshot::{Found, Hub, Snapshot};
