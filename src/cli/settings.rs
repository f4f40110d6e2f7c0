//! Settings of a training: flags over a TOML file over the defaults, and any of them by name.

use std::path::{Path, PathBuf};

use anyhow::Context;
use headstart::files::read_text;
use headstart::nn::Activation;
use headstart::settings::{Axis, set, value};
use headstart::train::{ClassWeight, OptimizerKind, ScheduleKind, TrainConfig};

/// What decides how the head is trained. Absent: as in the settings file, else the default.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Settings")]
pub struct SettingsArgs {
    /// TOML file with settings, named as below with `_` for `-`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Passes over the images [default: 50]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    epochs: Option<usize>,
    /// Images per step [default: 64]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    batch_size: Option<usize>,
    /// Size of a step [default: 0.0003]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    learning_rate: Option<f64>,
    /// Fraction of hidden units dropped while training, in [0, 1) [default: 0.5]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    dropout: Option<f64>,
    /// Units of each hidden layer, such as `256` or `512,128`; `none` for a linear head [default: 256]
    #[arg(long, value_name = "UNITS", value_parser = hidden_sizes)]
    hidden: Option<HiddenSizes>,
    /// Activation of the hidden layers: relu, tanh or sigmoid [default: relu]
    #[arg(long, value_name = "NAME", value_parser = named::<Activation>)]
    activation: Option<Activation>,
    /// Optimizer: adam, adamw or sgd [default: adam]
    #[arg(long, value_name = "NAME", value_parser = named::<OptimizerKind>)]
    optimizer: Option<OptimizerKind>,
    /// Momentum of sgd, in [0, 1)
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    momentum: Option<f64>,
    /// Weight decay of adamw or sgd: the share of every parameter that is taken away at each step, times the rate
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    weight_decay: Option<f64>,
    /// Schedule of the rate: constant, cosine, exponential or plateau [default: constant]
    #[arg(long, value_name = "NAME", value_parser = named::<ScheduleKind>)]
    schedule: Option<ScheduleKind>,
    /// Stop after this many epochs without improvement in validation, and keep the best epoch
    #[arg(long, value_name = "EPOCHS", allow_negative_numbers = true)]
    patience: Option<usize>,
    /// How much of each label is spread over all classes, in [0, 1) [default: 0]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    label_smoothing: Option<f64>,
    /// Weight of each class: `auto` gives rare classes more weight; or by name, as in `{ cat = 2.0 }`
    #[arg(long, value_name = "WEIGHTS", value_parser = weights)]
    class_weight: Option<ClassWeight>,
    /// The same seed gives the same head, bit for bit [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Any setting by its name in a settings file, such as `l2=1e-4` or `warmup_steps=100`; `none` removes an
    /// optional one; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = Axis::parse)]
    set: Vec<Axis>,
}

/// A newtype, for clap takes a bare `Vec` for a repeated flag.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HiddenSizes(Vec<usize>);

fn hidden_sizes(text: &str) -> Result<HiddenSizes, String> {
    if text == "none" {
        return Ok(HiddenSizes(vec![]));
    }
    let size =
        |part: &str| part.trim().parse().map_err(|_| format!("expected a number of units, found `{part}`"));
    text.split(',').map(size).collect::<Result<_, _>>().map(HiddenSizes)
}

/// A setting by the name that it has in a settings file.
fn named<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    let value = serde_json::from_value(text.into());
    // Which words there are; that it is a variant means nothing to anybody.
    value.map_err(|error: serde_json::Error| match error.to_string().split_once(", expected ") {
        Some((_, words)) => format!("expected {words}"),
        None => error.to_string(),
    })
}

fn weights(text: &str) -> Result<ClassWeight, String> {
    value("class_weight", text).try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

impl SettingsArgs {
    /// The settings file, if one is given.
    pub fn file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// Flags over the file over the defaults, checked.
    pub fn config(&self) -> anyhow::Result<TrainConfig> {
        self.over(TrainConfig::default())
    }

    /// Flags over the file over these, checked.
    pub fn over(&self, base: TrainConfig) -> anyhow::Result<TrainConfig> {
        let mut config = match &self.config {
            Some(path) => read_over(path, &base)?,
            None => base,
        };
        fn over<T: Clone>(setting: &mut T, flag: &Option<T>) {
            if let Some(value) = flag {
                *setting = value.clone();
            }
        }
        over(&mut config.epochs, &self.epochs);
        over(&mut config.batch_size, &self.batch_size);
        over(&mut config.learning_rate, &self.learning_rate);
        over(&mut config.dropout, &self.dropout);
        over(&mut config.hidden, &self.hidden.as_ref().map(|sizes| sizes.0.clone()));
        over(&mut config.activation, &self.activation);
        over(&mut config.optimizer, &self.optimizer);
        over(&mut config.momentum, &self.momentum);
        over(&mut config.weight_decay, &self.weight_decay.map(Some));
        over(&mut config.schedule, &self.schedule);
        over(&mut config.patience, &self.patience.map(Some));
        over(&mut config.label_smoothing, &self.label_smoothing);
        over(&mut config.class_weight, &self.class_weight.clone().map(Some));
        over(&mut config.seed, &self.seed);
        Ok(set(config, &self.set)?.check()?)
    }
}

/// Only what stands in the file goes over the base.
fn read_over(path: &Path, base: &TrainConfig) -> anyhow::Result<TrainConfig> {
    let text = read_text(path).with_context(|| format!("cannot read the settings `{}`", path.display()))?;
    let wrong = || format!("`{}` does not hold settings", path.display());
    // Read as settings first, for errors that name the line.
    toml::from_str::<TrainConfig>(&text).with_context(wrong)?;
    let mut table = toml::Table::try_from(base)?;
    table.extend(toml::from_str::<toml::Table>(&text).with_context(wrong)?);
    table.try_into().with_context(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_sizes_are_numbers_or_none() {
        assert_eq!(hidden_sizes("none"), Ok(HiddenSizes(vec![])));
        assert_eq!(hidden_sizes("512, 128"), Ok(HiddenSizes(vec![512, 128])));
        assert!(hidden_sizes("256,").is_err());
        assert!(hidden_sizes("").is_err());
    }

    #[test]
    fn settings_go_by_their_names_in_a_file() {
        assert_eq!(named::<OptimizerKind>("sgd"), Ok(OptimizerKind::Sgd));
        assert_eq!(named::<Activation>("softmax").unwrap_err(), "expected one of `relu`, `tanh`, `sigmoid`");
    }

    #[test]
    fn only_what_a_file_says_goes_over_the_base() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "dropout = 0.25\n").unwrap();
        let base = TrainConfig { epochs: 7, dropout: 0.75, patience: Some(2), ..TrainConfig::default() };
        let config = read_over(file.path(), &base).unwrap();
        assert_eq!(config, TrainConfig { dropout: 0.25, ..base });
    }
}
