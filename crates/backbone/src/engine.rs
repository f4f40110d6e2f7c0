//! A backbone that runs: device, library and session, chosen together.

use std::error::Error as _;

use super::device::{self, Choice, Device, Selection};
use super::libraries::Libraries;
use super::library::Library;
use super::runtime::Runtime;
use super::session::{Session, SessionOptions};
use super::{Backbone, Error};

/// What a backbone is to run on.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// The device, or that the fastest one is to be found.
    pub device: Choice,
    /// The shared libraries to use, or where they are looked for.
    pub libraries: Libraries,
    /// What the graph computes in, and how.
    pub session: SessionOptions,
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
        let EngineOptions { device, libraries, session } = options;
        let precision = backbone.precision(session.precision)?;
        let mut selection = Selection::make(*device, precision, libraries)?;
        let runtime = Runtime::load_library(&selection.library, libraries).map_err(device::Error::from)?;
        let session = match Session::on(selection.device, &runtime, backbone, session) {
            Err(Error::Device(error)) if *device == Choice::Auto && selection.device != Device::Cpu => {
                selection.fall_back(sentence(&error));
                Session::new(&runtime, backbone, &options.session)?
            }
            session => session?,
        };
        Ok(Self { runtime, selection, session })
    }

    /// Load the ONNX Runtime that [`start`](Self::start) is likely to use, for a thread beside the one that opens the backbone: its
    /// first load takes 8 ms. Nothing depends on it, and what is wrong `start` tells.
    pub fn prepare(libraries: &Libraries) {
        let _ = Library::find(libraries);
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
