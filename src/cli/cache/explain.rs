use std::io::Write;
use std::path::PathBuf;

use headstart::Project;
use headstart::cache::{Difference, Explainer, Explanation, Found, MemoState, Standing, Verdict};
use headstart::dataset::images_in;
use headstart::extract::DECODERS;
use headstart::project::{FeatureSource, tell_skipped};

use crate::cli::Status;
use crate::cli::args::BackboneArgs;
use crate::cli::console::{Console, grouped, stdout};
use crate::cli::hint::quoted;
use crate::cli::listener::Listener;

/// Tell whether images have features, and exactly why or why not
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// Images, or folders of them
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    backbone: BackboneArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl ExplainArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let project = Project::new(self.backbone.config());
        let source = Listener::new(console).hear(|control| project.features(control))?;
        let mut explainer = Explainer::open(&self.backbone.cache, &source.fingerprint, DECODERS)?;
        let mut files = vec![];
        for path in &self.paths {
            if !path.is_dir() {
                files.push(path.clone());
                continue;
            }
            let found = images_in(path)?;
            Listener::new(console).hear(|control| tell_skipped(&found.skipped, control));
            files.extend(found.images);
        }
        let mut out = stdout();
        let all = files.iter().map(|file| explainer.explain(file));
        let mut status = Status::Done;
        let all = all.inspect(|found| {
            if found.verdict == Verdict::Unreadable {
                status = Status::Partial;
            }
        });
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&all.collect::<Vec<_>>())?)?;
        } else {
            for (number, found) in all.enumerate() {
                let gap = if number > 0 { "\n" } else { "" };
                writeln!(out, "{gap}{}", text(&found, &source))?;
            }
        }
        Ok(status)
    }
}

/// The answer in one line, then what it rests on.
fn text(found: &Explanation, source: &FeatureSource) -> String {
    let mut lines = vec![format!("{}: {}", found.path.display(), headline(found))];
    let mut say = |name: &str, text: String| lines.push(format!("  {name:<10} {text}"));
    if let (Some(size), Some(modified)) = (found.size, found.modified) {
        say("file", format!("{} bytes, changed {}", grouped(size as usize), time(modified)));
    }
    say("memo", about_memo(found));
    if let Some(key) = found.key {
        say("key", key.to_string());
    }
    match &found.in_force {
        Some(standing) => standing_lines("in force", standing, &mut say),
        // Of a file that cannot be read nobody knows what is kept.
        None if found.key.is_none() => {}
        None => {
            let (name, short) = (source.backbone.name(), source.fingerprint.short());
            say("in force", format!("features of `{name}`, fingerprint {short}: none are kept yet"));
        }
    }
    for standing in &found.others {
        standing_lines("elsewhere", standing, &mut say);
    }
    lines.join("\n")
}

fn headline(found: &Explanation) -> String {
    let extract = "`headstart extract` computes it";
    let failure = found.in_force.as_ref().and_then(|standing| standing.failure.as_ref());
    match (found.verdict, failure) {
        (Verdict::Hit, _) => "hit".into(),
        (Verdict::Failed, Some(failure)) => {
            format!("no features, {} failed ({}): {}", failure.stage, failure.kind, failure.reason)
        }
        (Verdict::Outdated, Some(_)) => {
            format!("miss, an earlier version could not read it; {extract} if this one can")
        }
        (Verdict::Outdated, None) => {
            format!("miss, this version reads other pixels from it than earlier ones did; {extract} again")
        }
        (Verdict::Damaged, _) => format!("miss, its row is damaged; {extract} again"),
        (Verdict::Changed, _) => format!("miss, the file has changed since it was last looked at; {extract}"),
        (Verdict::Unreadable, _) => {
            format!("no features, {}", found.error.as_deref().unwrap_or("cannot be read"))
        }
        _ if found.others.is_empty() => format!("miss, it was never computed; {extract}"),
        _ => format!("miss, it was computed for other features only; {extract}"),
    }
}

fn about_memo(found: &Explanation) -> String {
    match found.memo {
        MemoState::Trusted => "knows the file as it is, so it need not be read".into(),
        MemoState::Wrong { key } => format!(
            "takes the file for {key}: it was changed and its times set back; `headstart extract --rehash` looks at its bytes"
        ),
        MemoState::TooFresh => {
            "the file changed less than 2 s ago, so it is read each time until it has settled".into()
        }
        MemoState::Unknown => "has not met the file, so it is read once".into(),
        MemoState::Changed(then) if found.verdict == Verdict::Unreadable => {
            format!(
                "knew a file here of {} bytes, changed {}",
                grouped(then.size as usize),
                time(then.modified.into())
            )
        }
        MemoState::Changed(then) => {
            let size = match found.size {
                Some(size) if size == then.size => "of as many bytes".into(),
                _ => format!("of {} bytes", grouped(then.size as usize)),
            };
            let content = if found.key == Some(then.key) { "the same content" } else { "another content" };
            format!("knew it {size}, changed {}, with {content}", time(then.modified.into()))
        }
    }
}

fn standing_lines(name: &str, standing: &Standing, say: &mut impl FnMut(&str, String)) {
    say(name, standing.directory.display().to_string());
    for difference in &standing.differences {
        say("", format!("  {}", differs(difference)));
    }
    if standing.rows.is_empty() && standing.failure.is_none() {
        say("", "  no row of this key".into());
    }
    standing.rows.iter().for_each(|row| say("", format!("  {}", about_row(row))));
    if let Some(failure) = &standing.failure {
        let path = quoted(&failure.path);
        say(
            "",
            format!(
                "  failed {} as {path}: {} ({}): {}",
                failure.time, failure.stage, failure.kind, failure.reason
            ),
        );
    }
}

/// `recipe.resize.filter: "nearest", in force "bilinear"`
fn differs(Difference { field, expected, found }: &Difference) -> String {
    let text = |value: &Option<String>| match value.as_deref() {
        // Of a hash the beginning will do.
        Some(value) if value.len() > 40 => format!("{}…\"", value.chars().take(13).collect::<String>()),
        Some(value) => value.to_owned(),
        None => "nothing".into(),
    };
    format!("{field}: {}, in force {}", text(found), text(expected))
}

fn about_row(row: &Found) -> String {
    let Found { view, segment, offset, slot, sound, provenance } = row;
    let segment = segment.file_name().unwrap_or_default().display();
    let sound = if *sound { "sound" } else { "DAMAGED" };
    let view = if *view == 0 { String::new() } else { format!(" of view {view}") };
    let origin = format!("{} on {}", provenance.runtime, provenance.device);
    format!("row {slot}{view} of the batch at byte {offset} of {segment}, {sound}, computed by {origin}")
}

fn time(nanoseconds: i128) -> String {
    let time = jiff::Timestamp::from_nanosecond(nanoseconds);
    time.map_or_else(
        |_| "at a time beyond all clocks".into(),
        |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    )
}
