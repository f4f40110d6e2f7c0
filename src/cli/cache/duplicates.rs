use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use headstart::cache::{Pair, Progress as Done, duplicates};
use headstart::dataset::{Example, Manifest, Part};
use headstart::files::path_text;
use headstart::image::ViewKinds;
use headstart::machine::Threads;
use headstart::project::Lookup;
use serde::Serialize;
use serde_json::json;

use crate::cli::Status;
use crate::cli::args::{BackboneArgs, ColumnArgs, RuntimeArgs};
use crate::cli::console::{Console, count, stdout};
use crate::cli::listener::Listener;
use crate::cli::progress::Progress;
use headstart::report::text::grouped;

/// Find images that are there more than once, and leaks between training and test
///
/// Give the manifests of all splits, or one manifest with a column `split`. A pair is a line of CSV: the same file, or two
/// whose features point in nearly the same direction. A pair across two splits is a leak.
#[derive(Debug, clap::Args)]
pub struct DuplicatesArgs {
    /// CSVs with the columns `path` and `label`, or folders with one subfolder of images per class
    #[arg(value_name = "MANIFEST", required = true)]
    manifests: Vec<PathBuf>,
    /// Lowest cosine between the features of two images that are near-duplicates
    #[arg(long, value_name = "COSINE", default_value_t = 0.95, value_parser = cosine)]
    threshold: f32,
    /// End with exit status 1 if there are such pairs
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<FailOn>,
    /// Print JSON instead of CSV
    #[arg(long)]
    json: bool,
    /// Compute missing features first
    #[arg(long)]
    extract: bool,
    #[command(flatten)]
    columns: ColumnArgs,
    #[command(flatten)]
    pub(super) backbone: BackboneArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Pairs across two splits
    Leaks,
    /// Pairs of any kind
    Any,
}

fn cosine(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|cosine| (0.0..=1.0).contains(cosine));
    number.ok_or_else(|| "expected a number from 0 to 1".into())
}

/// The images of all manifests that have features.
struct Images {
    manifests: Vec<Manifest>,
    /// Manifest and place of each.
    places: Vec<(usize, usize)>,
    parts: Vec<usize>,
    /// What the parts are called.
    names: Vec<String>,
}

/// A line of the answer.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    cosine: f32,
    leak: bool,
    labels_differ: bool,
    part_a: &'a str,
    path_a: String,
    label_a: Option<&'a str>,
    part_b: &'a str,
    path_b: String,
    label_b: Option<&'a str>,
    group: usize,
}

/// Of one part in another that is named before it.
#[derive(Serialize)]
struct Leak<'a> {
    of: &'a str,
    #[serde(rename = "in")]
    in_: &'a str,
    /// Images of the one that are, or nearly are, in the other; how many the part has.
    images: usize,
    all: usize,
    same_file: usize,
    labels_differ: usize,
}

impl DuplicatesArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        // One by one: a file that is labelled differently in two of them is a finding, not an error.
        let columns = self.columns.columns();
        let project = self.backbone.project(&self.runtime);
        self.backbone.tell(console);
        let mut listener = Listener::new(console);
        let manifests = listener.hear(|control| {
            let read = |path| project.read_all(&[path], &columns, control);
            self.manifests.iter().map(read).collect::<Result<Vec<_>, _>>()
        })?;
        let plain = ViewKinds::default();
        let files = || manifests.iter().flat_map(Manifest::files).collect();
        let (mut cache, source) =
            listener.hear(|control| project.features_for(&files, &plain, self.extract, control))?;
        let lookup = Lookup { failures_told: self.extract, all: &self.manifests, ..Lookup::default() };
        let (mut images, mut ids) = (Images::new(manifests), vec![]);
        for number in 0..images.manifests.len() {
            let manifest = &images.manifests[number];
            let samples = listener
                .hear(|control| source.samples(cache.as_mut(), manifest, &[], &plain, lookup, control))?;
            samples.iter().for_each(|sample| images.add(number, sample.row));
            ids.extend(samples.ids());
        }
        let cache = cache.expect("rows were found in it");
        let selection = cache.store().select(&ids)?;
        let mut progress = None;
        let mut last = 0;
        let tell = |at: Done| {
            let bar = progress.get_or_insert_with(|| Progress::new(console, "blocks", at.total as usize));
            bar.advance((at.done - last) as usize);
            last = at.done;
        };
        let pairs =
            Threads::new(None)?.run(|| duplicates(&selection, &images.parts, self.threshold, tell))?;
        drop(progress);
        self.tell(&images, &pairs, console)?;
        let leaks = || pairs.iter().any(|pair| images.is_leak(pair));
        Ok(match self.fail_on {
            Some(FailOn::Any) if !pairs.is_empty() => Status::Partial,
            Some(FailOn::Leaks) if leaks() => Status::Partial,
            _ => Status::Done,
        })
    }

    fn tell(&self, images: &Images, pairs: &[Pair], console: &Console) -> anyhow::Result<()> {
        let lines: Vec<Line> = pairs.iter().map(|pair| images.line(pair)).collect();
        let leaks = images.leaks(pairs);
        if self.json {
            let (n, threshold) = (images.places.len(), self.threshold);
            let all = json!({ "images": n, "threshold": threshold, "parts": images.names, "leaks": leaks, "pairs": lines });
            writeln!(stdout(), "{}", serde_json::to_string_pretty(&all)?)?;
        } else {
            let mut out = csv::WriterBuilder::new().has_headers(false).from_writer(stdout());
            out.write_record(COLUMNS)?;
            lines.iter().try_for_each(|line| out.serialize(line))?;
            out.flush()?;
        }
        let identical = pairs.iter().filter(|pair| pair.identical).count();
        let groups = pairs.iter().map(|pair| pair.group + 1).max().unwrap_or(0);
        console.note(format_args!(
            "{}: {} of the same file, {} nearly the same (cosine {} or more), in {}",
            count(images.places.len(), "image"),
            count(identical, "pair"),
            grouped((pairs.len() - identical) as u64),
            self.threshold,
            count(groups, "group")
        ));
        for Leak { of, in_, images, all, same_file, labels_differ } in leaks {
            let differ = if labels_differ > 0 {
                format!(", {labels_differ} under another label")
            } else {
                String::new()
            };
            console.note(format_args!("leak: {images} of {all} images of {of} are in {in_} too ({same_file} as the same file){differ}"));
        }
        Ok(())
    }
}

