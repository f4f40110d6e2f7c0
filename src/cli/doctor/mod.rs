//! `headstart doctor`: is everything there, and are the features right?

mod checks;
mod golden;
mod place;
mod report;
mod speed;

use headstart::backbone::{Backbone, Engine};
use headstart::convert::quantize::WeightBits;
use headstart::extract::Graphs;

use super::args::{BackboneArgs, RuntimeArgs};
use super::console::Console;
use super::{Status, hint};
use headstart::precision::{Form, PrecisionChoice};
use headstart::project::Error;
use report::{Check, Report};

/// Check the installation: ONNX Runtime, devices, the backbone, its features, the speed, the cache's folder
///
/// The features of two photographs that the program carries are compared with those that Keras computes on the same
/// weights; for any other backbone, general checks are made. Exit status: 0 all is well, 1 something is worth
/// a look, 2 something fails.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) backbone: BackboneArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

impl DoctorArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let mut report = Report::new(self.json, console);
        report.add(checks::program())?;
        report.add(checks::runtime(self.runtime.onnxruntime.as_deref()))?;
        for check in checks::devices(self.runtime.onnxruntime.as_deref()) {
            report.add(check)?;
        }
        report.add(checks::int8(WeightBits::for_this_processor()))?;
        report.add(checks::heic())?;
        let backbone = self.backbone(&mut report)?;
        self.engine(backbone.as_ref(), &mut report)?;
        for check in place::cache(&self.backbone.cache) {
            report.add(check)?;
        }
        report.add(place::copies())?;
        report.finish()
    }

    fn backbone(&self, report: &mut Report) -> anyhow::Result<Option<Backbone>> {
        let opened = self.backbone.config().open_backbone().map_err(anyhow::Error::from);
        report.add(checks::backbone(&opened, self.backbone.remark()))?;
        report.add(checks::names(&self.backbone.known()))?;
        Ok(opened.ok())
    }

    /// Load the backbone onto the device, and look at what it computes.
    fn engine(&self, backbone: Option<&Backbone>, report: &mut Report) -> anyhow::Result<()> {
        let Some(backbone) = backbone else {
            report.add(Check::skipped("device", "not tried: there is no backbone to run"))?;
            return Ok(report.add(Check::skipped("features", "not tried: there is no backbone to run"))?);
        };
        let graphs = Graphs::of(&self.backbone.cache);
        let form = match self.form(backbone, &graphs) {
            Ok(form) => form,
            Err(error) => return Ok(report.add(failed("device", &error))?),
        };
        let forms = Form::all(backbone, &graphs);
        let Form { ref backbone, precision } = form;
        let mut options = self.runtime.engine_options();
        options.session.precision = precision;
        options.session.max_batch = Some(golden::BATCH);
        let mut engine = Engine::start(backbone, &options).map_err(anyhow::Error::from);
        report.add(checks::engine(self.runtime.device, &engine))?;
        let Ok(engine) = &mut engine else {
            return Ok(report.add(Check::skipped("features", "not tried: the backbone does not run"))?);
        };
        report.add(golden::features(backbone, engine, precision))?;
        Ok(report.add(speed::speed(&form, &forms, engine, &options))?)
    }

    /// What was asked for; what `auto` chose if it did.
    fn form(&self, backbone: &Backbone, graphs: &Graphs) -> anyhow::Result<Form> {
        let precision = match self.backbone.precision {
            Some(PrecisionChoice::Only(precision)) => Some(precision),
            Some(PrecisionChoice::Auto) => graphs.chosen(backbone).map(|chosen| chosen.precision),
            None => None,
        };
        let Some(precision) = precision else { return Ok(Form::own(backbone)) };
        let config = || Box::new(self.backbone.config());
        let missing = || Error::NoInt8Graph { path: graphs.path(backbone), config: config() };
        Ok(Form::only(backbone, precision, graphs)?.ok_or_else(missing)?)
    }
}

/// An error with its causes, and its remedy.
fn failed(name: &'static str, error: &anyhow::Error) -> Check {
    let check = Check::failed(name, format!("{error:#}"));
    match hint::hint(error) {
        Some(remedy) => check.remedy(remedy),
        None => check.remedy("see the message"),
    }
}
