use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use headstart::backbone::{Backbone, OpenOptions};
use headstart::baselines::{Choice, evaluate};
use headstart::convert::quantize::{
    Calibration, KeepFloat, Method, QuantizeOptions, Quantized, Ranges, Report, WeightBits, unfinished_beside,
};
use headstart::dataset::Manifest;
use headstart::dataset::split::Split;
use headstart::files::{self, Inputs};
use headstart::project::{self, read_recipe};

use anyhow::Context;

use super::naming;
use crate::cli::Status;
use crate::cli::args::{ColumnArgs, LibraryArgs, cosine, read_manifests};
use crate::cli::console::{Console, stdout};
use crate::cli::error::Error;
use crate::cli::listener::Listener;
use crate::cli::output;
use headstart::onnx::{self, network_files};

/// Make a backbone that computes in 8-bit integers
///
/// Three times as fast on processors with instructions for it (VNNI), with features of their own that are nearly the same. For Keras' ResNet50
/// it takes a second and no images. `--calibrate` makes one of your images, which takes half a minute or some minutes: some of them are
/// held out to measure how near it is, and a result that is not near enough is not written.
#[derive(Debug, clap::Args)]
pub struct QuantizeArgs {
    /// The backbone in floats
    #[arg(value_name = "FILE")]
    backbone: PathBuf,
    /// Images such as it will see: a CSV with the column `path`, or a folder; a few hundred are enough (default: the calibration on varied
    /// images that the program brings for this file, if it brings one)
    #[arg(long, value_name = "MANIFEST")]
    calibrate: Vec<PathBuf>,
    /// Make the graph again that an earlier calibration of the same file made, in a second
    #[arg(long, value_name = "FILE", conflicts_with = "calibrate")]
    calibration: Option<PathBuf>,
    /// Also write what was chosen to a file for `--calibration`, a thirtieth as large as the fp32 graph
    #[arg(long, value_name = "FILE", requires = "calibrate")]
    save_calibration: Option<PathBuf>,
    /// The ONNX file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    overwrite: bool,
    /// Images to calibrate on, at most
    #[arg(long, value_name = "N", default_value_t = QuantizeOptions::default().calibration, value_parser = images)]
    images: usize,
    /// Measure the result on the images of another manifest, instead of holding out some of those to calibrate on
    #[arg(long, value_name = "MANIFEST")]
    evaluate: Option<PathBuf>,
    /// Images to measure the result on, at most
    #[arg(long, value_name = "N", default_value_t = QuantizeOptions::default().held_out, value_parser = images)]
    held_out: usize,
    /// How ranges of activations are chosen: `min-max`, `percentile`, `entropy`, `mean-square`; `auto` takes the one with the least error
    #[arg(long, value_name = "METHOD", default_value = "auto", value_parser = ranges)]
    ranges: Ranges,
    /// How much of the differences between channels is evened out, from 0 to 1 (default: half or nothing, whichever is nearer)
    #[arg(long, value_name = "SHARE", value_parser = share)]
    equalise: Option<f64>,
    /// Bits of the weights, 8 or 7 (default: 7 on x86 processors without VNNI, where 8 are slower, and overflow in other programs)
    #[arg(long, value_name = "N", value_parser = bits)]
    weight_bits: Option<WeightBits>,
    /// Layers that stay in floats, by name; `auto` keeps as few as `--min-cosine` needs, `none` keeps none
    #[arg(long, value_name = "NAMES", default_value = "auto", value_delimiter = ',')]
    keep_float: Vec<String>,
    /// Lowest mean cosine between int8 and fp32 features
    #[arg(long, value_name = "C", default_value_t = QuantizeOptions::default().min_cosine, value_parser = cosine)]
    min_cosine: f64,
    /// Preprocess by this preset or TOML file instead of by the backbone's own recipe; it is written into the file
    #[arg(long, value_name = "PRESET|FILE")]
    recipe: Option<PathBuf>,
    /// Tensor that holds the features, if the graph does not say which
    #[arg(long, value_name = "NAME")]
    feature_tensor: Option<String>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    columns: ColumnArgs,
    #[command(flatten)]
    library: LibraryArgs,
    /// Threads to compute with (default: all cores)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// Beside the graph: what is chosen while it is not done. Beside a device or a pipe nothing is kept.
fn unfinished(output: &Path) -> Option<PathBuf> {
    if std::fs::metadata(output).is_ok_and(|there| !there.is_file()) {
        return None;
    }
    Some(unfinished_beside(output))
}

fn images(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=10_000).contains(n)).ok_or("expected a number from 1 to 10000".into())
}

