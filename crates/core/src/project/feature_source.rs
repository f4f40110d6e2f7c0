//! From a backbone and a precision to what names its features: what every use case that needs features begins with.

use std::path::{Path, PathBuf};

use headstart_backbone::Backbone;
use headstart_backbone::device::Precision;
use headstart_cache::{Fingerprint, Storage, has_store};
use headstart_evaluate::OtherPrecision;
use headstart_image::{ViewKinds, Views};

use super::calibrator::Calibrator;
use super::{Error, FeatureRequest, OtherKind, Project, ProjectConfig};
use crate::Control;
use crate::dataset::Manifest;
use crate::extract::{CacheStatus, ExtractOptions, FeatureCache, Graphs};
use crate::input::files as image_files;
use crate::precision::{Form, PrecisionChoice, other_precision, trained_in, trained_storage};
use crate::run::{BackboneInfo, Run};

/// An opened backbone, and what names its features.
#[derive(Debug)]
pub struct FeatureSource {
    /// The graph that is run.
    pub backbone: Backbone,
    /// What names its features.
    pub fingerprint: Fingerprint,
    /// How its features differ from those that a run was trained on, if that was accepted.
    pub other_precision: Option<OtherPrecision>,
    precision: Precision,
    /// The ONNX Runtime that had to be loaded to choose the precision; a process has one.
    onnxruntime: Option<PathBuf>,
    /// What it was opened by.
    config: ProjectConfig,
    /// Whether a run's head has to understand the features, so that no others would do.
    of_run: bool,
}

/// Whether a head may be shown features that it was not trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// No features but its own.
    Own,
    /// No others; but whoever asks may say that they are welcome.
    OwnOrAsk,
    /// Those of the same network in another precision too.
    OtherPrecision,
}

impl Project {
    /// Open the backbone in the precision of the configuration, else in that in which features are kept, else as the graph is.
    /// What has to be measured or made for that first is an error.
    ///
    /// # Errors
    /// As [`ProjectConfig::open_backbone`]; [`Error::NoInt8Graph`], [`Error::NothingChosen`].
    pub fn features(&self, control: &mut Control<'_>) -> Result<FeatureSource, Error> {
        FeatureSource::open(self.config(), None, control)
    }

    /// In the precision of the configuration, else as the graph is, whatever is kept: for a head that was trained elsewhere.
    ///
    /// # Errors
    /// As [`features`](Self::features).
    pub fn own_features(&self, control: &mut Control<'_>) -> Result<FeatureSource, Error> {
        let config = self.config();
        if config.precision.is_some() {
            return self.features(control);
        }
        let form = Form::own(&config.open_backbone()?);
        let (fingerprint, _) =
            form.kept_as(config.storage, |fingerprint| has_store(&config.cache, fingerprint))?;
        Ok(FeatureSource::new(config, form, fingerprint))
    }

    /// As [`features`](Self::features), for a run: its head understands the features that it was trained on, and no others.
    /// Unless the configuration says otherwise they are its own, in whatever precision.
    ///
    /// # Errors
    /// [`Error::OtherFeatures`], [`Error::LostInt8Graph`]; as [`features`](Self::features).
    pub fn features_of(&self, run: &Run, accept: Accept) -> Result<FeatureSource, Error> {
        FeatureSource::of_run(self.config(), run, accept)
    }
}

impl FeatureSource {
    /// As [`Project::features`]; what has to be measured or made first is done by `calibrator`, if there is one.
    pub(super) fn open(
        config: &ProjectConfig,
        calibrator: Option<&Calibrator<'_>>,
        control: &mut Control<'_>,
    ) -> Result<Self, Error> {
        let (backbone, graphs) = (config.open_backbone()?, Graphs::of(&config.cache));
        let mut onnxruntime = None;
        let form = match (config.precision, calibrator) {
            (None, _) => return Self::as_kept(config, &backbone, &graphs, control),
            (Some(PrecisionChoice::Only(precision)), Some(calibrator)) => {
                calibrator.form(&backbone, precision, &graphs, control)?
            }
            (Some(PrecisionChoice::Only(precision)), None) => Form::only(&backbone, precision, &graphs)?
                .ok_or_else(|| no_int8_graph(config, &graphs, &backbone))?,
            (Some(PrecisionChoice::Auto), Some(calibrator)) => {
                let choice = calibrator.choose(&backbone, &graphs, control)?;
                onnxruntime = choice.onnxruntime;
                choice.form
            }
            (Some(PrecisionChoice::Auto), None) => {
                let nothing = || Error::NothingChosen { config: Box::new(config.clone()) };
                let chosen = graphs.chosen(&backbone).ok_or_else(nothing)?;
                Form::only(&backbone, chosen.precision, &graphs)?
                    .ok_or_else(|| no_int8_graph(config, &graphs, &backbone))?
            }
        };
        let (fingerprint, _) =
            form.kept_as(config.storage, |fingerprint| has_store(&config.cache, fingerprint))?;
        Ok(Self { onnxruntime, ..Self::new(config, form, fingerprint) })
    }

