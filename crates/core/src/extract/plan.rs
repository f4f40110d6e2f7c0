//! What is known before any file is read.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::pipeline::{Admission, Job};
use super::{DECODERS, ExtractEvent, FillOptions, Shard};
use crate::ImageInput;
use headstart_backbone::Backbone;
use headstart_cache::{Failure, Failures, FileFacts, Key, Memo, Store};
use headstart_image::Views;

/// Each different image, sorted into what is known of it.
pub(super) struct Plan<'a> {
    pub images: Vec<ImageInput>,
    /// Taken before the file is read, by image; none if there is no such file, or the image is no file.
    pub facts: Vec<Option<FileFacts>>,
    /// Images that have features in every view.
    pub cached: usize,
    /// Files that were tried and have not changed.
    pub failed: Vec<(usize, Key)>,
    /// Files whose images another shard is to compute.
    pub elsewhere: usize,
    /// Files that cannot even be looked at.
    pub unreachable: Vec<(usize, io::Error)>,
    /// Images to be read; a job's id is its place in `images`.
    pub jobs: Vec<Job>,
    views: Views,
    failures: &'a Failures,
    retry_failed: bool,
    shard: Option<Shard>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        (images, views, options): (&[ImageInput], Views, FillOptions),
        store: &Store,
        memo: &Memo,
        failures: &'a Failures,
        cancel: &AtomicBool,
    ) -> Self {
        let mut plan = Plan {
            images: different(images),
            facts: Vec::with_capacity(images.len()),
            cached: 0,
            failed: vec![],
            elsewhere: 0,
            unreachable: vec![],
            jobs: vec![],
            views,
            failures,
            retry_failed: options.retry_failed,
            shard: options.shard,
        };
        // To look at a million files takes seconds, and a slow disk makes minutes of them.
        for id in (0..plan.images.len()).take_while(|_| !cancel.load(Ordering::Relaxed)) {
            plan.place(id, store, memo, options.rehash);
        }
        plan
    }

    fn place(&mut self, id: usize, store: &Store, memo: &Memo, rehash: bool) {
        let Some(file) = self.images[id].path() else {
            self.facts.push(None);
            self.jobs.push(Job { id, image: self.images[id].clone(), views: self.views });
            return;
        };
        let facts = match FileFacts::of(file) {
            Ok(facts) => facts,
            Err(error) => {
                self.facts.push(None);
                self.unreachable.push((id, error));
                return;
            }
        };
        self.facts.push(Some(facts));
        let known = if rehash { None } else { memo.get(file, &facts) };
        let views = known.map_or(self.views, |key| self.missing(store, &key));
        match known {
            Some(_) if views.is_empty() => self.cached += 1,
            Some(key) if self.is_elsewhere(&key) => self.elsewhere += 1,
            Some(key) if self.is_known_failure(&key) => self.failed.push((id, key)),
            _ => self.jobs.push(Job { id, image: self.images[id].clone(), views }),
        }
    }

    /// The views in which an image has no features yet.
    pub(super) fn missing(&self, store: &Store, key: &Key) -> Views {
        self.views.iter().filter(|view| !store.contains(key, view.number())).collect()
    }

    fn is_known_failure(&self, key: &Key) -> bool {
        let known = |failure: &Failure| failure.is_known_to(DECODERS.revision);
        !self.retry_failed && self.failures.of_key(key).is_some_and(known)
    }

    /// Whether another shard is to compute the image.
    pub(super) fn is_elsewhere(&self, key: &Key) -> bool {
        self.shard.is_some_and(|shard| !shard.contains(key))
    }

    /// Decides, from a file's key, whether there is something to compute. Of files with the same bytes the first is
    /// computed and the others are skipped.
    pub(super) fn admission<'p>(&'p self, store: &'p Store) -> impl Fn(&Job, Key) -> Admission + Sync + 'p {
        let claimed = Mutex::new(HashSet::new());
        move |_, key| {
            let views = self.missing(store, &key);
            let settled = views.is_empty() || self.is_elsewhere(&key) || self.is_known_failure(&key);
            let mut claimed = claimed.lock().unwrap_or_else(PoisonError::into_inner);
            if settled || !claimed.insert(key) { Admission::Skip } else { Admission::Compute(views) }
        }
    }

    pub(super) fn event<'b>(&self, backbone: &'b Backbone, views: usize) -> ExtractEvent<'b> {
        ExtractEvent::Planned {
            backbone,
            views,
            images: self.images.len(),
            cached: self.cached,
            to_do: self.jobs.len(),
        }
    }
}

/// Each file once, by its path. What comes as bytes may be the same too; that is seen when it is hashed.
pub(super) fn different(images: &[ImageInput]) -> Vec<ImageInput> {
    let mut seen = HashSet::with_capacity(images.len());
    images.iter().filter(|image| image.path().is_none_or(|path| seen.insert(path))).cloned().collect()
}
