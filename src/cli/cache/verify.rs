use std::io::{ErrorKind, Write};

use headstart::cache::{self, Store, VerifyReport, verify};
use headstart::files::path_text;

use super::{CacheArgs, stores_in};
use crate::cli::Status;
use crate::cli::console::{Console, chain, stdout};
use crate::cli::progress::Progress;

/// Check every byte of the cache
///
/// Damaged rows are listed, and not used any more: `extract` computes them again.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    cache: CacheArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What helps where a whole store cannot be looked at.
fn remedy(error: &cache::Error) -> &'static str {
    match error {
        cache::Error::Read { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
            "give yourself the right to read it"
        }
        _ => "`headstart extract` repairs it",
    }
}

impl VerifyArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let mut reports = vec![];
        let mut readable = true;
        for dir in stores_in(self.cache.folder())? {
            // One that cannot be read does not keep the others from being looked at.
            let store = match dir.and_then(|dir| Store::open_dir(&dir)) {
                Ok(store) => store,
                Err(error) => {
                    let remedy = remedy(&error);
                    console.warn(format_args!("{}; {}", chain(&error.into()), remedy));
                    readable = false;
                    continue;
                }
            };
            let dir = store.dir().to_path_buf();
            let mut progress = None;
            let mut last = 0;
            let report = verify(&store, |at| {
                let bar = progress.get_or_insert_with(|| Progress::new(console, "bytes", at.total as usize));
                bar.advance((at.done - last) as usize);
                last = at.done;
            });
            drop(progress);
            if !self.json {
                writeln!(stdout(), "{}\n{report}\n", dir.display())?;
            }
            reports.push((dir, report));
        }
        if self.json {
            let by_dir: std::collections::BTreeMap<_, _> =
                reports.iter().map(|(dir, report)| (path_text(dir), report)).collect();
            writeln!(stdout(), "{}", serde_json::to_string_pretty(&by_dir)?)?;
        }
        let clean = readable && reports.iter().all(|(_, report): &(_, VerifyReport)| report.is_clean());
        Ok(if clean { Status::Done } else { Status::Partial })
    }
}
