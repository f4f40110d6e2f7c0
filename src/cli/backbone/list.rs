use std::io::Write;

use headstart::hub_backbone::{KNOWN, Known};
use headstart::report::text::{Side, columns};

use crate::cli::console::{stdout, terminal_width};
use crate::cli::{Status, installed, named};

/// List the backbones that have short names
///
/// Any other repository of a model hub with a network in ONNX is named as `org/name`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {}

impl ListArgs {
    pub fn run(&self) -> anyhow::Result<Status> {
        let mut rows =
            vec![["name", "MB", "features", "GMAC", "licence", "here", "from"].map(String::from).to_vec()];
        rows.extend(KNOWN.iter().map(row));
        let sides = [Side::Left, Side::Right, Side::Right, Side::Right, Side::Left, Side::Left, Side::Left];
        write!(stdout(), "{}", columns(&rows, &sides, terminal_width()))?;
        Ok(Status::Done)
    }
}

fn row(known: &Known) -> Vec<String> {
    let here = if is_here(known) { "yes" } else { "no" };
    let from = known.repository.unwrap_or("the package, or `just setup`");
    vec![
        known.name.into(),
        format!("{:.0}", known.megabytes),
        known.features.to_string(),
        format!("{:.1}", known.gmac),
        known.licence.into(),
        here.into(),
        from.into(),
    ]
}

/// Whether it can be used without a network. A hub that cannot be set up has nothing here.
fn is_here(known: &Known) -> bool {
    let is_kept = |repository: &str| {
        let (settings, hub) = named::hub().ok()?;
        hub.kept(&settings.parse(repository).ok()?)
    };
    installed::has(known.name) || known.repository.and_then(is_kept).is_some()
}
