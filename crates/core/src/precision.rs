//! What features are computed in: what was typed, what is kept already, what a run was trained on.

use std::fmt;
use std::str::FromStr;

use headstart_backbone::device::Precision;
use headstart_backbone::{self as backbone, Backbone};
use headstart_cache::{Fingerprint, FingerprintParts, Storage};
use headstart_evaluate::OtherPrecision;

use crate::extract::{Error, Graphs, fingerprint_in};
use crate::run::{Run, RunInfo};

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrecisionChoice {
    /// The fastest whose features are near enough to fp32's.
    Auto,
    /// This one or an error.
    Only(Precision),
}

/// Words that are no choice.
#[derive(Debug, thiserror::Error)]
#[error("expected `fp32`, `bf16`, `int8` or `auto`")]
pub struct ParsePrecisionError;

impl FromStr for PrecisionChoice {
    type Err = ParsePrecisionError;

    fn from_str(text: &str) -> Result<Self, ParsePrecisionError> {
        let only = || text.parse().map(Self::Only).map_err(|_| ParsePrecisionError);
        if text == "auto" { Ok(Self::Auto) } else { only() }
    }
}

impl fmt::Display for PrecisionChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Only(precision) => precision.fmt(f),
        }
    }
}

/// One way to compute the features of a backbone: itself, or its int8 form.
#[derive(Debug, Clone)]
pub struct Form {
    /// The graph that is run.
    pub backbone: Backbone,
    /// What it is run in.
    pub precision: Precision,
}

impl Form {
    /// What the graph is by itself.
    pub fn own(backbone: &Backbone) -> Self {
        let precision = if backbone.is_quantised() { Precision::Int8 } else { Precision::Fp32 };
        Self { backbone: backbone.clone(), precision }
    }

    /// In this precision; `None` if that needs an int8 graph which was not made yet.
    ///
    /// # Errors
    /// [`backbone::Error::Quantised`] if the graph is in integers and another precision is asked for; as
    /// [`Backbone::open_with`] for the int8 graph.
    pub fn only(
        backbone: &Backbone,
        precision: Precision,
        graphs: &Graphs,
    ) -> Result<Option<Self>, backbone::Error> {
        match (backbone.is_quantised(), precision) {
            (true, Precision::Int8) => Ok(Some(Self::own(backbone))),
            (true, asked) => Err(backbone::Error::Quantised { path: backbone.path().to_path_buf(), asked }),
            (false, Precision::Int8) => {
                Ok(graphs.current(backbone)?.map(|graph| Self { backbone: graph, precision }))
            }
            (false, precision) => Ok(Some(Self { backbone: backbone.clone(), precision })),
        }
    }

    /// Every one that there is, the graph's own first.
    pub fn all(backbone: &Backbone, graphs: &Graphs) -> Vec<Self> {
        let own = Self::own(backbone);
        if backbone.is_quantised() {
            return vec![own];
        }
        // A damaged graph is of no interest unless it is asked for.
        let int8 = Self::only(backbone, Precision::Int8, graphs).unwrap_or_default();
        let bf16 = Self { backbone: backbone.clone(), precision: Precision::Bf16 };
        [own].into_iter().chain(int8).chain([bf16]).collect()
    }

    /// The one that the features of a run were computed by, if its graph is still to be found.
    pub fn of_run(run: &RunInfo, backbone: &Backbone, graphs: &Graphs) -> Option<Self> {
        let precision = trained_in(run)?;
        match precision {
            Precision::Int8 if !backbone.is_quantised() => {
                let graph = graphs.with_digest(backbone, &run.backbone.digest)?;
                Some(Self { backbone: graph, precision })
            }
            _ => Self::only(backbone, precision, graphs).ok()?,
        }
    }

    /// What names its features.
    ///
    /// # Errors
    /// As [`fingerprint_in`].
    pub fn fingerprint(&self, storage: Storage) -> Result<Fingerprint, Error> {
        fingerprint_in(self.precision, &self.backbone, storage)
    }

    /// With the storage that was given, else the first with a suitable fingerprint, else as computed; and whether it suits.
    ///
    /// # Errors
    /// As [`fingerprint_in`].
    pub fn kept_as(
        &self,
        storage: Option<Storage>,
        suits: impl Fn(&Fingerprint) -> bool,
    ) -> Result<(Fingerprint, bool), Error> {
        if let Some(storage) = storage {
            let fingerprint = self.fingerprint(storage)?;
            let suits = suits(&fingerprint);
            return Ok((fingerprint, suits));
        }
        let (full, half) = (self.fingerprint(Storage::F32)?, self.fingerprint(Storage::F16)?);
        Ok(match (suits(&full), suits(&half)) {
            (false, true) => (half, true),
            (suits, _) => (full, suits),
        })
    }
}

/// What the features of a run were computed in, as far as this version knows it.
pub fn trained_in(run: &RunInfo) -> Option<Precision> {
    parts(run)?.precision.parse().ok()
}

/// How the features of a run were kept.
pub fn trained_storage(run: &RunInfo) -> Option<Storage> {
    Some(parts(run)?.storage)
}

fn parts(run: &RunInfo) -> Option<FingerprintParts> {
    let mut value: serde_json::Value = serde_json::from_str(&run.features.fingerprint_text).ok()?;
    value.as_object_mut()?.remove("format");
    serde_json::from_value(value).ok()
}

/// How these features differ from those of the run, if they are of the same network and images prepared in the same way, and
/// differ in nothing but the precision.
pub fn other_precision(run: &Run, form: &Form, fingerprint: &Fingerprint) -> Option<OtherPrecision> {
    let (trained, found) = (parts(&run.info)?, fingerprint.parts());
    let network = |digest: &str, quantised_from: Option<&str>| quantised_from.unwrap_or(digest).to_owned();
    let trained_network = network(&trained.graph, run.info.backbone.quantised_from.as_deref());
    let same = trained_network == network(&found.graph, form.backbone.quantised_from())
        && (&trained.recipe, trained.feature_size, trained.storage)
            == (&found.recipe, found.feature_size, found.storage);
    (same && trained.precision != found.precision)
        .then(|| OtherPrecision { trained_on: trained.precision, seen: found.precision.clone() })
}
