//! Image classifiers from your own pictures, in two stages: a frozen ONNX backbone turns each image into
//! features once ([`extract`]), and a small head is trained on the kept features in seconds ([`train`]). [`Project`] has the use
//! cases; the modules are what they are made of.
//!
//! This is a facade: what the crates of headstart offer, under one name. Without the feature `cli` it brings along none of the
//! program's crates.
//!
//! ```
//! use headstart::project::{EvaluateOptions, ExtractSettings, PredictOptions, TrainOptions};
//! use headstart::{Control, Project, ProjectConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let (cache, runs) = (folder.path().join("features"), folder.path().join("runs"));
//! let project = Project::new(ProjectConfig { cache, runs, ..ProjectConfig::default() });
//! let mut control = Control::silent();
//! let photos = project.read("data/photos/photos.csv", &mut control)?;
//! project.extract(&photos, &ExtractSettings::default(), &mut control)?;
//! let trained = project.train(&photos, &TrainOptions::default(), &mut control)?;
//!
//! let run = trained.run.ok_or("it was stopped")?;
//! let evaluation = project.evaluate(&run, &photos, &EvaluateOptions::default(), &mut control)?;
//! println!("accuracy {:.3}", evaluation.metrics.accuracy);
//! let said = project.predict(&run, ["data/photos/cat.jpg"], &PredictOptions::default(), &mut control)?;
//! let best = said.predictions(1).remove(0)?.class();
//! println!("cat.jpg shows {}", said.classes[best]);
//! # assert_eq!(said.classes[best], "cat");
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub use headstart_backbone as backbone;
#[doc(no_inline)]
pub use headstart_base::{files, later, machine};
#[cfg(feature = "baselines")]
pub use headstart_baselines as baselines;
pub use headstart_cache as cache;
pub use headstart_convert as convert;
#[cfg(feature = "baselines")]
pub use headstart_core::compare;
pub use headstart_core::{
    CancelToken, Control, Event, ImageInput, Level, Message, PixelsError, Project, ProjectConfig, Rate,
    UserCache, files as image_files,
};
pub use headstart_core::{
    dataset, evaluation, export, extract, hub_backbone, installed, precision, project, report_data, run,
    run_list, settings, tensorboard,
};
pub use headstart_evaluate as evaluate;
pub use headstart_hub as hub;
pub use headstart_image as image;
pub use headstart_nn::{autodiff, layers as nn, optim, train};
pub use headstart_onnx as onnx;
pub use headstart_report as report;
#[cfg(feature = "projections")]
pub use headstart_report::projection;
