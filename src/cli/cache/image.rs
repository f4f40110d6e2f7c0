//! What the cache has of some images.

use std::io::Write;
use std::path::{Path, PathBuf};

use headstart::cache::{FileChange, ImageLookup, ImageState, ImageStatus, StoredImage};
use headstart::extract::{DECODERS, PLAIN};

use crate::cli::Status;
use crate::cli::console::stdout;
use crate::cli::error::Error;

/// For each image and each backbone whether there are features, and why not.
pub fn print(cache: &Path, images: &[PathBuf], json: bool) -> anyhow::Result<Status> {
    anyhow::ensure!(cache.is_dir(), Error::NoCache { path: cache.to_path_buf() });
    let lookup = ImageLookup::open(cache, DECODERS)?;
    let all: Vec<ImageStatus> = images.iter().map(|image| lookup.status(image)).collect();
    let mut out = stdout();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
    } else {
        let all: Vec<String> = all.iter().map(paragraph).collect();
        writeln!(out, "{}", all.join("\n\n"))?;
    }
    let unreadable = all.iter().any(|status| status.error.is_some());
    Ok(if unreadable { Status::Partial } else { Status::Done })
}

fn paragraph(status: &ImageStatus) -> String {
    let ImageStatus { path, key, error, change, stores } = status;
    let mut lines = vec![path.display().to_string()];
    lines.extend(error.as_ref().map(|error| format!("  cannot be read: {error}")));
    lines.extend(key.map(|key| format!("  key {key}")));
    lines.extend(change.map(|change| match change {
        FileChange::Seen => "  the file has changed since it was last looked at".into(),
        FileChange::Unseen => {
            "  the file was changed and its times set back: `headstart extract --rehash` looks at its bytes".into()
        }
    }));
    lines.extend(stores.iter().map(|store| format!("  {}: {}", store.directory.display(), state(store))));
    lines.join("\n")
}

fn state(StoredImage { state, views, failure, .. }: &StoredImage) -> String {
    let extract = "`headstart extract` computes it";
    match (state, failure) {
        (ImageState::Computed, _) if views[..] == [PLAIN] => "features".into(),
        (ImageState::Computed, _) => format!("features in {} views", views.len()),
        (ImageState::Failed, Some(failure)) => {
            format!("no features, {} failed ({}): {}", failure.stage, failure.kind, failure.reason)
        }
        (ImageState::Outdated, Some(_)) => {
            format!("no features, an earlier version could not read it; {extract} if this one can")
        }
        (ImageState::Outdated, None) => {
            format!(
                "no features, this version reads other pixels from it than earlier ones did; {extract} again"
            )
        }
        (ImageState::Damaged, _) => format!("no features, the row is damaged; {extract} again"),
        _ => "no features yet".into(),
    }
}
