use std::path::PathBuf;

use headstart::Project;
use headstart::files::Inputs;
use headstart::image::ViewKinds;
use headstart::project::{BaseRun, CurvesFolder, DataRequest, TrainOptions, Trained};
use headstart::train::Ended;

use super::Status;
use super::args::{BackboneArgs, ManifestArgs, RunsArgs, RuntimeArgs};
use super::console::{Console, stdout};
use super::hint::quoted;
use super::listener::Listener;
use super::settings::SettingsArgs;

/// Train a head on cached features, and write a run
///
/// Without settings this is what Keras would call Dense(256, relu) - Dropout(0.5) - Dense(classes), trained by Adam.
/// Settings come from flags, then from the file given by --config, then from the run given by --from, then from the
/// defaults. Ctrl-C ends the training early: the run is written as it is then, unless no epoch is finished yet, and
/// `--from RUN --resume` continues it.
#[derive(Debug, clap::Args)]
#[command(mut_arg("manifests", |manifests| manifests.required(false).required_unless_present("from")))]
pub struct TrainArgs {
    /// Name of the run's folder (default: the date and a number)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Replace a run of the same name
    #[arg(long, requires = "name")]
    overwrite: bool,
    /// Compute features that are missing first
    #[arg(long)]
    extract: bool,
    /// Fit a temperature on the held-out images and keep it in the run: of the predictions with confidence 0.8, about 80 % are then
    /// right
    #[arg(long, help_heading = "Validation")]
    calibrate: bool,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    from: FromArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    runs: RunsArgs,
    #[command(flatten)]
    tensorboard: TensorBoardArgs,
    #[command(flatten)]
    pub(super) backbone: BackboneArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

/// Which images to train on, and which to look at after each epoch without training on them.
#[derive(Debug, clap::Args)]
pub struct DataArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Train on only K images of each class, chosen by the seed; `all`, the default, for all
    #[arg(long, value_name = "K", help_heading = "Manifest", value_parser = shots)]
    shots: Option<Typed<usize>>,
    /// At each step, train on one view of each image, chosen by chance from the plain image and these: `flip`, `crop5`,
    /// `crop10`, as `extract --views` computes them; `none`, the default, for plain images alone
    #[arg(long, value_name = "VIEWS")]
    views: Option<ViewKinds>,
    /// Hold out this fraction of each class for validation (default: `none`, or the manifest's `validation` rows)
    #[arg(
        long,
        value_name = "FRACTION",
        help_heading = "Validation",
        allow_negative_numbers = true,
        conflicts_with = "validation_manifest",
        value_parser = fraction
    )]
    validation: Option<Typed<f64>>,
    /// Validate on the images of another manifest
    #[arg(long, value_name = "MANIFEST", help_heading = "Validation")]
    validation_manifest: Option<PathBuf>,
}

/// The run to begin from.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "From a run")]
pub struct FromArgs {
    /// Train as this run was trained (its folder, its name, or `latest`), with its settings and on its images. Flags and
    /// --config override these
    #[arg(long, value_name = "RUN")]
    from: Option<PathBuf>,
    /// Continue where the run of --from ended or was stopped, on the same images and with the same settings; --epochs is the
    /// total number of epochs. The result is a new run
    #[arg(long, requires = "from")]
    resume: bool,
}

/// Curves for TensorBoard.
#[derive(Debug, clap::Args)]
pub struct TensorBoardArgs {
    /// Write curves for TensorBoard while training, into DIR or else into the run's folder
    // With `=`, for `--tensorboard MANIFEST` would take the manifest.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    tensorboard: Option<Option<PathBuf>>,
}

/// A value, or the word for none: what a run had can be undone.
#[derive(Debug, Clone, Copy)]
struct Typed<T>(Option<T>);

fn fraction(text: &str) -> Result<Typed<f64>, String> {
    let number = || text.parse().map_err(|_| "expected a fraction such as 0.2, or `none`".to_owned());
    if text == "none" { Ok(Typed(None)) } else { Ok(Typed(Some(number()?))) }
}

fn shots(text: &str) -> Result<Typed<usize>, String> {
    let number = || text.parse().ok().filter(|&number| number > 0);
    if text == "all" {
        return Ok(Typed(None));
    }
    let number = number().ok_or("expected a number of images above 0, or `all`")?;
    Ok(Typed(Some(number)))
}

impl DataArgs {
    fn request(&self) -> DataRequest {
        DataRequest {
            shots: self.shots.map(|typed| typed.0),
            views: self.views.clone(),
            validation: self.validation.map(|typed| typed.0),
            validation_manifest: self.validation_manifest.clone(),
            ..self.manifest.request()
        }
    }
}

impl FromArgs {
    fn base(&self, project: &Project) -> anyhow::Result<Option<BaseRun>> {
        Ok(self.from.as_ref().map(|name| project.base_run(name, self.resume)).transpose()?)
    }
}

impl TensorBoardArgs {
    fn folder(&self) -> Option<CurvesFolder> {
        let wish = self.tensorboard.as_ref()?;
        Some(wish.clone().map_or(CurvesFolder::Run, CurvesFolder::At))
    }
}

impl TrainArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let project = self.runs.of(self.backbone.project(&self.runtime));
        self.backbone.tell(console);
        let options = self.options(&project)?;
        let mut listener = Listener::new(console);
        let trained = listener.hear(|control| project.train(self.data.request(), &options, control))?;
        let Trained { run, ended, left_out, calibrated, .. } = trained;
        if let Some(run) = run {
            if ended == Ended::Stopped {
                // By its folder, which is right whatever `--runs` is next time.
                let run = quoted(run.dir());
                console.note(format_args!("`headstart train --from {run} --resume` continues from here"));
            }
            stdout().path(run.dir())?;
        }
        Ok(match ended {
            Ended::Completed if left_out > 0 || !calibrated => Status::Partial,
            Ended::Completed => Status::Done,
            Ended::Stopped | Ended::Failed => Status::Interrupted,
        })
    }

    fn options(&self, project: &Project) -> anyhow::Result<TrainOptions> {
        let base = self.from.base(project)?;
        let settings = base.as_ref().map(|base| base.training.settings.clone());
        Ok(TrainOptions {
            settings: self.settings.over(settings.unwrap_or_default())?,
            base,
            name: self.name.clone(),
            overwrite: self.overwrite,
            extract: self.extract,
            calibrate: self.calibrate,
            curves: self.tensorboard.folder(),
            inputs: Inputs::default().files(self.settings.file()),
        })
    }
}