    /// The first of all forms that has features here, or else the graph's own.
    fn as_kept(
        config: &ProjectConfig,
        backbone: &Backbone,
        graphs: &Graphs,
        control: &mut Control<'_>,
    ) -> Result<Self, Error> {
        let is_kept = |fingerprint: &Fingerprint| has_store(&config.cache, fingerprint);
        for (place, form) in Form::all(backbone, graphs).into_iter().enumerate() {
            let (fingerprint, kept) = form.kept_as(config.storage, is_kept)?;
            if kept {
                if place > 0 {
                    let precision = form.precision;
                    control.note(format_args!(
                        "using {precision}: the cache already holds {precision} features"
                    ));
                }
                return Ok(Self::new(config, form, fingerprint));
            }
        }
        let form = Form::own(backbone);
        let (fingerprint, _) = form.kept_as(config.storage, is_kept)?;
        Ok(Self::new(config, form, fingerprint))
    }

    pub(super) fn of_run(config: &ProjectConfig, run: &Run, accept: Accept) -> Result<Self, Error> {
        let (backbone, graphs) = (config.open_backbone()?, Graphs::of(&config.cache));
        let is_its = |fingerprint: &Fingerprint| {
            run.info.features.fingerprint == fingerprint.hash().to_hex().to_string()
        };
        let form = match config.precision {
            Some(PrecisionChoice::Only(precision)) => Form::only(&backbone, precision, &graphs)?
                .ok_or_else(|| no_int8_graph(config, &graphs, &backbone))?,
            // The head understands no others.
            Some(PrecisionChoice::Auto) | None => match Form::of_run(&run.info, &backbone, &graphs) {
                Some(form) => form,
                None if accept == Accept::OtherPrecision || !lacks_its_graph(run, &backbone) => {
                    Form::own(&backbone)
                }
                None => {
                    let (run, folder) = (run.dir().to_path_buf(), graphs.folder().to_path_buf());
                    return Err(Error::LostInt8Graph { run, folder, config: Box::new(config.clone()) });
                }
            },
        };
        // Another precision has no features of the run's, which could tell the storage.
        let storage = config.storage.or_else(|| trained_storage(&run.info));
        let (fingerprint, its) = form.kept_as(storage, is_its)?;
        let other = other_precision(run, &form, &fingerprint);
        let source = Self { of_run: true, ..Self::new(config, form, fingerprint) };
        match (its, other, accept) {
            (true, ..) => Ok(source),
            (_, Some(other), Accept::OtherPrecision) => Ok(Self { other_precision: Some(other), ..source }),
            (_, other, accept) => {
                let acceptable = other.is_some() && accept != Accept::Own;
                Err(Error::other_features(run, &source, other.as_ref(), acceptable))
            }
        }
    }

    fn new(config: &ProjectConfig, form: Form, fingerprint: Fingerprint) -> Self {
        let Form { backbone, precision } = form;
        let (other_precision, onnxruntime) = (None, None);
        let config = config.clone();
        Self { backbone, fingerprint, other_precision, precision, onnxruntime, config, of_run: false }
    }

    /// The cache, begun if there is none.
    ///
    /// # Errors
    /// As [`FeatureCache::create_or_open`].
    pub fn create_cache(&self) -> Result<FeatureCache, Error> {
        Ok(FeatureCache::create_or_open(&self.config.cache, self.backbone.name(), &self.fingerprint)?)
    }

    /// The cache, if there is one.
    ///
    /// # Errors
    /// As [`FeatureCache::open`].
    pub fn open_cache(&self) -> Result<Option<FeatureCache>, Error> {
        Ok(FeatureCache::open(&self.config.cache, &self.fingerprint)?)
    }

