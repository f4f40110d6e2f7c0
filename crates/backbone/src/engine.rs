//! A backbone that runs: device, library and session, chosen together.

use std::error::Error as _;
use std::path::PathBuf;

use super::device::{self, Choice, Device, Precision, Selection};
use super::runtime::Runtime;
use super::session::{Session, SessionOptions};
use super::{Backbone, Error};

/// What a backbone is to run on.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// The device, or that the fastest one is to be found.
    pub device: Choice,
    /// What the graph computes in.
    pub precision: Precision,
    /// Threads for inference; `None` takes every core.
    pub threads: Option<usize>,
    /// The ONNX Runtime to load; `None` looks in the usual places.
    pub onnxruntime: Option<PathBuf>,
    /// The largest batch that will be run, for devices that prepare for one.
    pub max_batch: Option<usize>,
    /// As [`SessionOptions::copies`].
    pub copies: Option<PathBuf>,
}

/// A backbone that is loaded, and what it runs on.
#[derive(Debug)]
pub struct Engine {
    /// ONNX Runtime, loaded.
    pub runtime: Runtime,
    /// The device, why it, and the library that serves it.
    pub selection: Selection,
    /// The graph, ready for images.
    pub session: Session,
}

impl Engine {
    /// Choose the device, load ONNX Runtime and the graph.
    ///
    /// # Errors
    /// [`Error::Device`] if the device cannot be used; what it lacks is told before anything is loaded.
    /// [`Error::Graph`] if ONNX Runtime refuses the graph. Only [`Choice::Auto`] goes on with the CPU when another device
    /// turns out not to work, and [`Selection::passed_over`] tells why.
    pub fn start(backbone: &Backbone, options: &EngineOptions) -> Result<Self, Error> {
        let precision = backbone.precision(options.precision)?;
        let mut selection = Selection::make(options.device, precision, options.onnxruntime.as_deref())?;
        let runtime = Runtime::load_library(&selection.library).map_err(device::Error::from)?;
        let session = match Self::session(&runtime, backbone, selection.device, options) {
            Err(Error::Device(error))
                if options.device == Choice::Auto && selection.device != Device::Cpu =>
            {
                selection.fall_back(sentence(&error));
                Self::session(&runtime, backbone, Device::Cpu, options)?
            }
            session => session?,
        };
        Ok(Self { runtime, selection, session })
    }

    fn session(
        runtime: &Runtime,
        backbone: &Backbone,
        device: Device,
        options: &EngineOptions,
    ) -> Result<Session, Error> {
        let EngineOptions { precision, threads, max_batch, ref copies, .. } = *options;
        let copies = copies.clone();
        Session::new(runtime, backbone, SessionOptions { threads, device, precision, max_batch, copies })
    }

    /// Beyond this a larger batch is not worth trying: a processor gains nothing, a GPU little.
    pub fn largest_batch(&self) -> usize {
        match self.selection.device {
            Device::Cpu | Device::OpenVino => 32,
            _ => 64,
        }
    }
}

/// An error and its cause in one line.
fn sentence(error: &device::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", cause.to_string().lines().next().unwrap_or_default()),
        None => error.to_string(),
    }
}
