//! Images that wait for their batch to be full, and its way through the graph when memory is short.

use std::time::Instant;

use ndarray::{Array2, ArrayView4, Axis, concatenate, s};

use super::Error;
use super::batch::Tuner;
use super::pipeline::{Batch, Infer, InferError, Row};

/// Hears of a new batch size, and whether it is for want of memory.
pub(super) type OnBatchSize<'a> = &'a dyn Fn(usize, bool);

pub(super) struct Batcher<'a> {
    /// Of one image.
    shape: [usize; 3],
    tuner: Tuner,
    on_batch_size: OnBatchSize<'a>,
    /// `(rows.len(), …)`, one image after the other.
    images: Vec<f32>,
    rows: Vec<Row>,
}

impl<'a> Batcher<'a> {
    pub(super) fn new(shape: [usize; 3], tuner: Tuner, on_batch_size: OnBatchSize<'a>) -> Self {
        Self { shape, tuner, on_batch_size, images: vec![], rows: vec![] }
    }

    pub(super) fn push(&mut self, row: Row, pixels: &[f32]) {
        if self.rows.is_empty() {
            // Where the images alone are more than memory holds, the graph need not be asked.
            while self.images.try_reserve_exact(self.tuner.size() * pixels.len()).is_err() {
                let Some(size) = self.tuner.ran_out(self.tuner.size()) else { break };
                (self.on_batch_size)(size, true);
            }
        }
        self.images.extend_from_slice(pixels);
        self.rows.push(row);
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= self.tuner.size()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Features of all that is gathered, row `i` for image `i`: by one run, or by as many as memory asks for. Nothing is
    /// gathered afterwards.
    ///
    /// # Errors
    /// That of the graph, if fewer images do not help.
    pub(super) fn infer(&mut self, model: &mut impl Infer) -> Result<Batch, Error> {
        let [a, b, c] = self.shape;
        let images = ArrayView4::from_shape((self.rows.len(), a, b, c), &self.images)
            .expect("every image was decoded to the recipe's length");
        self.tuner.limit(model.largest_batch());
        let mut parts: Vec<Array2<f32>> = vec![];
        let mut done = 0;
        while done < self.rows.len() {
            let next = self.rows.len().min(done + self.tuner.size());
            let began = Instant::now();
            match model.infer(images.slice(s![done..next, .., .., ..])) {
                Ok(part) => {
                    if let Some(size) = self.tuner.ran(next - done, began.elapsed()) {
                        (self.on_batch_size)(size, false);
                    }
                    parts.push(part);
                    done = next;
                }
                Err(InferError { error, out_of_memory: false }) => return Err(error),
                Err(InferError { error, out_of_memory: true }) => {
                    let size = self.tuner.ran_out(next - done).ok_or(error)?;
                    (self.on_batch_size)(size, true);
                }
            }
        }
        self.images.clear();
        Ok(Batch { rows: std::mem::take(&mut self.rows), features: joined(parts) })
    }
}

/// One below the other.
fn joined(mut parts: Vec<Array2<f32>>) -> Array2<f32> {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let parts: Vec<_> = parts.iter().map(|part| part.view()).collect();
    concatenate(Axis(0), &parts).expect("one graph gives rows of one length")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::batch::BatchSize;
    use super::super::memory::Memory;
    use super::*;
    use headstart_backbone as backbone;
    use headstart_cache::Key;
    use headstart_image::View;

    /// Gives each image its first pixel and the size of its batch, and holds no more than `room` images.
    struct Small {
        room: usize,
    }

    impl Infer for Small {
        fn infer(&mut self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>, InferError> {
            let n = images.len_of(Axis(0));
            if n > self.room {
                let error = backbone::Error::OutputShape {
                    path: "tiny.onnx".into(),
                    expected: [n, 2],
                    found: vec![],
                }
                .into();
                return Err(InferError { error, out_of_memory: self.room < 100 });
            }
            Ok(Array2::from_shape_fn((n, 2), |(i, j)| if j == 0 { images[(i, 0, 0, 0)] } else { n as f32 }))
        }

        fn largest_batch(&self) -> usize {
            64
        }
    }

    /// A job, its image's first pixel, and the size of its batch.
    type Told = (usize, f32, f32);

    fn run(batch: usize, images: usize, room: usize) -> (Result<(), Error>, Vec<Told>, Vec<usize>) {
        let sizes = RefCell::new(vec![]);
        let on_batch_size = |size: usize, out_of_memory: bool| {
            assert!(out_of_memory);
            sizes.borrow_mut().push(size);
        };
        let tuner = Tuner::new(BatchSize::Fixed(batch), 1..=1, images, Memory::watch());
        let mut gathered = Batcher::new([1, 1, 3], tuner, &on_batch_size);
        let (mut told, mut model) = (vec![], Small { room });
        for id in 0..images {
            let row = Row { id, key: Key::of(&id.to_le_bytes()), view: View::PLAIN, last: true };
            gathered.push(row, &[id as f32, 0.0, 0.0]);
            if gathered.is_full() || id + 1 == images {
                let Batch { rows, features } = match gathered.infer(&mut model) {
                    Ok(done) => done,
                    Err(error) => return (Err(error), told, sizes.into_inner()),
                };
                assert_eq!(rows.len(), features.nrows());
                let row =
                    |(row, features): (&Row, ndarray::ArrayView1<f32>)| (row.id, features[0], features[1]);
                told.extend(rows.iter().zip(features.rows()).map(row));
            }
        }
        assert!(gathered.is_empty());
        (Ok(()), told, sizes.into_inner())
    }

    #[test]
    fn out_of_memory_halves_the_batch_and_shifts_no_row() {
        for (batch, images, room, halvings) in [
            (16, 50, 16, vec![]),
            (16, 50, 5, vec![8, 4]),
            (24, 47, 3, vec![12, 6, 3]),
            (7, 20, 1, vec![3, 1]),
        ] {
            let (outcome, told, sizes) = run(batch, images, room);
            outcome.unwrap();
            assert_eq!(sizes, halvings);
            assert_eq!(told.len(), images);
            for (place, &(id, first, size)) in told.iter().enumerate() {
                assert_eq!((id, first), (place, place as f32), "batches of {batch} into {room}");
                assert!(size as usize <= room);
            }
        }
    }

    #[test]
    fn one_image_that_does_not_fit_and_other_errors_end_the_work() {
        let (outcome, told, sizes) = run(4, 10, 0);
        assert!(outcome.is_err() && told.is_empty());
        assert_eq!(sizes, [2, 1]);
        // Beyond a hundred it fails otherwise.
        let (outcome, _, sizes) = run(200, 300, 100);
        assert!(outcome.is_err() && sizes.is_empty());
    }
}
