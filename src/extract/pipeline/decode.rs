//! From files to tensors, on threads of their own.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, SendError, Sender};

use super::{Admission, Job, Message, Outcome, Pipeline, Row};
use crate::extract::ImageFailure;
use crate::extract::budget::Budget;
use crate::extract::failure::read_image;
use crate::preprocess::{self, Limits, Preprocessor, View, Views, decoding_takes};

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

impl Pipeline<'_> {
    pub(super) fn decode(
        &self,
        jobs: &[Job],
        shared: &Shared,
        admit: &(dyn Fn(&Job, &[u8]) -> Admission + Sync),
        spare: &Receiver<Vec<f32>>,
        ready: &Sender<Message>,
    ) {
        let mut preprocessor = self.preprocessor();
        while !shared.stop.load(Ordering::Relaxed) && !self.is_cancelled() {
            let Some(job) = jobs.get(shared.next.fetch_add(1, Ordering::Relaxed)) else { return };
            if self.prepare(job, &shared.room, admit, &mut preprocessor, spare, ready).is_err() {
                return;
            }
        }
    }

    fn preprocessor(&self) -> Preprocessor {
        Preprocessor::new(self.recipe.clone()).expect("the recipe of an opened backbone was checked")
    }

    /// Read, ask, decode one file, and hand on each view of it; an error if nobody takes any more.
    fn prepare(
        &self,
        job: &Job,
        room: &Room,
        admit: &(dyn Fn(&Job, &[u8]) -> Admission + Sync),
        preprocessor: &mut Preprocessor,
        spare: &Receiver<Vec<f32>>,
        ready: &Sender<Message>,
    ) -> Result<(), SendError<Message>> {
        let done = |outcome| ready.send(Message::Done(job.id, outcome));
        let _file = room.files.take(fs::metadata(&job.file).map_or(0, |metadata| metadata.len()));
        let bytes = match read_image(&job.file) {
            Ok(bytes) => bytes,
            Err(error) => return done(Outcome::Failed { key: None, failure: ImageFailure::read(&error) }),
        };
        let (key, views) = match admit(job, &bytes) {
            Admission::Skip(key) => return done(Outcome::Skipped(key)),
            Admission::Compute(key, views) => (key, views),
        };
        let takes = decoding_takes(&bytes);
        let _pixels = room.pixels.take(takes);
        let sent = self.prepare_views(
            Row { id: job.id, key, view: View::PLAIN, last: false },
            views,
            &bytes,
            preprocessor,
            spare,
            ready,
        );
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
        ready: &Sender<Message>,
    ) -> Result<(), SendError<Message>> {
        let failed = |error: &preprocess::Error| {
            let outcome = Outcome::Failed { key: Some(job.key), failure: error.into() };
            ready.send(Message::Done(job.id, outcome))
        };
        let mut image = match preprocessor.open(bytes) {
            Ok(image) => image,
            Err(error) => return failed(&error),
        };
        let last = views.iter().next_back();
        for view in views.iter() {
            let mut pixels = spare.try_recv().unwrap_or_default();
            pixels.resize(self.recipe.len(), 0.0);
            if let Err(error) = image.tensor(view, &mut pixels) {
                return failed(&error);
            }
            let row = Row { view, last: Some(view) == last, ..job };
            ready.send(Message::Ready(row, pixels))?;
        }
        Ok(())
    }
}
