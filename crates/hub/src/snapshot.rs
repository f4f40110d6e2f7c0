//! A repository at one commit, and its files.

use std::path::{Path, PathBuf};

use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::fetch::{Fetch, Watch};
use crate::name::{Commit, FileName, Reference, Repository, Revision};
use crate::protocol::{Answer, Client, Described, Wanted};
use crate::settings::Settings;

/// The file by which a revision's commit is asked for; nearly every repository of a model has it, and none must.
const ASKED: &str = "config.json";

/// A model hub, and the cache of its files.
#[derive(Debug)]
pub struct Hub {
    client: Client,
}

impl Hub {
    /// Nothing is asked for yet.
    ///
    /// # Errors
    /// [`Error::Certificates`] if no certificates can be read, by which the hub is known.
    pub fn new(settings: Settings) -> Result<Self> {
        Ok(Self { client: Client::new(settings)? })
    }

    /// The repository at the commit that the revision is at now. If the hub cannot be heard, it is the commit that the cache
    /// has of it, and [`Snapshot::doubt`] says why.
    ///
    /// # Errors
    /// If the hub does not know it or cannot be heard, and the cache has none.
    pub fn resolve(&self, reference: &Reference) -> Result<Snapshot<'_>> {
        let Reference { repository, revision, .. } = reference;
        let cache = Cache::of(self.client.settings().cache(), repository);
        let at = |commit, doubt| Snapshot {
            hub: self,
            repository: repository.clone(),
            cache: cache.clone(),
            commit,
            doubt,
        };
        if let Some(commit) = revision.commit() {
            return Ok(at(commit, None));
        }
        let kept = cache.commit(revision);
        if self.client.settings().is_offline() {
            let commit =
                kept.ok_or_else(|| self.offline(repository, format!("the revision `{revision}`")))?;
            return Ok(at(commit, None));
        }
        let file = FileName::new(ASKED)?;
        match (self.client.describe(Wanted { repository, revision, file: &file }), kept) {
            (Ok(Answer::Described(Described { commit, .. })), _) => {
                keep(&cache, revision, &commit)?;
                Ok(at(commit, None))
            }
            (Ok(Answer::NoSuchFile(commit)), _) => {
                keep(&cache, revision, &commit)?;
                cache.keep_absence(&commit, &file);
                Ok(at(commit, None))
            }
            (Err(error), Some(commit)) if error.is_of_network() => Ok(at(commit, Some(error))),
            (Err(error), _) => Err(error),
        }
    }

    /// The repository at the commit that the cache has of the revision, without asking the hub; `None` if it has none.
    pub fn kept(&self, reference: &Reference) -> Option<Snapshot<'_>> {
        let Reference { repository, revision, .. } = reference;
        let cache = Cache::of(self.client.settings().cache(), repository);
        let commit = revision.commit().or_else(|| cache.commit(revision))?;
        Some(Snapshot { hub: self, repository: repository.clone(), cache, commit, doubt: None })
    }

    fn offline(&self, repository: &Repository, what: String) -> Error {
        Error::Offline { repository: repository.clone(), what, cache: self.client.settings().cache().into() }
    }
}

/// A cache that cannot be written can still be read.
fn keep(cache: &Cache, revision: &Revision, commit: &Commit) -> Result<()> {
    match cache.keep_commit(revision, commit) {
        Err(_) if cache.commit(revision).is_some() => Ok(()),
        kept => kept,
    }
}

/// A repository at one commit.
#[derive(Debug)]
pub struct Snapshot<'a> {
    hub: &'a Hub,
    repository: Repository,
    cache: Cache,
    commit: Commit,
    doubt: Option<Error>,
}

impl Snapshot<'_> {
    /// The commit. It gives the same files again, at any time.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// Why the hub was not heard, if the commit is one that the cache had: the revision may have moved on since.
    pub fn doubt(&self) -> Option<&Error> {
        self.doubt.as_ref()
    }

    /// Look a file up: in the cache, else at the hub. `None`: the commit has no such file.
    ///
    /// # Errors
    /// If the cache does not have it, and the hub cannot be asked or refuses.
    pub fn find(&self, file: &FileName) -> Result<Option<Found>> {
        let pointer = self.cache.pointer(&self.commit, file);
        let found = |place| Ok(Some(Found { file: file.clone(), place }));
        if pointer.is_file() {
            return found(Place::Cache(pointer));
        }
        if self.cache.is_absent(&self.commit, file) {
            return Ok(None);
        }
        if self.hub.client.settings().is_offline() {
            return Err(self
                .hub
                .offline(&self.repository, format!("the file `{file}` of commit {}", self.commit)));
        }
        let revision = Revision::new(self.commit.as_str())?;
        match self.hub.client.describe(Wanted { repository: &self.repository, revision: &revision, file })? {
            Answer::NoSuchFile(commit) => {
                self.same(&commit)?;
                self.cache.keep_absence(&commit, file);
                Ok(None)
            }
            Answer::Described(what) => {
                self.same(&what.commit)?;
                found(Place::Hub(what))
            }
        }
    }

    /// Bring a file into the cache, if it is not there, and check its bytes. What is told to `watch` is how far this is.
    ///
    /// # Errors
    /// If it cannot be had, if its bytes are wrong, or if `watch` wants no more.
    pub fn fetch(&self, found: &Found, watch: Watch<'_>) -> Result<PathBuf> {
        match &found.place {
            Place::Cache(path) => self.cache.check(path, None).map(|()| path.clone()),
            Place::Hub(what) => {
                let (client, cache) = (&self.hub.client, &self.cache);
                Fetch { client, cache, file: &found.file, what }.run(&self.commit, watch)
            }
        }
    }

    /// The file, which the commit must have: looked up and fetched.
    ///
    /// # Errors
    /// [`Error::File`] if it has none; as [`find`](Self::find) and [`fetch`](Self::fetch).
    pub fn get(&self, file: &FileName, watch: Watch<'_>) -> Result<PathBuf> {
        let (repository, commit) = (self.repository.clone(), self.commit.clone());
        let found = self.find(file)?.ok_or(Error::File { repository, commit, file: file.clone() })?;
        self.fetch(&found, watch)
    }

    /// Whether the hub speaks of the commit that was asked for.
    fn same(&self, commit: &Commit) -> Result<()> {
        let host = self.hub.client.settings().endpoint.host();
        if *commit == self.commit { Ok(()) } else { Err(Error::Header { host, header: "X-Repo-Commit" }) }
    }
}

/// A file that the commit has.
#[derive(Debug)]
pub struct Found {
    file: FileName,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Cache(PathBuf),
    Hub(Described),
}

impl Found {
    /// Its name in the repository.
    pub fn file(&self) -> &FileName {
        &self.file
    }

    /// Where it is, if it need not be fetched.
    pub fn cached(&self) -> Option<&Path> {
        match &self.place {
            Place::Cache(path) => Some(path),
            Place::Hub(_) => None,
        }
    }

    /// Its size in bytes, if it is known.
    pub fn size(&self) -> Option<u64> {
        match &self.place {
            Place::Cache(path) => path.metadata().ok().map(|metadata| metadata.len()),
            Place::Hub(what) => what.size,
        }
    }
}
