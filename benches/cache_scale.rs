//! The cache and the work around it at full size, with features that nobody computed:
//!
//! ```text
//! cargo bench --bench cache_scale -- [--dim=2048] [--batch=32] [--folder=DIR] [ROWS…]
//! ```
//!
//! For each number of rows (250,000, 500,000 and 1,000,000 unless told otherwise), a process of its own makes as many image files of
//! one pixel and as many rows, measures, and removes them: at a million 8 GB of rows and 4 GB of files. Then a table, from which the
//! growth can be read. Files are in the page cache when they are read, so this is the work of the program, not of the disk.

#![allow(unreachable_pub, reason = "nothing outside a benchmark meets its parts")]

#[path = "../tests/library/net/mod.rs"]
mod net;
#[path = "../tests/program/tiny.rs"]
mod tiny;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use headstart::backbone::Backbone;
use headstart::cache::{
    FileFacts, Fingerprint, Key, Memo, Provenance, Selection, Storage, Store, duplicates, verify,
};
use headstart::extract::fingerprint;
use headstart::nn::{Activation, Head, HeadConfig};
use headstart::run::{BackboneInfo, FeaturesInfo, Import, NewRun, Origin, RunInfo};
use ndarray::{Array2, s};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const SIZES: [usize; 3] = [250_000, 500_000, 1_000_000];
/// Rows of the array that gathering is held against: 1 GB, far more than the processor's own caches.
const IN_MEMORY: usize = 131_072;

/// Rows among which duplicates are looked for: the work grows with their square, so the largest size would say nothing more.
const COMPARED: usize = 16_384;

/// What is measured, in the order of the table.
const MEASURED: [&str; 14] = [
    "append, MB/s",
    "append with the last flush, MB/s",
    "open, s",
    "open, MB of anonymous memory",
    "select, ns a row",
    "gather shuffled rows, first time, GB/s",
    "gather shuffled rows, later, GB/s",
    "gather shuffled rows of an array, GB/s",
    "verify, MB/s",
    "duplicates, million pairs of rows/s",
    "`extract` over unchanged files, s",
    "`extract` over unchanged files, MB of anonymous memory",
    "`evaluate` without intervals, ten classes, s",
    "`evaluate` without intervals, ten classes, MB of anonymous memory",
];

struct Arguments {
    sizes: Vec<usize>,
    dim: usize,
    batch: usize,
    folder: PathBuf,
    /// Measure this one here and print the numbers alone.
    one: bool,
}

impl Arguments {
    fn read() -> Self {
        let mut read = Self { sizes: vec![], dim: 2048, batch: 32, folder: std::env::temp_dir(), one: false };
        for argument in std::env::args().skip(1) {
            let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"));
            match argument.split_once('=') {
                Some(("--dim", text)) => read.dim = number(text),
                Some(("--batch", text)) => read.batch = number(text),
                Some(("--folder", path)) => read.folder = path.into(),
                _ if argument == "--one" => read.one = true,
                // Cargo's own.
                _ if argument == "--bench" => {}
                _ => read.sizes.push(number(&argument)),
            }
        }
        if read.sizes.is_empty() {
            read.sizes = SIZES.into();
        }
        read
    }
}

fn main() {
    let arguments = Arguments::read();
    if arguments.one {
        let figures = measure(arguments.sizes[0], &arguments);
        println!("{}", figures.map(|figure| format!("{figure:.4}")).join(" "));
        return;
    }
    let columns: Vec<Vec<f64>> = arguments.sizes.iter().map(|&rows| in_a_process(rows, &arguments)).collect();
    println!("rows of {} numbers in batches of {}:\n", arguments.dim, arguments.batch);
    println!("| | {} |", arguments.sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "---|".repeat(arguments.sizes.len()));
    for (place, what) in MEASURED.iter().enumerate() {
        let cells: Vec<_> = columns.iter().map(|column| format!("{:.3}", column[place])).collect();
        println!("| {what} | {} |", cells.join(" | "));
    }
}

/// In a process that has no memory of the size before.
fn in_a_process(rows: usize, arguments: &Arguments) -> Vec<f64> {
    let Arguments { dim, batch, folder, .. } = arguments;
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.arg("--one").arg(format!("--dim={dim}")).arg(format!("--batch={batch}"));
    command.arg(format!("--folder={}", folder.display())).arg(rows.to_string());
    let output = command.stderr(std::process::Stdio::inherit()).output().expect("this program");
    assert!(output.status.success(), "{rows} rows were not measured");
    let text = String::from_utf8(output.stdout).expect("numbers");
    text.split_whitespace().map(|word| word.parse().expect("a number")).collect()
}

