//! Keeps account of an extraction: the memo, the failures, the summary, and the events that tell of them.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::pipeline::ImageOutcome;
use super::plan::Plan;
use super::{DECODERS, Error, ExtractEvent, ImageFailure, Summary};
use headstart_cache::{Failure, FailureKind, FailureLog, Failures, Key, Memo, Stamp, Store};

/// Failures that an error names.
const NAMED: usize = 5;

pub(super) struct Recorder<'a, 'e> {
    plan: &'a Plan<'a>,
    store: &'a Store,
    memo: &'a mut Memo,
    failures: &'a Failures,
    log: FailureLog,
    on_event: &'a RefCell<&'e mut dyn FnMut(ExtractEvent)>,
    /// Paths under which a failure stands, to be taken back if they now give features.
    failed_before: HashSet<&'a Path>,
    computed: HashSet<Key>,
    failed_now: HashMap<Key, ImageFailure>,
    /// Files with the bytes of another, whose outcome is theirs.
    skipped: Vec<(usize, Key)>,
    /// More end the work.
    max_failures: Option<usize>,
    first_failures: Vec<(PathBuf, FailureKind)>,
    summary: Summary,
}

impl<'a, 'e> Recorder<'a, 'e> {
    pub(super) fn new(
        plan: &'a Plan<'a>,
        store: &'a Store,
        memo: &'a mut Memo,
        failures: &'a Failures,
        on_event: &'a RefCell<&'e mut dyn FnMut(ExtractEvent)>,
        max_failures: Option<usize>,
    ) -> Self {
        Self {
            plan,
            store,
            memo,
            failures,
            log: FailureLog::new(store),
            on_event,
            failed_before: failures.iter().map(|failure| failure.path.as_path()).collect(),
            computed: HashSet::new(),
            failed_now: HashMap::new(),
            skipped: vec![],
            summary: Summary {
                images: plan.images.len(),
                cached: plan.cached,
                elsewhere: plan.elsewhere,
                ..Summary::default()
            },
            max_failures,
            first_failures: vec![],
        }
    }

    /// Tell of the failures that are known without reading a file.
    pub(super) fn known(&mut self) -> Result<(), Error> {
        for (id, error) in &self.plan.unreachable {
            let failure = ImageFailure::read(error);
            if self.failures.of_file(self.plan.images[*id].path_or_name(), None).is_some() {
                self.tell(*id, None, &failure, true)?;
            } else {
                self.fail(*id, None, failure)?;
            }
        }
        for (id, key) in &self.plan.failed {
            self.failed_again(*id, key)?;
        }
        Ok(())
    }

    /// Take note of what became of a job.
    pub(super) fn record(&mut self, id: usize, outcome: ImageOutcome) -> Result<(), Error> {
        match outcome {
            ImageOutcome::Skipped(key) => {
                self.remember(id, key);
                self.skipped.push((id, key));
            }
            ImageOutcome::Computed(key) => {
                self.remember(id, key);
                self.computed.insert(key);
                self.summary.computed += 1;
                self.take_back(id)?;
            }
            ImageOutcome::Failed { key, failure } => {
                if let Some(key) = key {
                    self.remember(id, key);
                    self.failed_now.insert(key, failure.clone());
                }
                if key.is_none() && self.stands(id, &failure) {
                    self.tell(id, None, &failure, true)?;
                } else {
                    self.fail(id, key, failure)?;
                }
            }
        }
        self.on_event.borrow_mut()(ExtractEvent::Progress);
        Ok(())
    }

    /// So many rows were written.
    pub(super) fn written(&mut self, rows: usize) {
        self.summary.rows += rows;
    }

    /// Settle the files that share their bytes with another, and sum up.
    pub(super) fn finish(mut self) -> Result<Summary, Error> {
        for (id, key) in std::mem::take(&mut self.skipped) {
            if self.computed.contains(&key) || self.plan.missing(self.store, &key).is_empty() {
                self.summary.cached += 1;
                self.take_back(id)?;
            } else if self.plan.is_elsewhere(&key) {
                self.summary.elsewhere += 1;
            } else if let Some(failure) = self.failed_now.get(&key).cloned() {
                self.fail(id, Some(key), failure)?;
            } else {
                // Neither computed nor failed: known to have failed before, or cancelled before its twin's turn.
                self.failed_again(id, &key)?;
            }
        }
        // A memo that cannot be kept costs time, not truth.
        let _ = self.memo.flush();
        Ok(self.summary)
    }

    fn remember(&mut self, id: usize, key: Key) {
        if let (Some(facts), Some(file)) = (&self.plan.facts[id], self.plan.images[id].path()) {
            let _ = self.memo.insert(file, facts, key);
        }
    }

    fn fail(&mut self, id: usize, key: Option<Key>, failure: ImageFailure) -> Result<(), Error> {
        self.note(id, key, &failure)?;
        self.tell(id, key, &failure, false)
    }

    fn note(&mut self, id: usize, key: Option<Key>, failure: &ImageFailure) -> Result<(), Error> {
        self.log.record(&Failure {
            path: self.plan.images[id].path_or_name().to_owned(),
            key,
            stamp: self.plan.facts[id].as_ref().map(Stamp::from),
            stage: failure.stage.clone(),
            kind: failure.kind,
            reason: failure.reason.clone(),
            revision: DECODERS.revision,
            time: String::new(),
        })?;
        Ok(())
    }

    fn tell(
        &mut self,
        id: usize,
        key: Option<Key>,
        failure: &ImageFailure,
        known: bool,
    ) -> Result<(), Error> {
        let image = &self.plan.images[id];
        self.summary.failed += 1;
        *self.summary.failures.entry(failure.kind).or_default() += 1;
        if self.first_failures.len() < NAMED {
            self.first_failures.push((image.path_or_name().to_owned(), failure.kind));
        }
        self.on_event.borrow_mut()(ExtractEvent::Failed { place: id, image, key, failure, known });
        match self.max_failures {
            Some(allowed) if self.summary.failed > allowed => {
                let first = std::mem::take(&mut self.first_failures);
                Err(Error::TooManyFailures { allowed, failed: self.summary.failed, first })
            }
            _ => Ok(()),
        }
    }

    /// Whether this very failure of the unchanged file is on record.
    fn stands(&self, id: usize, failure: &ImageFailure) -> bool {
        let stamp = self.plan.facts[id].as_ref().map(Stamp::from);
        let before = self.failures.of_file(self.plan.images[id].path_or_name(), stamp);
        before.is_some_and(|before| before.reason == failure.reason)
    }

    /// An image whose bytes failed before, here or under another path, which then gets a line of its own.
    fn failed_again(&mut self, id: usize, key: &Key) -> Result<(), Error> {
        let before = self.failures.of_key(key).filter(|before| before.is_known_to(DECODERS.revision));
        let Some(before) = before else { return Ok(()) };
        let failure = ImageFailure::recorded(before);
        if !self.stands(id, &failure) {
            self.note(id, Some(*key), &failure)?;
        }
        self.tell(id, Some(*key), &failure, true)
    }

    fn take_back(&mut self, id: usize) -> Result<(), Error> {
        let file = self.plan.images[id].path_or_name();
        if self.failed_before.contains(file) {
            self.log.resolve(file)?;
        }
        Ok(())
    }
}
