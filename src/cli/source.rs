//! From a backbone and a precision to what names its features: what every command but `backbone` and `cache` begins with.

use std::path::PathBuf;

use headstart::backbone::Backbone;
use headstart::backbone::device::Precision;
use headstart::backbone::session::copies;
use headstart::cache::{Fingerprint, OtherPrecision, has_store};
use headstart::extract::{ExtractOptions, FeatureCache, Graphs};
use headstart::preprocess::{ViewKinds, Views};
use headstart::train::{BackboneInfo, Run};

use super::args::{BackboneArgs, RuntimeArgs};
use super::console::Console;
use super::error::Error;
use super::making::Making;
use super::precision::{Form, PrecisionChoice, other_precision, trained_storage};

/// An opened backbone, and what names its features.
#[derive(Debug)]
pub struct Source {
    pub backbone: Backbone,
    pub fingerprint: Fingerprint,
    /// How its features differ from those that a run was trained on, if that was accepted.
    pub other_precision: Option<OtherPrecision>,
    precision: Precision,
    /// The ONNX Runtime that had to be loaded to choose the precision; a process has one.
    onnxruntime: Option<PathBuf>,
    cache: PathBuf,
}

impl Source {
    /// In the precision that was typed, else in that in which features are kept, else as the graph is. What has to be measured or made
    /// for that first is done by `making`, or is an error if the command is none that computes.
    pub fn open(args: &BackboneArgs, making: Option<&Making>, console: &Console) -> anyhow::Result<Self> {
        let (backbone, graphs) = (open(args)?, Graphs::of(&args.cache));
        let mut onnxruntime = None;
        let form = match args.precision {
            None => return Self::as_kept(args, &backbone, &graphs, console),
            Some(PrecisionChoice::Only(precision)) => match making {
                Some(making) => making.form(&backbone, precision, &graphs, console)?,
                None => Form::only(&backbone, precision, &graphs)?
                    .ok_or_else(|| Error::NoInt8Graph { path: graphs.path(&backbone) })?,
            },
            Some(PrecisionChoice::Auto) => match making {
                Some(making) => {
                    let choice = making.choose(&backbone, &graphs, console)?;
                    onnxruntime = choice.onnxruntime;
                    choice.form
                }
                None => {
                    let chosen = graphs.chosen(&backbone).ok_or(Error::NothingChosen)?;
                    Form::only(&backbone, chosen.precision, &graphs)?
                        .ok_or_else(|| Error::NoInt8Graph { path: graphs.path(&backbone) })?
                }
            },
        };
        let (fingerprint, _) =
            form.kept_as(args.storage, |fingerprint| has_store(&args.cache, fingerprint))?;
        Ok(Self { onnxruntime, ..Self::new(args, form, fingerprint) })
    }

    /// In the precision that was typed, else as the graph is, whatever is kept: for a head that was trained elsewhere.
    pub fn open_plainly(args: &BackboneArgs, console: &Console) -> anyhow::Result<Self> {
        if args.precision.is_some() {
            return Self::open(args, None, console);
        }
        let form = Form::own(&open(args)?);
        let (fingerprint, _) =
            form.kept_as(args.storage, |fingerprint| has_store(&args.cache, fingerprint))?;
        Ok(Self::new(args, form, fingerprint))
    }

    /// The first of all forms that has features here, or else the graph's own.
    fn as_kept(
        args: &BackboneArgs,
        backbone: &Backbone,
        graphs: &Graphs,
        console: &Console,
    ) -> anyhow::Result<Self> {
        let is_kept = |fingerprint: &Fingerprint| has_store(&args.cache, fingerprint);
        for (place, form) in Form::all(backbone, graphs).into_iter().enumerate() {
            let (fingerprint, kept) = form.kept_as(args.storage, is_kept)?;
            if kept {
                if place > 0 {
                    let precision = form.precision;
                    console.note(format_args!("in {precision}, as features are kept here already"));
                }
                return Ok(Self::new(args, form, fingerprint));
            }
        }
        let form = Form::own(backbone);
        let (fingerprint, _) = form.kept_as(args.storage, is_kept)?;
        Ok(Self::new(args, form, fingerprint))
    }

    /// As [`open`](Self::open), for a run: its head understands the features that it was trained on, and no others. Unless
    /// something else is typed they are its own, in whatever precision.
    pub fn open_for(run: &Run, args: &BackboneArgs, accept: Option<AcceptArgs>) -> anyhow::Result<Self> {
        let (backbone, graphs) = (open(args)?, Graphs::of(&args.cache));
        let is_its = |fingerprint: &Fingerprint| {
            run.info.features.fingerprint == fingerprint.hash().to_hex().to_string()
        };
        let form = match args.precision {
            Some(PrecisionChoice::Only(precision)) => Form::only(&backbone, precision, &graphs)?
                .ok_or_else(|| Error::NoInt8Graph { path: graphs.path(&backbone) })?,
            // Nothing else would do.
            Some(PrecisionChoice::Auto) | None => {
                Form::of_run(&run.info, &backbone, &graphs).unwrap_or_else(|| Form::own(&backbone))
            }
        };
        // Another precision has no features of the run's, which could tell the storage.
        let storage = args.storage.or_else(|| trained_storage(&run.info));
        let (fingerprint, its) = form.kept_as(storage, is_its)?;
        let other = other_precision(run, &form, &fingerprint);
        let source = Self::new(args, form, fingerprint);
        match (its, other, accept) {
            (true, ..) => Ok(source),
            (_, Some(other), Some(AcceptArgs { accept_precision: true })) => {
                Ok(Self { other_precision: Some(other), ..source })
            }
            (_, other, accept) => {
                let error = Error::other_features(run, &source, other.as_ref());
                Err(error.acceptable(other.is_some() && accept.is_some()).into())
            }
        }
    }

    fn new(args: &BackboneArgs, form: Form, fingerprint: Fingerprint) -> Self {
        let Form { backbone, precision } = form;
        let (other_precision, onnxruntime) = (None, None);
        Self { backbone, fingerprint, other_precision, precision, onnxruntime, cache: args.cache.clone() }
    }

    /// The cache, begun if there is none.
    pub fn create_cache(&self) -> anyhow::Result<FeatureCache> {
        Ok(FeatureCache::create_or_open(&self.cache, self.backbone.name(), &self.fingerprint)?)
    }

    /// The cache, if there is one.
    pub fn open_cache(&self) -> anyhow::Result<Option<FeatureCache>> {
        Ok(FeatureCache::open(&self.cache, &self.fingerprint)?)
    }

    /// How to compute what the cache lacks.
    pub fn extract_options(&self, runtime: &RuntimeArgs) -> ExtractOptions {
        ExtractOptions {
            device: runtime.device,
            precision: self.precision,
            threads: runtime.threads.map(usize::from),
            onnxruntime: self.onnxruntime.clone().or_else(|| runtime.onnxruntime.clone()),
            copies: copies::default_folder(),
            ..ExtractOptions::default()
        }
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
        }
    }
}

fn open(args: &BackboneArgs) -> anyhow::Result<Backbone> {
    Ok(Backbone::open_with(&args.backbone, &args.options()?)?)
}

/// Whether a head may be shown features that it was not trained on.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Features")]
pub struct AcceptArgs {
    /// Show the head features of another precision than those that it was trained on; what is written tells so
    #[arg(long)]
    accept_precision: bool,
}