fn ranges(text: &str) -> Result<Ranges, String> {
    Ok(match text {
        "auto" => Ranges::Measured,
        "min-max" => Ranges::By(Method::MinMax),
        "percentile" => Ranges::By(Method::Percentile(99.999)),
        "entropy" => Ranges::By(Method::Entropy),
        "mean-square" => Ranges::By(Method::MeanSquare),
        _ => return Err("expected `auto`, `min-max`, `percentile`, `entropy` or `mean-square`".into()),
    })
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or("expected a number from 0 to 1".into())
}

fn bits(text: &str) -> Result<WeightBits, String> {
    match text {
        "8" => Ok(WeightBits::Eight),
        "7" => Ok(WeightBits::Seven),
        _ => Err("expected `8` or `7`".into()),
    }
}

impl QuantizeArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let backbone = Backbone::open_with(&self.backbone, &self.open_options()?)?;
        if self.calibrate.is_empty() {
            return self.apply(&backbone);
        }
        let manifest = read_manifests(&self.calibrate, &self.columns.columns(), console)?;
        let options = self.options(console)?;
        let inputs = || {
            let held_out = options.held_out_files.iter().flatten();
            let manifests = self.calibrate.iter().chain(&self.evaluate);
            let inputs =
                Inputs::default().files(network_files(&self.backbone)).files(&self.recipe).all_in(manifests);
            inputs.files(manifest.files()).files(held_out)
        };
        output::check("--output", &self.output, inputs, || self.overwrite)?;
        if let Some(path) = &self.save_calibration {
            let absolute = |path| std::path::absolute(path).ok();
            let same = absolute(path) == absolute(&self.output);
            let (first, second) = ("--output", "--save-calibration");
            anyhow::ensure!(!same, Error::SameFile { first, second, path: path.clone() });
            output::check("--save-calibration", path, inputs, || self.overwrite)?;
        }
        let runtime = self.library.load(console)?;
        if options.bits == WeightBits::Seven {
            console.note("weights in 7 bits: this processor has no VNNI, and multiplies 8 more slowly");
        }
        let done = Listener::new(console)
            .with_stages()
            .hear(|control| project::quantize(&runtime, &backbone, &manifest.files(), &options, control));
        let done = done.map_err(|error| match error {
            project::Error::Quantize(error) => naming(error, "quantise", &self.backbone),
            error => error.into(),
        })?;
        done.write(&self.output, self.overwrite)?;
        if let Some(path) = &self.save_calibration {
            files::write_bytes(path, &done.calibration.encode())?;
        }
        done.forget_unfinished();
        self.print(&done, &manifest)
    }

    /// Make the graph of a calibration that was made before.
    fn apply(&self, backbone: &Backbone) -> anyhow::Result<Status> {
        let inputs = || {
            Inputs::default()
                .files(network_files(&self.backbone))
                .files(&self.calibration)
                .files(&self.recipe)
        };
        output::check("--output", &self.output, inputs, || self.overwrite)?;
        let calibration = match &self.calibration {
            Some(path) => {
                let bytes =
                    std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
                Calibration::decode(&bytes).with_context(|| format!("cannot use `{}`", path.display()))?
            }
            None => Calibration::shipped(backbone)
                .ok_or_else(|| Error::NoShippedCalibration { backbone: self.backbone.clone() })?,
        };
        onnx::write(&calibration.apply(backbone)?, &self.output)?;
        let mut out = stdout();
        match self.json {
            true => writeln!(out, "{:#}", calibration.account())?,
            false => out.path(&self.output)?,
        }
        Ok(Status::Done)
    }

    fn open_options(&self) -> anyhow::Result<OpenOptions> {
        let recipe = self.recipe.as_deref().map(read_recipe).transpose()?;
        Ok(OpenOptions { recipe, feature_tensor: self.feature_tensor.clone(), ..OpenOptions::default() })
    }

    fn options(&self, console: &Console) -> anyhow::Result<QuantizeOptions> {
        let columns = self.columns.columns();
        let apart =
            self.evaluate.as_ref().map(|path| read_manifests(&[path], &columns, console)).transpose()?;
        let names: Vec<&str> = self.keep_float.iter().map(String::as_str).collect();
        Ok(QuantizeOptions {
            calibration: self.images,
            held_out: self.held_out,
            ranges: self.ranges,
            equalise: self.equalise,
            held_out_files: apart.map(|manifest| manifest.files()),
            bits: self.weight_bits.unwrap_or_else(WeightBits::for_this_processor),
            keep_float: match names[..] {
                ["auto"] => KeepFloat::Auto,
                ["none"] => KeepFloat::Named(BTreeSet::new()),
                _ => KeepFloat::Named(self.keep_float.iter().cloned().collect()),
            },
            min_cosine: self.min_cosine,
            compare_calibration: true,
            threads: self.threads.map(usize::from),
            unfinished: unfinished(&self.output),
            ..QuantizeOptions::default()
        })
    }

    fn print(&self, done: &Quantized, manifest: &Manifest) -> anyhow::Result<Status> {
        // Of other images the labels are elsewhere.
        let accuracies = if self.evaluate.is_none() { accuracies(&done.report, manifest) } else { None };
        let mut out = stdout();
        if self.json {
            let mut document = serde_json::to_value(&done.report)?;
            if let Some([floats, integers]) = accuracies {
                document["accuracy"] = serde_json::json!({ "floats": floats, "integers": integers });
            }
            writeln!(out, "{document:#}")?;
        } else {
            out.path(&self.output)?;
            write!(out, "{}", done.report)?;
            if let Some([floats, integers]) = accuracies {
                writeln!(
                    out,
                    "  head        accuracy {integers:.3} on features in integers, {floats:.3} in floats"
                )?;
            }
        }
        Ok(Status::Done)
    }
}

/// Of a logistic regression on the features of the calibration images, in floats and in integers, on the images held out; `None`
/// where the manifest has no labels, or too few of them to learn from.
fn accuracies(report: &Report, manifest: &Manifest) -> Option<[f64; 2]> {
    let classes = manifest.classes().ok()?;
    let all = manifest.labels(&classes).ok()?;
    let trained = report.calibration_features[1].nrows();
    let places = [&report.calibration[..trained], &report.held_out[..]].concat();
    let labels: Vec<usize> = places.iter().map(|&place| all[place]).collect();
    let split = Split { train: (0..trained).collect(), validation: (trained..places.len()).collect() };
    let logistic = Choice::named("logistic", 0).ok()?;
    let mut accuracies = [0.0; 2];
    let features = report.calibration_features.iter().zip(&report.held_out_features);
    for (accuracy, (training, held_out)) in accuracies.iter_mut().zip(features) {
        let features = ndarray::concatenate(ndarray::Axis(0), &[training.view(), held_out.view()]).ok()?;
        let score = evaluate(logistic.method().as_ref(), &features, &labels, classes.len(), &split);
        *accuracy = score.ok()?.accuracy;
    }
    Some(accuracies)
}
