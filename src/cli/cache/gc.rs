use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use headstart::cache::{GcEvent, GcOptions, GcReport, Key, MemoReport, gc, gc_memo, keys_of};
use headstart::extract::DECODERS;
use indicatif::HumanBytes;
use serde_json::json;

use super::{CacheArgs, is_store, stores_in};
use crate::cli::Status;
use crate::cli::args::{ColumnArgs, read_manifests};
use crate::cli::console::{Console, count, stdout};
use crate::cli::progress::Progress;
use headstart::report::text::grouped;

/// Tidy the cache up: drop duplicate and damaged rows, make large segments of small ones
///
/// Usable rows stay as they are, bit for bit. Other commands may run at the same time: segments that are being written are
/// not touched. If it is killed, nothing is lost, and the next run continues.
#[derive(Debug, clap::Args)]
pub struct GcArgs {
    #[command(flatten)]
    cache: CacheArgs,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Also drop the features of every image that no such manifest lists; without it, all images stay
    #[arg(long, value_name = "MANIFEST", num_args = 1..)]
    keep: Vec<PathBuf>,
    #[command(flatten)]
    columns: ColumnArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl GcArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let stores = stores_in(self.cache.folder())?;
        let options = GcOptions { dry_run: self.dry_run, keep: self.keys(console)? };
        let mut reports = vec![];
        for dir in stores {
            let report = tidy(&dir?, &options, console)?;
            if !self.json {
                writeln!(stdout(), "{}\n", paragraph(&report))?;
            }
            reports.push(report);
        }
        let memo = if is_store(self.cache.folder()) {
            None
        } else {
            Some(gc_memo(self.cache.folder(), self.dry_run)?)
        };
        if self.json {
            let all = json!({ "stores": reports, "memo": memo });
            writeln!(stdout(), "{}", serde_json::to_string_pretty(&all)?)?;
        } else if let Some(memo) = memo {
            writeln!(stdout(), "{}", about_memo(&memo, self.dry_run))?;
        }
        Ok(Status::Done)
    }

    /// The images that stay, if not all do.
    fn keys(&self, console: &Console) -> anyhow::Result<Option<HashSet<Key>>> {
        if self.keep.is_empty() {
            return Ok(None);
        }
        let manifest = read_manifests(&self.keep, &self.columns.columns(), console)?;
        // What lies in a folder that cannot be read is not known, and would be dropped.
        if let Some(folder) = manifest.skipped().unreadable.first() {
            let cause = anyhow::anyhow!("cannot read {folder}");
            return Err(cause.context("what the manifest needs is not known, so nothing was dropped"));
        }
        let root = if is_store(self.cache.folder()) {
            self.cache.folder().join("..")
        } else {
            self.cache.folder().to_path_buf()
        };
        let files = manifest.examples().iter().map(|example| example.file.as_path());
        let keys = keys_of(&root, files, &DECODERS);
        let keys = keys.context("what the manifest needs is not known, so nothing was dropped")?;
        Ok(Some(keys))
    }
}

fn tidy(dir: &Path, options: &GcOptions, console: &Console) -> anyhow::Result<GcReport> {
    let (mut progress, mut last) = (None, headstart::cache::Progress { done: 0, total: 0 });
    let report = gc(dir, options, |event| match event {
        GcEvent::Progress(at) => {
            // Looking comes first and then copying, each with a total of its own.
            if at.total != last.total || at.done < last.done {
                (progress, last.done) = (None, 0);
            }
            let bar = progress.get_or_insert_with(|| Progress::new(console, "bytes", at.total as usize));
            bar.advance((at.done - last.done) as usize);
            last = at;
        }
        GcEvent::Written(path) => console.detail(format_args!("written: {}", path.display())),
        GcEvent::Removed(path) => console.detail(format_args!("removed: {}", path.display())),
    });
    drop(progress);
    Ok(report?)
}

fn paragraph(report: &GcReport) -> String {
    let GcReport { before, after, dry_run, .. } = report;
    let dropped = [
        (report.duplicates, "duplicate"),
        (report.damaged, "damaged"),
        (report.unlisted, "of images that no manifest lists"),
    ];
    let dropped: Vec<_> = dropped
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", grouped(*n as u64)))
        .collect();
    let change = |a: usize, b: usize| {
        if a == b { grouped(a as u64) } else { format!("{} -> {}", grouped(a as u64), grouped(b as u64)) }
    };
    let mut lines = vec![
        ("rows", change(before.rows, after.rows)),
        ("segments", change(before.segments, after.segments)),
        ("on disk", format!("{} -> {}", HumanBytes(before.bytes), HumanBytes(after.bytes))),
    ];
    let lead = if *dry_run { "would drop" } else { "dropped" };
    let mut tell = |n: usize, name: &'static str, text: String| {
        if n > 0 {
            lines.push((name, text));
        }
    };
    tell(dropped.len(), lead, format!("rows: {}", dropped.join(", ")));
    tell(
        report.failures,
        lead,
        format!("{} about failures that are out of date", count(report.failures, "line")),
    );
    tell(report.marks, lead, format!("{} of damage that is gone", count(report.marks, "note")));
    tell(
        report.contradictions,
        "left",
        format!(
            "{} that contradict others: `headstart cache verify` names them",
            count(report.contradictions, "row")
        ),
    );
    tell(report.in_use, "left", format!("{}: being written", count(report.in_use, "segment")));
    tell(report.foreign, "left", format!("{} of other features", count(report.foreign, "segment")));
    let body: Vec<_> = lines.iter().map(|(name, value)| format!("  {name:<13} {value}")).collect();
    let tidy = if report.is_tidy() { ": nothing to do" } else { "" };
    format!("{}{tidy}\n{}", report.directory.display(), body.join("\n"))
}

fn about_memo(memo: &MemoReport, dry_run: bool) -> String {
    let MemoReport { files, records, orphaned } = memo;
    let lead = if dry_run { "would drop" } else { "dropped" };
    let kept = records - orphaned;
    let all = format!("memo: {} in {}", count(*records, "record"), count(*files, "file"));
    match orphaned {
        0 => format!("{all}, all in use"),
        _ => format!("{all}, {lead} {}, kept {}", grouped(*orphaned as u64), grouped(kept as u64)),
    }
}
