use std::io::Write;
use std::path::PathBuf;

use headstart::image::Recipe;
use headstart::project::read_recipe;
use serde_json::json;

use super::Status;
use super::console::stdout;

/// List the recipes that have a name, or print one as TOML as a start for your own
///
/// A recipe is everything that happens to an image on its way into the graph. `--recipe` takes a name from this list, or a file:
/// print the closest one, change what differs, and give that file wherever a name is taken.
#[derive(Debug, clap::Args)]
pub struct RecipesArgs {
    /// Print this one: a preset's name or a TOML file
    #[arg(value_name = "PRESET|FILE")]
    name: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl RecipesArgs {
    pub fn run(&self) -> anyhow::Result<Status> {
        let mut out = stdout();
        match (&self.name, self.json) {
            (Some(name), false) => write!(out, "{}", read_recipe(name)?.to_toml())?,
            (Some(name), true) => writeln!(out, "{:#}", read_recipe(name)?.to_value())?,
            (None, false) => list(&mut out)?,
            (None, true) => {
                let presets = Recipe::presets().iter().map(|preset| {
                    json!({ "name": preset.name, "about": preset.about, "recipe": preset.recipe().to_value() })
                });
                writeln!(out, "{:#}", presets.collect::<serde_json::Value>())?;
            }
        }
        Ok(Status::Done)
    }
}

fn list(out: &mut impl Write) -> std::io::Result<()> {
    let longest = Recipe::presets().iter().map(|preset| preset.name.len()).max().unwrap_or(0);
    for preset in Recipe::presets() {
        writeln!(out, "{:<longest$}  {}", preset.name, preset.about)?;
        writeln!(out, "{:<longest$}  {}", "", preset.recipe())?;
    }
    Ok(())
}
