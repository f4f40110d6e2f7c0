//! The pipeline with a graph that does not compute, so that what happens when is known.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use image::{Rgb, RgbImage};
use ndarray::{Array2, ArrayView4, Axis};

use super::batch::BatchSize;
use super::pipeline::{Admission, Infer, InferError, Job, Pipeline};
use headstart_cache::Storage;
use headstart_image::recipe::{Layout, Resize};
use headstart_image::{Heif, Recipe, Views};

const EDGE: u32 = 4;

fn recipe() -> Recipe {
    let resize = Resize::Stretch { width: EDGE, height: EDGE };
    Recipe { resize, layout: Layout::Nchw, ..Recipe::preset("keras-tf").unwrap() }
}

/// `n` small images.
fn jobs(folder: &Path, n: usize) -> Vec<Job> {
    let job = |id: usize| {
        let file = folder.join(format!("{id}.png"));
        RgbImage::from_pixel(EDGE, EDGE, Rgb([id as u8; 3])).save(&file).unwrap();
        Job { id, image: file.into(), views: Views::PLAIN }
    };
    (0..n).map(job).collect()
}

/// Gives each image its mean; asks to stop in its third run.
struct StopsInItsThirdRun<'a> {
    runs: &'a AtomicUsize,
    cancel: &'a AtomicBool,
}

impl Infer for StopsInItsThirdRun<'_> {
    fn infer(&mut self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>, InferError> {
        if self.runs.fetch_add(1, Ordering::Relaxed) + 1 == 3 {
            self.cancel.store(true, Ordering::Relaxed);
        }
        let means = images.axis_iter(Axis(0)).map(|image| image.mean().unwrap()).collect();
        Ok(Array2::from_shape_vec((images.len_of(Axis(0)), 1), means).unwrap())
    }

    fn largest_batch(&self) -> usize {
        64
    }
}

#[test]
fn a_cancelled_run_writes_the_batch_in_inference_and_begins_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(folder.path(), 60);
    let (runs, cancel, recipe) = (AtomicUsize::new(0), AtomicBool::new(false), recipe());
    let pipeline = Pipeline {
        recipe: &recipe,
        heif: &Heif::default(),
        batch_size: BatchSize::Fixed(4),
        batch_range: 4..=4,
        decoders: 2,
        storage: Storage::F32,
        cancel: &cancel,
    };
    let (mut written, mut told) = (0, 0);
    let count = |_: usize, _: super::pipeline::ImageOutcome| {
        told += 1;
        Ok(())
    };
    pipeline
        .run(
            &jobs,
            &|_, _| Admission::Compute(Views::PLAIN),
            || Ok(StopsInItsThirdRun { runs: &runs, cancel: &cancel }),
            |batch| {
                written += batch.rows.len();
                Ok(())
            },
            &mut { count },
            &|_, _| {},
        )
        .unwrap();
    assert_eq!((runs.into_inner(), written, told), (3, 12, 12));
}