const COLUMNS: [&str; 11] = [
    "kind",
    "cosine",
    "leak",
    "labels_differ",
    "part_a",
    "path_a",
    "label_a",
    "part_b",
    "path_b",
    "label_b",
    "group",
];

impl Images {
    fn new(manifests: Vec<Manifest>) -> Self {
        Self { manifests, places: vec![], parts: vec![], names: vec![] }
    }

    fn add(&mut self, manifest: usize, place: usize) {
        let name = self.part_of(manifest, place);
        let part = self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        self.places.push((manifest, place));
        self.parts.push(part);
    }

    /// The manifest, the split, or both if several manifests have splits. A part is one by whatever name.
    fn part_of(&self, manifest: usize, place: usize) -> String {
        let source = path_text(self.manifests[manifest].source());
        let example = &self.manifests[manifest].examples()[place];
        let split = example.part().map(Part::name).or(example.split.as_deref());
        match (split, self.manifests.len()) {
            (Some(split), 1) => split.to_owned(),
            (Some(split), _) => format!("{source}:{split}"),
            (None, _) => source.to_string(),
        }
    }

    fn example(&self, row: usize) -> &Example {
        let (manifest, place) = self.places[row];
        &self.manifests[manifest].examples()[place]
    }

    fn is_leak(&self, pair: &Pair) -> bool {
        self.parts[pair.a] != self.parts[pair.b]
    }

    fn labels_differ(&self, pair: &Pair) -> bool {
        let labels = [pair.a, pair.b].map(|row| self.example(row).label.as_deref());
        labels[0] != labels[1] && labels.iter().all(Option::is_some)
    }

    fn line(&self, pair: &Pair) -> Line<'_> {
        let [a, b] = [pair.a, pair.b].map(|row| self.example(row));
        let [part_a, part_b] = [pair.a, pair.b].map(|row| self.names[self.parts[row]].as_str());
        Line {
            kind: if pair.identical { "identical" } else { "near" },
            cosine: pair.cosine,
            leak: self.is_leak(pair),
            labels_differ: self.labels_differ(pair),
            part_a,
            path_a: path_text(&a.file).into_owned(),
            label_a: a.label.as_deref(),
            part_b,
            path_b: path_text(&b.file).into_owned(),
            label_b: b.label.as_deref(),
            group: pair.group,
        }
    }

    fn leaks(&self, pairs: &[Pair]) -> Vec<Leak<'_>> {
        type Rows = BTreeSet<usize>;
        let mut found = BTreeMap::<(usize, usize), [Rows; 3]>::new();
        for pair in pairs.iter().filter(|pair| self.is_leak(pair)) {
            let (earlier, later) =
                if self.parts[pair.a] < self.parts[pair.b] { (pair.a, pair.b) } else { (pair.b, pair.a) };
            let [all, same, differ] = found.entry((self.parts[earlier], self.parts[later])).or_default();
            all.insert(later);
            same.extend(pair.identical.then_some(later));
            differ.extend(self.labels_differ(pair).then_some(later));
        }
        let leak = |((earlier, later), [images, same, differ]): ((usize, usize), [Rows; 3])| Leak {
            of: &self.names[later],
            in_: &self.names[earlier],
            images: images.len(),
            all: self.parts.iter().filter(|part| **part == later).count(),
            same_file: same.len(),
            labels_differ: differ.len(),
        };
        found.into_iter().map(leak).collect()
    }
}
