//! A backbone ready to run: images in, features out.

mod begin;
pub mod copies;
mod load;
mod memory;
mod processor;
mod weights;

use std::path::PathBuf;

use ndarray::{Array2, ArrayView4, Axis, s};
use ort::session::builder::SessionBuilder;
use ort::value::TensorRef;

use super::device::{self, Device, Placement, Precision};
use super::{Backbone, Error, runtime::Runtime};

pub use begin::{Products, begin, builder, try_graph};
pub use processor::{bytes_overflow, identity as processor_identity};

/// For devices that prepare for a range of batch sizes, when nobody says how far it goes.
const DEFAULT_MAX_BATCH: usize = 32;

/// How ONNX Runtime is to run the graph.
#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    /// Threads that share one batch; `None` lets ONNX Runtime take every core. It changes no bit of the features.
    pub threads: Option<usize>,
    /// Changes features in the third digit, so it is part of the fingerprint.
    pub precision: Precision,
    /// The largest batch that will be run, for devices that prepare for one; `None` stands for 32.
    pub max_batch: Option<usize>,
    /// Whether threads of ONNX Runtime that wait for work fall asleep at once instead of spinning. A run of
    /// many images is 2 % slower so. The first image alone takes 3/4 of the time where other programs want the processor too. It
    /// changes no bit of the features.
    pub sleepy: bool,
    /// Folder for optimised copies of graphs, from which the next start is faster; `None` keeps none. Only graphs on the CPU
    /// have copies. [`copies::default_folder`] is where the program keeps them.
    pub copies: Option<PathBuf>,
    /// Folder for the engines that TensorRT makes of graphs, each of which takes minutes; `None` keeps none.
    /// [`default_engines_folder`] is where the program keeps them.
    pub engines: Option<PathBuf>,
}

/// Where the program keeps engines: `headstart/tensorrt` in the user's folder for caches; `None` if there is no such folder.
pub fn default_engines_folder() -> Option<PathBuf> {
    Some(copies::cache_folder()?.join("tensorrt"))
}

/// A loaded graph. Needs `&mut` to run, because ONNX Runtime's own state is not safe to share.
#[derive(Debug)]
pub struct Session {
    inner: load::Loaded,
    input: String,
    output: String,
    /// Where the graph lies, for messages.
    path: PathBuf,
    feature_size: usize,
    /// The batch size that the graph was frozen at, if it was.
    fixed_batch: Option<usize>,
    placement: Placement,
}

impl Session {
    /// Load the graph of `backbone` for the CPU.
    ///
    /// # Errors
    /// As [`on`](Self::on).
    pub fn new(runtime: &Runtime, backbone: &Backbone, options: &SessionOptions) -> Result<Self, Error> {
        Self::on(Device::Cpu, runtime, backbone, options)
    }

    /// Load the graph of `backbone`, optimised for a device. Takes some tenths of a second; TensorRT, minutes at first.
    ///
    /// Features of one image from two devices agree within 1e-3 in [`Precision::Fp32`].
    ///
    /// # Errors
    /// [`Error::Graph`] with ONNX Runtime's own message if it refuses the graph; [`Error::Device`] if it refuses the device,
    /// or takes it and computes every node elsewhere, or would compute less exactly than was asked for; those of
    /// [`Backbone::precision`].
    pub fn on(
        device: Device,
        runtime: &Runtime,
        backbone: &Backbone,
        options: &SessionOptions,
    ) -> Result<Self, Error> {
        backbone.precision(options.precision)?.check(device)?;
        let inner = match (&options.copies, device) {
            (Some(folder), Device::Cpu) => load::load_by_copy(runtime, backbone, options, folder)?,
            _ => {
                load::load(backbone, |products| Self::builder(device, runtime, backbone, options, products))?
                    .into()
            }
        };
        Self::of(inner, backbone, device)
    }

    /// On the CPU, with products as they are fastest: for a graph that is held against another, of which ONNX Runtime might refuse exact ones.
    pub fn fast(runtime: &Runtime, backbone: &Backbone) -> Result<Self, Error> {
        let options = SessionOptions::default();
        let builder = |_| load::builder_for_cpu(runtime, backbone, &options, Products::Fast);
        Self::of(load::load(backbone, builder)?.into(), backbone, Device::Cpu)
    }

