use std::path::PathBuf;
use std::sync::Mutex;

use ndarray::Axis;

use super::*;
use headstart_cache::FailureKind;
use headstart_image::ViewKinds;
use headstart_image::recipe::{Channels, Layout, Resize};

/// Images of two pixels, whose first one decides.
fn recipe() -> Recipe {
    Recipe {
        resize: Resize::Stretch { width: 2, height: 1 },
        mean: [0.0; 3],
        channels: Channels::Rgb,
        layout: Layout::Nhwc,
        ..Recipe::preset("keras-resnet50").unwrap()
    }
}

/// Gives the first number of each image; where that is 255, something that is no number.
struct First;

impl Infer for First {
    fn infer(&mut self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>, InferError> {
        let first = |i| Some(images[(i, 0, 0, 0)]).filter(|&value| value < 255.0).unwrap_or(f32::NAN);
        Ok(Array2::from_shape_fn((images.len_of(Axis(0)), 1), |(i, _)| first(i)))
    }

    fn largest_batch(&self) -> usize {
        64
    }
}

type Told = (usize, &'static str);

const DECODERS: usize = 3;

/// What became of each file in some views, and the rows that were written: file, view and number.
fn run(files: &[PathBuf], views: Views, batch: usize) -> (Vec<Told>, Vec<(usize, u16, f32)>) {
    run_by(DECODERS, files, views, batch)
}

fn run_by(
    decoders: usize,
    files: &[PathBuf],
    views: Views,
    batch: usize,
) -> (Vec<Told>, Vec<(usize, u16, f32)>) {
    let (recipe, cancel) = (recipe(), AtomicBool::new(false));
    let batch_size = BatchSize::Fixed(batch);
    let pipeline = Pipeline {
        recipe: &recipe,
        heif: &Heif::default(),
        batch_size,
        batch_range: 1..=1,
        decoders,
        storage: Storage::F32,
        cancel: &cancel,
    };
    let jobs: Vec<Job> =
        files.iter().enumerate().map(|(id, file)| Job { id, image: file.as_path().into(), views }).collect();
    let (mut told, written) = (vec![], Mutex::new(vec![]));
    let sink = |batch: &Batch| {
        let rows = batch.rows.iter().zip(batch.features.rows());
        written.lock().unwrap().extend(rows.map(|(row, features)| (row.id, row.view.number(), features[0])));
        Ok(())
    };
    let admit = |job: &Job, _: Key| Admission::Compute(job.views);
    let mut on_outcome = |id, outcome| {
        told.push((
            id,
            match outcome {
                ImageOutcome::Computed(_) => "computed",
                ImageOutcome::Skipped(_) => "skipped",
                ImageOutcome::Failed { failure, .. } if failure.reason.contains("panicked on purpose") => {
                    assert_eq!(failure.kind, FailureKind::DecoderError);
                    "panicked"
                }
                ImageOutcome::Failed { .. } => "failed",
            },
        ));
        Ok(())
    };
    pipeline.run(&jobs, &admit, || Ok(First), sink, &mut on_outcome, &|_, _| {}).unwrap();
    let mut written = written.into_inner().unwrap();
    told.sort_unstable();
    written.sort_by_key(|&(id, view, _)| (id, view));
    (told, written)
}

/// Two grey pixels.
fn image(folder: &tempfile::TempDir, left: u8, right: u8) -> PathBuf {
    let file = folder.path().join(format!("{left}-{right}.png"));
    image::RgbImage::from_raw(2, 1, [[left; 3], [right; 3]].concat()).unwrap().save(&file).unwrap();
    file
}

#[test]
fn a_file_with_several_views_has_one_outcome_and_a_row_for_each() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.png");
    std::fs::write(&broken, b"\x89PNG\r\n\x1a\n").unwrap();
    let flip: Views = "flip".parse::<ViewKinds>().unwrap().of(&recipe());
    // A number in neither, one, or both views is none.
    let files = [
        image(&folder, 10, 20),
        image(&folder, 30, 255),
        broken,
        image(&folder, 255, 40),
        image(&folder, 255, 255),
    ];
    let told = vec![(0, "computed"), (1, "failed"), (2, "failed"), (3, "failed"), (4, "failed")];
    // What is finite is kept: it is right whatever the other view is.
    let rows = vec![(0, 0, 10.0), (0, 1, 20.0), (1, 0, 30.0), (3, 1, 40.0)];
    for batch in [1, 2, 3, 100] {
        assert_eq!(run(&files, flip, batch), (told.clone(), rows.clone()), "batches of {batch}");
    }
    let plain = vec![(0, "computed"), (1, "computed"), (2, "failed"), (3, "failed"), (4, "failed")];
    assert_eq!(run(&files, Views::PLAIN, 2), (plain, vec![(0, 0, 10.0), (1, 0, 30.0)]));
}

/// Whatever panics in a decoding thread, each job has one outcome and the thread goes on: here there is only one.
#[test]
fn a_panic_costs_its_own_image_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let flip: Views = "flip".parse::<ViewKinds>().unwrap().of(&recipe());
    let sound = [image(&folder, 10, 20), image(&folder, 30, 40)];
    let panics = |step: &str| {
        let file = folder.path().join(format!("{step}.png"));
        let bytes = [std::fs::read(&sound[0]).unwrap(), trap::word(step).into_bytes()].concat();
        std::fs::write(&file, bytes).unwrap();
        file
    };
    let mut files = vec![sound[0].clone()];
    files.extend(["admitting", "opening", "preparing"].map(panics));
    files.push(sound[1].clone());
    let mut told = vec![(0, "computed"), (4, "computed")];
    told.extend((1..4).map(|id| (id, "panicked")));
    told.sort_unstable();
    for decoders in [1, 2] {
        let rows = vec![(0, 0, 10.0), (0, 1, 20.0), (4, 0, 30.0), (4, 1, 40.0)];
        assert_eq!(run_by(decoders, &files, flip, 3), (told.clone(), rows));
    }
    // After the last view there is nothing to tell any more.
    let files = [panics("tidying up"), sound[1].clone()];
    let told = vec![(0, "computed"), (1, "computed")];
    assert_eq!(run_by(1, &files, Views::PLAIN, 1), (told, vec![(0, 0, 10.0), (1, 0, 30.0)]));
}