    pub(super) fn config(&self) -> &ProjectConfig {
        &self.config
    }

    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// How to compute what the cache lacks.
    pub fn extract_options(&self) -> ExtractOptions {
        let mut options = self.config.extract.clone();
        options.engine.session.precision = self.precision;
        if let Some(onnxruntime) = &self.onnxruntime {
            options.engine.libraries.onnxruntime = Some(onnxruntime.clone());
        }
        options
    }

    /// The views that these words mean for this backbone.
    pub fn views(&self, kinds: &ViewKinds) -> Views {
        kinds.of(self.backbone.recipe())
    }

    /// As a run remembers it.
    pub fn backbone_info(&self) -> BackboneInfo {
        BackboneInfo {
            name: self.backbone.name().to_owned(),
            digest: self.backbone.digest().to_hex().to_string(),
            quantised_from: self.backbone.quantised_from().map(str::to_owned),
            int8_check: Graphs::of(&self.config.cache).checked(&self.backbone),
        }
    }
}

/// How features can be had that are missing.
impl FeatureSource {
    /// What computes the features of these images. `all` are the manifests that are wanted if this one is not all.
    pub fn request(&self, manifest: &Manifest, all: &[PathBuf], views: &ViewKinds) -> FeatureRequest {
        let manifests = match all {
            [] => manifest.sources().map(Path::to_path_buf).collect(),
            all => all.to_vec(),
        };
        FeatureRequest {
            manifests,
            columns: manifest.columns().clone(),
            views: views.clone(),
            config: self.config_that_leads_here(),
        }
    }

    /// The least that has to be said for an extraction to compute these features.
    fn config_that_leads_here(&self) -> ProjectConfig {
        let storage = Some(self.fingerprint.parts().storage);
        let precision = Some(PrecisionChoice::Only(self.precision));
        let own_graph = ProjectConfig { backbone: self.backbone.path().to_path_buf(), ..self.config.clone() };
        let with = |config: &ProjectConfig, precision, storage| ProjectConfig {
            precision,
            storage,
            ..config.clone()
        };
        let ways = [
            with(&self.config, None, None),
            with(&self.config, precision, None),
            with(&self.config, precision, storage),
            // An int8 graph that was replaced by a newer one is still a backbone of its own.
            with(&own_graph, None, None),
        ];
        let leads_here = |config: &ProjectConfig| {
            let opened = Self::open(config, None, &mut Control::silent());
            opened.is_ok_and(|opened| opened.fingerprint.hash() == self.fingerprint.hash())
        };
        ways.into_iter().find(leads_here).unwrap_or_else(|| with(&own_graph, precision, storage))
    }

    /// A kind of features that the cache has of all these images, in another precision or storage; `None` if there is none, or
    /// if a precision was asked for, or a run needs its own.
    pub fn kept_elsewhere(&self, files: &[PathBuf], views: &ViewKinds) -> Option<OtherKind> {
        if self.config.precision.is_some() || self.of_run {
            return None;
        }
        let backbone = self.config.open_backbone().ok()?;
        for form in Form::all(&backbone, &Graphs::of(&self.config.cache)) {
            for storage in [Storage::F32, Storage::F16] {
                let fingerprint = form.fingerprint(storage).ok()?;
                if self.config.storage.is_some_and(|asked| asked != storage)
                    || fingerprint.hash() == self.fingerprint.hash()
                    || !has_all(&self.config.cache, &fingerprint, self.views(views), files)
                {
                    continue;
                }
                return Some(OtherKind { precision: form.precision, storage });
            }
        }
        None
    }
}

/// Whether every file has features or cannot have any, and one at least has.
fn has_all(cache: &Path, fingerprint: &Fingerprint, views: Views, files: &[PathBuf]) -> bool {
    let Ok(Some(mut cache)) = FeatureCache::open(cache, fingerprint) else { return false };
    let statuses = cache.status_in(views, &image_files(files));
    let is_there = |status: &CacheStatus| matches!(status, CacheStatus::Ready(_));
    statuses.iter().any(is_there) && !statuses.contains(&CacheStatus::Absent)
}

fn no_int8_graph(config: &ProjectConfig, graphs: &Graphs, backbone: &Backbone) -> Error {
    Error::NoInt8Graph { path: graphs.path(backbone), config: Box::new(config.clone()) }
}

/// Whether the features of the run come from an int8 graph of this backbone, which is not here.
fn lacks_its_graph(run: &Run, backbone: &Backbone) -> bool {
    let its = &run.info.backbone;
    trained_in(&run.info) == Some(Precision::Int8)
        && its.quantised_from.as_deref() == Some(&*backbone.digest().to_hex())
}
