use std::path::{Path, PathBuf};

use anyhow::Context;
use headstart::Project;
use headstart::dataset::Classes;
use headstart::files::{path_text, read_text};
use headstart::nn::Activation;
use headstart::nn::import::{ImportOptions, ImportedHead, Layout, import_head};
use headstart::run::{Import, NewRun, Origin};

use super::Status;
use super::args::{BackboneArgs, RunsArgs};
use super::console::{Console, stdout};
use super::listener::Listener;

/// Make a run from a head that was trained elsewhere: Dense layers of Keras or PyTorch, as a safetensors file
///
/// The run predicts what the head predicts there, on the same features: `--backbone` is the graph that they come from, with the
/// preprocessing that was used. A last layer of one unit is the probability of the second of two classes. Softmax, and the sigmoid of
/// that one unit, are not part of the weights and are added.
#[derive(Debug, clap::Args)]
pub struct ImportHeadArgs {
    /// Weights of the dense layers (safetensors): Keras' `LAYER/kernel` (inputs, units), PyTorch's `LAYER.weight` (units, inputs), and `bias`
    #[arg(value_name = "WEIGHTS")]
    weights: PathBuf,
    /// Names of the classes in the order of the outputs: separated by commas, or a file with one name a line or a JSON list
    #[arg(long, value_name = "NAMES|FILE")]
    classes: PathBuf,
    /// Activation between the layers: `relu`, `tanh`, `sigmoid`
    #[arg(long, value_name = "NAME", default_value_t)]
    activation: Activation,
    /// Layout of the kernels, if their names do not say it: `keras` for (inputs, units), `pytorch` for (units, inputs)
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<Layout>,
    /// Names of the dense layers, first to last, if the file holds others too or the order of the names is another one
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    layers: Vec<String>,
    /// Name of the run's folder (default: the date and a number)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Replace a run of the same name
    #[arg(long, requires = "name")]
    overwrite: bool,
    #[command(flatten)]
    runs: RunsArgs,
    #[command(flatten)]
    pub(super) backbone: BackboneArgs,
}

impl ImportHeadArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let file = self.weights.display();
        let project = self.runs.of(Project::new(self.backbone.config()));
        self.backbone.tell(console);
        let runs = project.runs();
        let _made = runs.check_new(self.name.as_deref(), self.overwrite)?;
        let inputs = || self.backbone.inputs().files([&self.weights, &self.classes]);
        runs.check_inputs(self.name.as_deref(), inputs)?;
        let classes = Classes::new(class_names(&self.classes)?)?;
        let source = Listener::new(console).hear(|control| project.own_features(control))?;
        let bytes = std::fs::read(&self.weights).with_context(|| format!("cannot read `{file}`"))?;
        let options = ImportOptions {
            inputs: source.backbone.feature_size(),
            classes: classes.len(),
            activation: self.activation,
            layout: self.layout,
            layers: self.layers.clone(),
        };
        let imported =
            import_head(&bytes, &options).with_context(|| format!("cannot take a head from `{file}`"))?;
        self.tell(&imported, console);
        let import = Import {
            file: path_text(&self.weights).into_owned(),
            digest: blake3::hash(&bytes).to_hex().to_string(),
            layers: imported.layers.into_iter().map(|(name, _)| name).collect(),
        };
        let info = source.run_info(&classes, Origin::Imported(import));
        let run = NewRun { info: &info, head: &imported.head, course: None };
        let run = run.create(runs.path(), self.name.as_deref(), self.overwrite)?;
        stdout().path(run.dir())?;
        Ok(Status::Done)
    }

    /// What was found, so that whoever knows the head sees whether it is the one.
    fn tell(&self, imported: &ImportedHead, console: &Console) {
        for ((name, layout), layer) in imported.layers.iter().zip(imported.head.layers()) {
            let (inputs, units) = layer.kernel.dim();
            let name = if name.is_empty() { "the only layer" } else { name };
            console.note(format_args!(
                "{name}: {inputs} inputs, {units} units; the kernel is {layout} in the file"
            ));
        }
        if imported.head.layers().len() > 1 {
            console.note(format_args!("activation between the layers: {}", self.activation));
        }
        if imported.single_unit {
            console.note("one unit, whose sigmoid is the probability of the second class");
        }
    }
}

/// A file if there is one, else names with commas between them.
fn class_names(path: &Path) -> anyhow::Result<Vec<String>> {
    if !path.is_file() {
        let names = path.to_str().context("the names of the classes are not UTF-8 text")?;
        return Ok(names.split(',').map(|name| name.trim().to_owned()).collect());
    }
    let told = path.display();
    let text = read_text(path).with_context(|| format!("cannot read `{told}`"))?;
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(&text).with_context(|| format!("`{told}` is not a JSON list of names"));
    }
    Ok(text.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
}
