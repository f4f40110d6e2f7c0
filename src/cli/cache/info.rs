use std::io::Write;
use std::path::PathBuf;

use headstart::cache::{CacheInfo, Origin, Storage};
use headstart::extract::PLAIN;
use headstart::image::View;
use indicatif::HumanBytes;

use super::{CacheArgs, image, read_root};
use crate::cli::Status;
use crate::cli::console::{Console, chain, count, stdout};
use headstart::report::text::grouped;

/// Tell what the cache holds, as a whole or of some images
#[derive(Debug, clap::Args)]
pub struct InfoArgs {
    #[command(flatten)]
    cache: CacheArgs,
    /// Tell of these images alone whether they have features, and why not
    #[arg(long, value_name = "FILE", num_args = 1..)]
    image: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl InfoArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        if !self.image.is_empty() {
            return image::print(self.cache.folder(), &self.image, self.json);
        }
        let (mut stores, mut status) = (vec![], Status::Done);
        for store in read_root(self.cache.folder())? {
            match store {
                Ok(store) => stores.push(store),
                Err(error) => {
                    console.warn(chain(&error.into()));
                    status = Status::Partial;
                }
            }
        }
        let mut out = stdout();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&stores)?)?;
        } else {
            for store in &stores {
                writeln!(out, "{}", paragraph(store))?;
            }
        }
        Ok(status)
    }
}

fn paragraph(info: &CacheInfo) -> String {
    let CacheInfo { fingerprint, .. } = info;
    let kept = match fingerprint.storage {
        Storage::F32 => "f32, as computed",
        Storage::F16 => "f16, rounded",
    };
    let mut lines = vec![
        ("images", images(info)),
        ("views", views(info)),
        ("failed", failed(info)),
        (
            "features",
            format!("{} numbers an image from `{}`", fingerprint.feature_size, fingerprint.feature_tensor),
        ),
        ("kept as", kept.into()),
        ("precision", fingerprint.precision.clone()),
        ("graph", fingerprint.graph.clone()),
        ("recipe", fingerprint.recipe.to_string()),
        ("segments", grouped(info.segments as u64)),
        ("on disk", HumanBytes(info.bytes).to_string()),
        ("last written", info.last_write.clone().unwrap_or_else(|| "never".into())),
    ];
    lines.extend(info.origins.iter().map(|origin| ("computed by", computed_by(origin))));
    let told = lines.iter().filter(|(_, value)| !value.is_empty());
    let body: Vec<_> = told.map(|(name, value)| format!("  {name:<13} {value}")).collect();
    format!("{}\n{}", info.directory.display(), body.join("\n"))
}

/// `1,000 in 1,010 rows (3 known to be damaged)`
fn images(info: &CacheInfo) -> String {
    let damaged = match info.known_damaged {
        0 => String::new(),
        n => format!(", {} known to be damaged", grouped(n as u64)),
    };
    format!("{} in {}{damaged}", grouped(info.images as u64), count(info.rows, "row"))
}

/// How many images have features in each view; nothing if there are plain images alone.
fn views(info: &CacheInfo) -> String {
    if info.views.keys().all(|&number| number == PLAIN) {
        return String::new();
    }
    let told = |(&number, images): (&u16, &usize)| match View::from_number(number) {
        Some(view) => format!("{view} {images}"),
        // Of a later version.
        None => format!("number {number} {images}"),
    };
    info.views.iter().map(told).collect::<Vec<_>>().join(", ")
}

/// `3: 2 truncated, 1 missing`
fn failed(info: &CacheInfo) -> String {
    let kinds: Vec<_> = info.failures_by_kind.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    match info.failures {
        0 => "none".into(),
        failures => format!("{}: {}", grouped(failures as u64), kinds.join(", ")),
    }
}

fn computed_by(Origin { provenance, segments, rows }: &Origin) -> String {
    let rows = format!("{} in {}", count(*rows, "row"), count(*segments, "segment"));
    format!("{} on {} (headstart {}): {rows}", provenance.runtime, provenance.device, provenance.version)
}
