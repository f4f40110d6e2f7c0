//! From files to tensors, on threads of their own.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, SendError, Sender};

#[cfg(test)]
use super::trap;
use super::{Admission, ImageOutcome, Job, Message, Pipeline, Row};
use crate::extract::budget::Budget;
use crate::extract::{ImageFailure, key_of};
use headstart_cache::Key;
use headstart_image::{self as preprocess, Limits, Preprocessor, View, Views, decoding_takes, guarded};

/// What decoders have in common.
#[derive(Default)]
pub(super) struct Shared {
    /// Number of the next job.
    next: AtomicUsize,
    pub(super) stop: AtomicBool,
    room: Room,
}

/// What decoders may hold together.
struct Room {
    files: Budget,
    pixels: Budget,
}

impl Default for Room {
    /// What one image may have: so each finds room, if need be alone.
    fn default() -> Self {
        let limits = Limits::default();
        Self { files: Budget::new(limits.file), pixels: Budget::new(limits.memory) }
    }
}

/// Bytes that all decoders together may keep from one image to the next, to spare asking for them again.
const KEPT: u64 = 1 << 28;

/// Where what becomes of one job is handed on.
struct Desk<'a> {
    ready: &'a Sender<Message>,
    id: usize,
    /// Known once the file has been read.
    key: Cell<Option<Key>>,
    /// Whether the job has had its outcome, or will have it with its last view.
    settled: Cell<bool>,
}

impl Desk<'_> {
    fn outcome(&self, outcome: ImageOutcome) -> Result<(), SendError<Message>> {
        self.settled.set(true);
        self.ready.send(Message::Done(self.id, outcome))
    }

    fn failed(&self, error: &preprocess::Error) -> Result<(), SendError<Message>> {
        self.outcome(ImageOutcome::Failed { key: self.key.get(), failure: error.into() })
    }

    fn view(&self, row: Row, pixels: Vec<f32>) -> Result<(), SendError<Message>> {
        self.settled.set(self.settled.get() || row.last);
        self.ready.send(Message::Ready(row, pixels))
    }
}

impl Pipeline<'_> {
    pub(super) fn decode(
        &self,
        jobs: &[Job],
        shared: &Shared,
        admit: &(dyn Fn(&Job, Key) -> Admission + Sync),
        spare: &Receiver<Vec<f32>>,
        ready: &Sender<Message>,
    ) {
        let mut preprocessor = self.preprocessor();
        while !shared.stop.load(Ordering::Relaxed) && !self.is_cancelled() {
            let Some(job) = jobs.get(shared.next.fetch_add(1, Ordering::Relaxed)) else { return };
            let desk = Desk { ready, id: job.id, key: Cell::default(), settled: Cell::default() };
            // Work on an image is guarded by the preprocessor. This one is for all else, so that no thread dies: each job gets
            // an outcome, and the others go on.
            let work = || Ok(self.prepare(job, &shared.room, admit, &mut preprocessor, spare, &desk));
            let handed_on = guarded(work).unwrap_or_else(|panic| {
                preprocessor = self.preprocessor();
                if desk.settled.get() { Ok(()) } else { desk.failed(&panic) }
            });
            if handed_on.is_err() {
                return;
            }
        }
    }

    fn preprocessor(&self) -> Preprocessor {
        let preprocessor = Preprocessor::new(self.recipe.clone());
        preprocessor.expect("the recipe of an opened backbone was checked").with_heif(self.heif.clone())
    }

    /// Read, ask, decode one file, and hand on each view of it; an error if nobody takes any more.
    fn prepare(
        &self,
        job: &Job,
        room: &Room,
        admit: &(dyn Fn(&Job, Key) -> Admission + Sync),
        preprocessor: &mut Preprocessor,
        spare: &Receiver<Vec<f32>>,
        desk: &Desk<'_>,
    ) -> Result<(), SendError<Message>> {
        let _file = room.files.take(job.image.size_to_read());
        let bytes = match job.image.read() {
            Ok(bytes) => bytes,
            Err(error) => {
                return desk.outcome(ImageOutcome::Failed { key: None, failure: ImageFailure::read(&error) });
            }
        };
        let key = key_of(&bytes);
        desk.key.set(Some(key));
        #[cfg(test)]
        trap::spring(&bytes, "admitting");
        let views = match admit(job, key) {
            Admission::Skip => return desk.outcome(ImageOutcome::Skipped(key)),
            Admission::Compute(views) => views,
        };
        let takes = decoding_takes(&bytes);
        let _pixels = room.pixels.take(takes);
        let row = Row { id: job.id, key, view: View::PLAIN, last: false };
        let sent = self.prepare_views(row, views, &bytes, preprocessor, spare, desk);
        #[cfg(test)]
        trap::spring(&bytes, "tidying up");
        if takes > KEPT / self.decoders.max(1) as u64 {
            // Its buffers are as large as the largest image so far.
            *preprocessor = self.preprocessor();
        }
        sent
    }

    /// Decode one image and hand on each view of it.
    fn prepare_views(
        &self,
        job: Row,
        views: Views,
        bytes: &[u8],
        preprocessor: &mut Preprocessor,
        spare: &Receiver<Vec<f32>>,
        desk: &Desk<'_>,
    ) -> Result<(), SendError<Message>> {
        #[cfg(test)]
        trap::spring(bytes, "opening");
        let mut image = match preprocessor.open(bytes) {
            Ok(image) => image,
            Err(error) => return desk.failed(&error),
        };
        let last = views.iter().next_back();
        for view in views.iter() {
            let mut pixels = spare.try_recv().unwrap_or_default();
            pixels.resize(self.recipe.len(), 0.0);
            #[cfg(test)]
            trap::spring(bytes, "preparing");
            if let Err(error) = image.tensor(view, &mut pixels) {
                return desk.failed(&error);
            }
            desk.view(Row { view, last: Some(view) == last, ..job }, pixels)?;
        }
        Ok(())
    }
}