fn measure(rows: usize, arguments: &Arguments) -> [f64; MEASURED.len()] {
    let Arguments { dim, batch, .. } = *arguments;
    let root = tempfile::tempdir_in(&arguments.folder).expect("a folder");
    let (graph, cache) = (root.path().join("tiny.onnx"), root.path().join("cache"));
    tiny::backbone(&graph, 8, dim);
    let backbone = Backbone::open(&graph).expect("a backbone");
    let fingerprint = fingerprint(&backbone, Storage::F32).expect("a recipe");
    let images = Images::make(&root.path().join("images"), rows);
    let ids: Vec<_> = images.keys.iter().map(|&key| (key, 0)).collect();
    let gigabytes = (rows * dim * 4) as f64 / 1e9;

    let [append, closed] = append(&cache, &fingerprint, &ids, dim, batch).map(|s| gigabytes * 1e3 / s);
    let before = anonymous_megabytes("self");
    let start = Instant::now();
    let store = Store::open(&cache, &fingerprint).expect("a store").expect("one");
    let (open, memory) = (start.elapsed().as_secs_f64(), anonymous_megabytes("self") - before);
    assert_eq!(store.len(), rows);
    let start = Instant::now();
    let selection = store.select(&ids).expect("all rows");
    let select = start.elapsed().as_secs_f64() * 1e9 / rows as f64;
    let [first, later] = [(); 2].map(|()| gigabytes / gather(&selection));
    let array = gather_array(dim);
    let start = Instant::now();
    assert!(verify(&store, |_| {}).is_clean());
    let verified = gigabytes * 1e3 / start.elapsed().as_secs_f64();
    drop(selection);
    drop(store);
    let compared = COMPARED.min(rows);
    let pairs = (compared * (compared - 1) / 2) as f64 / 1e6;
    let duplicates = pairs / compare(&root.path().join("compared"), &fingerprint, &ids[..compared], dim);

    images.remember(&cache);
    let place = [graph.as_path(), cache.as_path(), images.manifest.as_path()];
    let [extract, extract_memory] = extract(place, rows);
    let run = root.path().join("runs/bench");
    make_run(&run, &backbone, &fingerprint);
    let [evaluate, evaluate_memory] = evaluate(place, &run, rows);
    [
        append,
        closed,
        open,
        memory,
        select,
        first,
        later,
        array,
        verified,
        duplicates,
        extract,
        extract_memory,
        evaluate,
        evaluate_memory,
    ]
}

/// Image files of one pixel, a thousand to a folder.
struct Images {
    manifest: PathBuf,
    files: Vec<PathBuf>,
    keys: Vec<Key>,
}

impl Images {
    fn make(folder: &Path, n: usize) -> Self {
        let (mut files, mut keys) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let mut rows = "path,label\n".to_owned();
        for i in 0..n {
            let name = format!("{:04}/{i}.bmp", i / 1000);
            if i.is_multiple_of(1000) {
                fs::create_dir_all(folder.join(&name[..4])).expect("a folder");
            }
            let bytes = pixel(i as u32);
            let file = folder.join(&name);
            fs::write(&file, bytes).expect("a file");
            rows += &format!("{name},{}\n", i % 10);
            files.push(file);
            keys.push(Key::of(&bytes));
        }
        let manifest = folder.join("images.csv");
        fs::write(&manifest, rows).expect("a file");
        Self { manifest, files, keys }
    }

    /// As an extraction does that has looked at every file.
    fn remember(&self, cache: &Path) {
        // Files that are younger are not trusted.
        std::thread::sleep(Duration::from_millis(2100));
        let mut memo = Memo::open(cache);
        for (file, &key) in self.files.iter().zip(&self.keys) {
            memo.insert(file, &FileFacts::of(file).expect("a file"), key).expect("a folder to write to");
        }
    }
}

/// A bitmap of one pixel in a colour of its own.
fn pixel(colour: u32) -> [u8; 58] {
    let mut bytes = [0; 58];
    bytes[..2].copy_from_slice(b"BM");
    let mut number = |at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    number(2, 58);
    number(10, 54);
    number(14, 40);
    number(18, 1);
    number(22, 1);
    number(26, 1 | 24 << 16);
    number(54, colour & 0xff_ffff);
    bytes
}

/// Seconds until all is appended, and until it is flushed too.
fn append(cache: &Path, fingerprint: &Fingerprint, ids: &[(Key, u16)], dim: usize, batch: usize) -> [f64; 2] {
    let features = Array2::from_shape_fn((batch, dim), |(row, i)| (row * dim + i) as f32);
    let store = Store::create_or_open(cache, "tiny", fingerprint).expect("a store");
    let start = Instant::now();
    let mut writer = store.writer(Provenance::default()).expect("a writer");
    for ids in ids.chunks(batch) {
        writer.append(ids, features.slice(s![..ids.len(), ..])).expect("an append");
    }
    let appended = start.elapsed().as_secs_f64();
    writer.close().expect("a close");
    [appended, start.elapsed().as_secs_f64()]
}

/// An order that a processor cannot foresee: the stride is prime to most sizes.
fn shuffled(rows: usize) -> Vec<usize> {
    (0..rows).map(|i| i * 611_953 % rows).collect()
}

/// Seconds to gather every row, 256 at a time.
fn gather(selection: &Selection) -> f64 {
    let mut out = Array2::zeros((256, selection.dim()));
    let start = Instant::now();
    for chunk in shuffled(selection.len()).chunks(256) {
        selection.gather_into(chunk, out.slice_mut(s![..chunk.len(), ..])).expect("good rows");
    }
    start.elapsed().as_secs_f64()
}

