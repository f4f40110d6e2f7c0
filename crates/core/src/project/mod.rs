//! A project: images, a backbone, a cache of features and a folder of runs, and what can be done with them.
//!
//! [`Project`] has the use cases that fronts share. Nothing here prints: what people should know on the way goes to the
//! listener of a [`Control`](crate::Control), results are returned.
//!
//! ```no_run
//! use headstart_core::project::{ExtractSettings, Project, ProjectConfig, TrainOptions};
//! use headstart_core::{CancelToken, Control, Event};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let project = Project::new(ProjectConfig { backbone: "resnet50.onnx".into(), ..ProjectConfig::default() });
//! let mut listener = |event: Event<'_>| {
//!     if let Event::Message(message) = event {
//!         eprintln!("{}", message.text);
//!     }
//! };
//! let mut control = Control::new(CancelToken::default(), &mut listener);
//! let photos = project.read("photos", &mut control)?;
//! project.extract(&photos, &ExtractSettings::default(), &mut control)?;
//! let trained = project.train(&photos, &TrainOptions::default(), &mut control)?;
//! println!("{:?} after {:?}", trained.ended, trained.elapsed);
//! # Ok(())
//! # }
//! ```

mod auto;
mod base_run;
mod calibrator;
mod class_counts;
mod config;
mod copies;
mod curves;
mod error;
mod evaluate;
mod evaluation;
mod evaluation_folder;
mod export;
mod exported_model;
mod extract;
mod feature_source;
mod fit;
mod logits;
mod lookup;
mod manifests;
mod other_features;
mod predict;
mod reevaluate;
mod relocate;
mod request;
mod runs;
mod samples;
mod scored_samples;
mod shipped_graph;
mod split_column;
mod temperature;
mod tip;
mod train;
mod training_data;
mod training_images;

use std::num::NonZeroUsize;

use headstart_base::machine::Threads;

pub use base_run::BaseRun;
pub use calibrator::{CalibrationOptions, quantize};
pub use config::{ProjectConfig, read_recipe};
pub use copies::UseOfCopies;
pub use curves::CurvesFolder;
pub use error::{Error, with_causes};
pub use evaluate::EvaluateOptions;
pub use evaluation::{Evaluation, Page};
pub use extract::ExtractSettings;
pub use feature_source::{Accept, FeatureSource};
pub use lookup::Lookup;
pub use manifests::tell_skipped;
pub use predict::{NoPrediction, PredictOptions, Predicted, Probabilities};
pub use request::{FeatureRequest, OtherKind};
pub use runs::RunsFolder;
pub use samples::{Sample, Samples, too_few};
pub use split_column::Divided;
pub use tip::{Instead, SmallerBackbone, Tip, Way};
pub use train::{TrainOptions, Trained};
pub use training_data::DataRequest;
pub use training_images::TrainingImages;

/// Images, a backbone, a cache of features and a folder of runs, and what can be done with them.
///
/// Two projects of different settings work beside each other in one process; they share ONNX Runtime, which a process has once.
#[derive(Debug, Clone, Default)]
pub struct Project {
    config: ProjectConfig,
}

impl Project {
    /// A project where this configuration says. Nothing is opened yet, and nothing has to be there.
    pub fn new(config: ProjectConfig) -> Self {
        Self { config }
    }

    /// Where things lie, and how features are computed.
    pub fn config(&self) -> &ProjectConfig {
        &self.config
    }

    /// What heads are trained on, and rows multiplied.
    fn threads(&self) -> Result<Threads, Error> {
        let threads = self.config.extract.engine.session.threads;
        Ok(Threads::for_training(threads.and_then(NonZeroUsize::new))?)
    }
}
