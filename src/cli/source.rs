//! From a backbone and a precision to what names its features: what every command but `backbone` and `cache` begins with.

use std::path::{Path, PathBuf};

use headstart::backbone::device::Precision;
use headstart::backbone::{Backbone, EngineOptions};
use headstart::cache::{Fingerprint, Storage, has_store};
use headstart::dataset::{Columns, Manifest};
use headstart::evaluate::OtherPrecision;
use headstart::extract::{ExtractOptions, FeatureCache, Graphs, Standing};
use headstart::image::{ViewKinds, Views};
use headstart::image_files;
use headstart::run::{BackboneInfo, Run};

use super::args::{BackboneArgs, RuntimeArgs};
use super::console::Console;
use super::error::Error;
use super::hint::quoted;
use super::making::Making;
use headstart::precision::{Form, PrecisionChoice, other_precision, trained_in, trained_storage};

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
    /// What it was opened by.
    args: BackboneArgs,
    /// Whether a run's head has to understand the features, so that no others would do.
    of_run: bool,
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
                    .ok_or_else(|| no_int8_graph(args, &graphs, &backbone))?,
            },
            Some(PrecisionChoice::Auto) => match making {
                Some(making) => {
                    let choice = making.choose(&backbone, &graphs, console)?;
                    onnxruntime = choice.onnxruntime;
                    choice.form
                }
                None => {
                    let chosen = graphs
                        .chosen(&backbone)
                        .ok_or_else(|| Error::NothingChosen { flags: args.flags() })?;
                    Form::only(&backbone, chosen.precision, &graphs)?
                        .ok_or_else(|| no_int8_graph(args, &graphs, &backbone))?
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
                    console.note(format_args!(
                        "using {precision}: the cache already holds {precision} features"
                    ));
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
        let accepted = accept.is_some_and(|accept| accept.accept_precision);
        let form = match args.precision {
            Some(PrecisionChoice::Only(precision)) => Form::only(&backbone, precision, &graphs)?
                .ok_or_else(|| no_int8_graph(args, &graphs, &backbone))?,
            // The head understands no others.
            Some(PrecisionChoice::Auto) | None => match Form::of_run(&run.info, &backbone, &graphs) {
                Some(form) => form,
                None if accepted || !lacks_its_graph(run, &backbone) => Form::own(&backbone),
                None => {
                    let (run, folder) = (run.dir().to_path_buf(), graphs.folder().to_path_buf());
                    return Err(Error::LostInt8Graph { run, folder, flags: args.flags() }.into());
                }
            },
        };
        // Another precision has no features of the run's, which could tell the storage.
        let storage = args.storage.or_else(|| trained_storage(&run.info));
        let (fingerprint, its) = form.kept_as(storage, is_its)?;
        let other = other_precision(run, &form, &fingerprint);
        let source = Self { of_run: true, ..Self::new(args, form, fingerprint) };
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
        let args = args.clone();
        Self { backbone, fingerprint, other_precision, precision, onnxruntime, args, of_run: false }
    }

    /// The cache, begun if there is none.
    pub fn create_cache(&self) -> anyhow::Result<FeatureCache> {
        Ok(FeatureCache::create_or_open(&self.args.cache, self.backbone.name(), &self.fingerprint)?)
    }

    /// The cache, if there is one.
    pub fn open_cache(&self) -> anyhow::Result<Option<FeatureCache>> {
        Ok(FeatureCache::open(&self.args.cache, &self.fingerprint)?)
    }

    /// How to compute what the cache lacks.
    pub fn extract_options(&self, runtime: &RuntimeArgs) -> ExtractOptions {
        let engine = EngineOptions { precision: self.precision, ..runtime.engine_options() };
        let onnxruntime = self.onnxruntime.clone().or(engine.onnxruntime);
        ExtractOptions { engine: EngineOptions { onnxruntime, ..engine }, ..ExtractOptions::default() }
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

/// How features can be had that are missing: what hints are made of.
impl Source {
    /// The command that computes the features of these images, these and no others, whatever else the cache holds.
    /// `all` are the manifests that are wanted if these are not all.
    pub fn extract_command(&self, manifest: &Manifest, all: &[PathBuf], views: &ViewKinds) -> String {
        let sources: Vec<&Path> = match all {
            [] => manifest.sources().collect(),
            all => all.iter().map(PathBuf::as_path).collect(),
        };
        let mut command = self.command("extract", sources.into_iter(), manifest.columns());
        if !views.is_empty() {
            command += &format!(" --views {views}");
        }
        command
    }

    /// A command on the same features of these manifests.
    pub fn command<'a>(
        &self,
        command: &str,
        manifests: impl Iterator<Item = &'a Path>,
        columns: &Columns,
    ) -> String {
        let mut words = vec![format!("headstart {command}")];
        words.extend(manifests.map(quoted));
        let default = Columns::default();
        for (flag, column, default) in [
            ("--path-column", &columns.path, &default.path),
            ("--label-column", &columns.label, &default.label),
            ("--split-column", &columns.split, &default.split),
        ] {
            if column != default {
                words.push(format!("{flag} {}", quoted(column.as_ref())));
            }
        }
        words.extend(self.flags());
        words.join(" ")
    }

    /// The flags with which `extract` computes these features.
    fn flags(&self) -> Vec<String> {
        let storage = self.fingerprint.parts().storage;
        let mut own_graph = self.args.clone();
        own_graph.backbone = self.backbone.path().to_path_buf();
        let ways = [
            self.args.clone().with(None, None),
            self.args.clone().with(Some(self.precision), None),
            self.args.clone().with(Some(self.precision), Some(storage)),
            // An int8 graph that was replaced by a newer one is still a backbone of its own.
            own_graph.clone().with(None, None),
        ];
        let last = own_graph.with(Some(self.precision), Some(storage));
        let leads_here = |args: &&BackboneArgs| {
            let opened = Self::open(args, None, &Console::silent());
            opened.is_ok_and(|opened| opened.fingerprint.hash() == self.fingerprint.hash())
        };
        ways.iter().find(leads_here).unwrap_or(&last).all_flags()
    }

    /// The flags that lead to features of all these images that the cache holds in another precision or storage; `None` if there are
    /// none, or if a precision was asked for, or a run needs its own.
    pub fn kept_elsewhere(&self, files: &[PathBuf], views: &ViewKinds) -> Option<String> {
        if self.of_run || self.args.precision.is_some() {
            return None;
        }
        let backbone = open(&self.args).ok()?;
        for form in Form::all(&backbone, &Graphs::of(&self.args.cache)) {
            for storage in [Storage::F32, Storage::F16] {
                let fingerprint = form.fingerprint(storage).ok()?;
                if self.args.storage.is_some_and(|typed| typed != storage)
                    || fingerprint.hash() == self.fingerprint.hash()
                    || !has_all(&self.args.cache, &fingerprint, self.views(views), files)
                {
                    continue;
                }
                let mut words = vec![format!("--precision {}", form.precision)];
                if storage == Storage::F16 {
                    words.push("--storage f16".to_owned());
                }
                return Some(words.join(" "));
            }
        }
        None
    }
}

/// Whether every file has features or cannot have any, and one at least has.
fn has_all(cache: &Path, fingerprint: &Fingerprint, views: Views, files: &[PathBuf]) -> bool {
    let Ok(Some(mut cache)) = FeatureCache::open(cache, fingerprint) else { return false };
    let standings = cache.standing_in(views, &image_files(files));
    let is_there = |standing: &Standing| matches!(standing, Standing::Ready(_));
    standings.iter().any(is_there) && !standings.contains(&Standing::Absent)
}

fn no_int8_graph(args: &BackboneArgs, graphs: &Graphs, backbone: &Backbone) -> Error {
    Error::NoInt8Graph { path: graphs.path(backbone), flags: args.flags() }
}

/// Whether the features of the run come from an int8 graph of this backbone, which is not here.
fn lacks_its_graph(run: &Run, backbone: &Backbone) -> bool {
    let its = &run.info.backbone;
    trained_in(&run.info) == Some(Precision::Int8)
        && its.quantised_from.as_deref() == Some(&*backbone.digest().to_hex())
}

fn open(args: &BackboneArgs) -> anyhow::Result<Backbone> {
    Ok(Backbone::open_with(&args.backbone, &args.options()?)?)
}

/// Whether a head may be shown features that it was not trained on.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Features")]
pub struct AcceptArgs {
    /// Accept features of another precision than the head was trained on; what is written says so
    #[arg(long)]
    accept_precision: bool,
}