/// GB/s of the same from an array in memory: what could be had at best.
fn gather_array(dim: usize) -> f64 {
    let array = Array2::from_elem((IN_MEMORY, dim), 1.0_f32);
    let mut out = Array2::zeros((256, dim));
    let order = shuffled(IN_MEMORY);
    let start = Instant::now();
    for chunk in order.chunks(256) {
        for (&row, mut out) in chunk.iter().zip(out.rows_mut()) {
            out.assign(&array.row(row));
        }
    }
    (IN_MEMORY * dim * 4) as f64 / 1e9 / start.elapsed().as_secs_f64()
}

/// Seconds to compare each row with each other.
fn compare(cache: &Path, fingerprint: &Fingerprint, ids: &[(Key, u16)], dim: usize) -> f64 {
    let store = Store::create_or_open(cache, "tiny", fingerprint).expect("a store");
    let mut writer = store.writer(Provenance::default()).expect("a writer");
    for ids in ids.chunks(256) {
        // Bits of the keys, which are as good as drawn: no two rows are alike.
        let feature =
            |(row, i): (usize, usize)| f32::from(ids[row].0.0[i % 32].rotate_left((i / 32) as u32) & 1);
        writer.append(ids, Array2::from_shape_fn((ids.len(), dim), feature).view()).expect("an append");
    }
    writer.close().expect("a close");
    let store = Store::open(cache, fingerprint).expect("a store").expect("one");
    let selection = store.select(ids).expect("all rows");
    let start = Instant::now();
    let found = duplicates(&selection, &vec![0; ids.len()], 0.999, |_| {}).expect("good rows");
    assert!(found.is_empty(), "{} pairs among rows of chance", found.len());
    start.elapsed().as_secs_f64()
}

/// Seconds and memory when there is nothing to do; the program must not even look for a runtime.
fn extract(place: [&Path; 3], rows: usize) -> [f64; 2] {
    let mut command = program(place, &["extract", "--json", "--onnxruntime", "/nowhere"]);
    measured(command.arg(place[2]), &format!("\"cached\":{rows},\"computed\":0,"))
}

/// Seconds and memory to measure a run on all rows, predictions and report included.
fn evaluate(place: [&Path; 3], run: &Path, rows: usize) -> [f64; 2] {
    let mut command = program(place, &["evaluate", "--json", "--resamples", "0"]);
    measured(command.arg(run).arg(place[2]), &format!("\"scored\": {rows},"))
}

/// The program with these words, on this graph and this cache; what it is to work on comes behind.
fn program([graph, cache, _]: [&Path; 3], words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headstart"));
    command.args(words).arg("--quiet").arg("--backbone").arg(graph).arg("--cache").arg(cache);
    command.stdout(std::process::Stdio::piped());
    command
}

/// A head of ten classes on such features, of the default size, as good as guessing.
fn make_run(dir: &Path, backbone: &Backbone, fingerprint: &Fingerprint) {
    let config = HeadConfig {
        inputs: backbone.feature_size(),
        hidden: vec![256],
        activation: Activation::Relu,
        dropout: 0.0,
        classes: 10,
    };
    let head = Head::new(config, &mut ChaCha8Rng::seed_from_u64(0)).expect("a head");
    let info = RunInfo {
        created: "2026-01-01T00:00:00Z".into(),
        classes: (0..10).map(|class| class.to_string()).collect(),
        recipe: fingerprint.parts().recipe.to_string(),
        backbone: BackboneInfo {
            name: "tiny".into(),
            digest: backbone.digest().to_hex().to_string(),
            quantised_from: None,
            int8_check: None,
        },
        features: FeaturesInfo {
            size: backbone.feature_size(),
            fingerprint: fingerprint.hash().to_hex().to_string(),
            fingerprint_text: fingerprint.text().to_owned(),
        },
        origin: Origin::Imported(Import { file: "none".into(), digest: String::new(), layers: vec![] }),
        versions: BTreeMap::new(),
    };
    let (runs, name) = (dir.parent().expect("a folder"), dir.file_name().and_then(|name| name.to_str()));
    NewRun { info: &info, head: &head, course: None }.create(runs, name, false).expect("a run");
}

/// Seconds and anonymous memory of a command, whose answer has these words in it.
fn measured(command: &mut Command, words: &str) -> [f64; 2] {
    let start = Instant::now();
    let mut child = command.spawn().expect("the program");
    let mut memory: f64 = 0.0;
    while child.try_wait().expect("a child").is_none() {
        memory = memory.max(anonymous_megabytes(&child.id().to_string()));
        std::thread::sleep(Duration::from_millis(5));
    }
    let seconds = start.elapsed().as_secs_f64();
    let output = child.wait_with_output().expect("a child");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(words), "{said}");
    [seconds, memory]
}

/// Memory of a process that no file stands behind; 0 where the system does not tell.
fn anonymous_megabytes(process: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(0.0) / 1e3
}
