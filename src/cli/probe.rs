//! Trying recipes on a classifier: which of them makes it recognise what is on a photograph?

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use headstart::backbone::probe::{Answer, Classifier, Probe};
use headstart::backbone::runtime::Runtime;
use headstart::files::path_text;
use headstart::image::Recipe;
use headstart::project::read_recipe;
use serde::Serialize;

/// Flags of a command that tries recipes.
#[derive(Debug, clap::Args)]
pub struct ProbeArgs {
    /// Show the classifier photographs of a cat and a cup of coffee, prepared by each recipe
    #[arg(long = "try")]
    attempt: bool,
    /// Try this recipe alone: a preset or a TOML file
    #[arg(long, value_name = "PRESET|FILE", requires = "attempt")]
    recipe: Option<PathBuf>,
    /// Shared library of ONNX Runtime (default: ORT_DYLIB_PATH, models/runtime, beside the program, Python's)
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
}

/// What came of one recipe.
#[derive(Debug, Serialize)]
pub struct Trial {
    recipe: String,
    #[serde(flatten)]
    probe: Probe,
}

/// What came of all that were tried, best first.
#[derive(Debug, Serialize)]
pub struct Trials {
    tried: Vec<Trial>,
    /// Recipes that the graph does not take, with the reason.
    unfit: Vec<(String, String)>,
}

impl ProbeArgs {
    /// The ONNX Runtime that was named.
    pub fn onnxruntime(&self) -> Option<&Path> {
        self.onnxruntime.as_deref()
    }

    /// None if nothing was to be tried.
    pub fn run(&self, file: &Path) -> anyhow::Result<Option<Trials>> {
        if !self.attempt {
            return Ok(None);
        }
        let runtime = Runtime::load(self.onnxruntime.as_deref())?;
        let Some(classifier) = Classifier::find(&runtime, file)? else {
            anyhow::bail!(
                "`{}` has no scores of ImageNet's 1000 classes, so photographs tell nothing",
                file.display()
            );
        };
        if let Some(name) = &self.recipe {
            let probe = classifier.ask(&read_recipe(name)?)?;
            return Ok(Some(Trials {
                tried: vec![Trial { recipe: path_text(name).into_owned(), probe }],
                unfit: vec![],
            }));
        }
        let mut trials = Trials { tried: vec![], unfit: vec![] };
        for preset in Recipe::presets() {
            let recipe = preset.name.to_owned();
            match classifier.ask(&preset.recipe()) {
                Ok(probe) => trials.tried.push(Trial { recipe, probe }),
                Err(error) => trials.unfit.push((recipe, error.to_string())),
            }
        }
        trials.tried.sort_by(|a, b| b.probe.confidence().total_cmp(&a.probe.confidence()));
        Ok(Some(trials))
    }
}

impl Trials {
    /// A line for each recipe.
    pub fn table(&self) -> String {
        let mut table = format!("{:<24}{:>10}   what it says\n", "tried", "confidence");
        for Trial { recipe, probe } in &self.tried {
            let said: Vec<String> = probe.answers.iter().map(said).collect();
            writeln!(table, "{recipe:<24}{:>10.3}   {}", probe.confidence(), said.join(", "))
                .expect("a string takes what is written");
        }
        for (recipe, reason) in &self.unfit {
            writeln!(table, "{recipe:<24}{:>10}   {reason}", "-").expect("a string takes what is written");
        }
        table
    }
}

/// `cat: class 285 (0.96)`, with a word if that is wrong.
fn said(answer: &Answer) -> String {
    let Answer { photo, class, probability, right, .. } = answer;
    format!("{photo}: class {class} ({probability:.2}){}", if *right { "" } else { ", which is wrong" })
}