    fn of(inner: load::Loaded, backbone: &Backbone, device: Device) -> Result<Self, Error> {
        let placement =
            Placement::read(&inner.session).map_err(|source| device::Error::Placement { source })?;
        if placement.on(device) == 0 {
            return Err(device::Error::NotPlaced { device, placement }.into());
        }
        Ok(Self {
            inner,
            input: backbone.input_name().to_owned(),
            output: backbone.feature_tensor().to_owned(),
            path: backbone.path().to_owned(),
            feature_size: backbone.feature_size(),
            fixed_batch: backbone.batch_size(),
            placement,
        })
    }

    fn builder(
        device: Device,
        runtime: &Runtime,
        backbone: &Backbone,
        options: &SessionOptions,
        products: Products,
    ) -> Result<SessionBuilder, Error> {
        match device {
            Device::Cpu => load::builder_for_cpu(runtime, backbone, options, products),
            _ => {
                let builder = load::builder(runtime, backbone, options.threads, products)?;
                Self::register(builder, device, runtime, backbone, options)
            }
        }
    }

    fn register(
        mut builder: SessionBuilder,
        device: Device,
        runtime: &Runtime,
        backbone: &Backbone,
        options: &SessionOptions,
    ) -> Result<SessionBuilder, Error> {
        let SessionOptions { threads, precision, max_batch, .. } = *options;
        if let Device::TensorRt(_) = device
            && !device::tf32_is_off()
        {
            return Err(device::Error::Tf32 { device }.into());
        }
        let failed = |source| device::Error::Register { device, source };
        runtime.preload(device);
        if let Device::DirectMl(_) = device {
            // Two things that DirectML does not go along with.
            builder = builder.with_memory_pattern(false).map_err(|error| failed(error.into()))?;
            builder = builder.with_parallel_execution(false).map_err(|error| failed(error.into()))?;
        }
        let batch = backbone.batch_size().or(max_batch).unwrap_or(DEFAULT_MAX_BATCH);
        let input =
            device::Input { name: backbone.input_name(), shape: backbone.recipe().input_shape(), batch };
        let providers = device::providers(device, precision, threads, options.engines.as_deref(), &input);
        Ok(builder.with_execution_providers(providers).map_err(|error| failed(error.into()))?)
    }

    /// Which nodes run where.
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Columns of the result of [`run`](Self::run).
    pub fn feature_size(&self) -> usize {
        self.feature_size
    }

    /// Run the frozen graph over one batch of images.
    ///
    /// # Shapes
    /// - `images`: `(n, 3, height, width)` or `(n, height, width, 3)`, as the backbone's recipe lays them out
    /// - result: `(n, feature_size)`, row `i` for image `i`
    ///
    /// # Units
    /// As the recipe leaves them; raw 0-255 pixels give features that look plausible and train badly.
    ///
    /// # Errors
    /// [`Error::Inference`] if ONNX Runtime fails, [`Error::OutputShape`] if the graph gives another shape than it declares.
    pub fn run(&mut self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>, Error> {
        match self.fixed_batch {
            Some(size) if size != images.len_of(Axis(0)) => self.run_in_chunks(images, size),
            _ => self.run_batch(images),
        }
    }

    /// For graphs that take `size` images and no other number: the last chunk is filled up with its last image.
    fn run_in_chunks(&mut self, images: ArrayView4<'_, f32>, size: usize) -> Result<Array2<f32>, Error> {
        let n = images.len_of(Axis(0));
        let mut features = Array2::zeros((n, self.feature_size));
        for start in (0..n).step_by(size) {
            let wanted: Vec<usize> = (start..start + size).map(|row| row.min(n - 1)).collect();
            let chunk = images.select(Axis(0), &wanted);
            let rows = size.min(n - start);
            let computed = self.run_batch(chunk.view())?;
            features.slice_mut(s![start..start + rows, ..]).assign(&computed.slice(s![..rows, ..]));
        }
        Ok(features)
    }

    fn run_batch(&mut self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>, Error> {
        let n = images.len_of(Axis(0));
        let failed = |source| Error::Inference { path: self.path.clone(), source };
        let images = images.as_standard_layout();
        let input = TensorRef::from_array_view(images.view()).map_err(failed)?;
        let outputs = self.inner.session.run(ort::inputs![self.input.as_str() => input]).map_err(failed)?;
        let (shape, values) = outputs[self.output.as_str()].try_extract_tensor::<f32>().map_err(failed)?;
        // A map of one position, `(n, d, 1, 1)`, holds its features in the same order as `(n, d)`.
        Array2::from_shape_vec((n, self.feature_size), values.to_vec()).map_err(|_| Error::OutputShape {
            path: self.path.clone(),
            expected: [n, self.feature_size],
            found: shape.iter().copied().collect(),
        })
    }
}
