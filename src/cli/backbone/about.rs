use std::path::PathBuf;

use headstart::convert::import::read_labels;
use headstart::image::Recipe;
use headstart::project::read_recipe;

/// What is written into a backbone, beside its graph.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Written into the file")]
pub struct AboutArgs {
    /// Name of the backbone (default: the network's)
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How the network's images were preprocessed: a preset or a TOML file (default: guessed, where the network is known)
    #[arg(long, value_name = "PRESET|FILE")]
    recipe: Option<PathBuf>,
    /// JSON file with the names of the network's own classes
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Where the weights come from
    #[arg(long, value_name = "TEXT")]
    pub source: Option<String>,
    /// Licence of the weights
    #[arg(long, value_name = "TEXT")]
    pub licence: Option<String>,
}

impl AboutArgs {
    pub fn recipe(&self) -> anyhow::Result<Option<Recipe>> {
        Ok(self.recipe.as_deref().map(read_recipe).transpose()?)
    }

    /// The files that are read.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.recipe.iter().chain(&self.labels)
    }

    /// None if no file was given.
    pub fn labels(&self) -> anyhow::Result<Vec<String>> {
        Ok(self.labels.as_deref().map(read_labels).transpose()?.unwrap_or_default())
    }
}
