//! What is chosen so far, in a file: a calibration that is stopped goes on from there, and ends with the same bytes.
//!
//! ```text
//! HSUNFIN1   length of the account in four bytes   the account, as JSON
//! for each fit          factors and features, f32; for each of its rounds the layers that are done, as in a calibration
//! 32 bytes              BLAKE3 of all before
//! ```
//!
//! The file is written anew after each step, under another name first. It is not flushed: a power failure may damage it, and a
//! damaged one is passed over.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use headstart_base::files::{Draft, NewFolder, folder_of};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::calibration::{Layer, Reader};
use super::equalise::Factors;
use super::fidelity::Fidelity;
use super::options::QuantizeEvent;
use super::range::{Levels, Method};

const BEGIN: &[u8; 8] = b"HSUNFIN1";

/// Where a calibration is kept while `graph`, which is to come of it, is not done.
pub fn beside(graph: &Path) -> PathBuf {
    let mut name = graph.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

/// What is chosen so far, and where it is kept.
pub(super) struct Unfinished {
    /// `None` keeps nothing.
    path: Option<PathBuf>,
    /// Of the graph, the images and the options: another calibration has another.
    key: blake3::Hash,
    fits: Vec<Fitted>,
    /// Goes again with the file, if it was made for it.
    folder: Option<NewFolder>,
}

/// Ranges that were chosen with certain layers in floats, and what came of them.
#[derive(Debug, Clone)]
pub(super) struct Fitted {
    /// The layers in floats.
    pub keep: BTreeSet<String>,
    pub exponent: f64,
    pub method: Method,
    pub levels: Vec<(String, Levels)>,
    pub factors: Factors,
    /// Of the calibration images, in floats.
    pub features: Array2<f32>,
    pub fidelity: Fidelity,
    pub rounds: Vec<Round>,
}

/// Layers from the first on, rounded together or not.
#[derive(Debug, Clone)]
pub(super) struct Round {
    pub together: bool,
    /// By what they give, with filters and the weights of each.
    pub layers: Vec<((String, usize, usize), Layer)>,
    /// When all are done.
    pub fidelity: Option<Fidelity>,
}

#[derive(Serialize, Deserialize)]
struct Account {
    key: String,
    fits: Vec<FittedAccount>,
}

#[derive(Serialize, Deserialize)]
struct FittedAccount {
    keep: BTreeSet<String>,
    exponent: u64,
    method: Method,
    levels: Vec<(String, u32, u8)>,
    factors: Vec<(String, usize)>,
    features: (usize, usize),
    fidelity: FidelityBits,
    rounds: Vec<RoundAccount>,
}

#[derive(Serialize, Deserialize)]
struct RoundAccount {
    together: bool,
    layers: Vec<(String, usize, usize)>,
    fidelity: Option<FidelityBits>,
}

/// Images, and the bits of the three figures: as text they might be others.
type FidelityBits = (usize, [u64; 3]);

fn bits_of(fidelity: &Fidelity) -> FidelityBits {
    let Fidelity { images, cosine_mean, cosine_min, relative_error } = *fidelity;
    (images, [cosine_mean, cosine_min, relative_error].map(f64::to_bits))
}

fn of_bits((images, bits): FidelityBits) -> Fidelity {
    let [cosine_mean, cosine_min, relative_error] = bits.map(f64::from_bits);
    Fidelity { images, cosine_mean, cosine_min, relative_error }
}

impl Unfinished {
    /// What an earlier run left at `path`, if it is of the calibration `key`; or nothing so far.
    pub(super) fn open(
        path: Option<&Path>,
        key: blake3::Hash,
        on_event: &mut dyn FnMut(QuantizeEvent<'_>),
    ) -> Self {
        let mut unfinished = Self { path: path.map(Path::to_owned), key, fits: vec![], folder: None };
        let Some((path, bytes)) = path.and_then(|path| Some((path, fs::read(path).ok()?))) else {
            return unfinished;
        };
        if !bytes.starts_with(BEGIN) {
            // Somebody else's file: it stays.
            unfinished.path = None;
            on_event(QuantizeEvent::PassedOver { path, why: "it is a file of another kind, which stays" });
            return unfinished;
        }
        match decode(&bytes) {
            None => on_event(QuantizeEvent::PassedOver { path, why: "it is damaged" }),
            Some((found, _)) if found != *key.to_hex() => {
                on_event(QuantizeEvent::PassedOver {
                    path,
                    why: "it is of other images, another graph or other options",
                });
            }
            Some((_, fits)) => {
                unfinished.fits = fits;
                on_event(QuantizeEvent::GoesOn { path, layers: unfinished.layers() });
            }
        }
        unfinished
    }

    /// Layers that are done.
    fn layers(&self) -> usize {
        self.fits.iter().flat_map(|fit| &fit.rounds).map(|round| round.layers.len()).sum()
    }

    /// What was chosen with these layers in floats.
    pub(super) fn find(&self, keep: &BTreeSet<String>) -> Option<&Fitted> {
        self.fits.iter().find(|fit| fit.keep == *keep)
    }

    pub(super) fn begin(&mut self, fit: Fitted) {
        self.fits.push(fit);
        self.save();
    }

    /// What was rounded, together or not, with these layers in floats.
    pub(super) fn round(&self, keep: &BTreeSet<String>, together: bool) -> Option<&Round> {
        self.find(keep)?.rounds.iter().find(|round| round.together == together)
    }

    /// Change that.
    pub(super) fn change(
        &mut self,
        keep: &BTreeSet<String>,
        together: bool,
        change: impl FnOnce(&mut Round),
    ) {
        let Some(fit) = self.fits.iter_mut().find(|fit| fit.keep == *keep) else { return };
        let place = fit.rounds.iter().position(|round| round.together == together);
        let place = place.unwrap_or_else(|| {
            fit.rounds.push(Round { together, layers: vec![], fidelity: None });
            fit.rounds.len() - 1
        });
        change(&mut fit.rounds[place]);
        self.save();
    }

    /// What cannot be written is not kept; the work goes on.
    fn save(&mut self) {
        let Some(path) = &self.path else { return };
        if self.folder.is_none() {
            self.folder = NewFolder::make(folder_of(path)).ok();
        }
        let bytes = self.encode();
        let write = |draft: Draft| draft.file().write_all(&bytes).and_then(|()| draft.rename()).ok();
        if Draft::begin(path).ok().and_then(write).is_none() {
            self.path = None;
        }
    }

    fn encode(&self) -> Vec<u8> {
        let fits = self.fits.iter().map(|fit| FittedAccount {
            keep: fit.keep.clone(),
            exponent: fit.exponent.to_bits(),
            method: fit.method,
            levels: (fit.levels.iter())
                .map(|(name, levels)| (name.clone(), levels.scale.to_bits(), levels.zero))
                .collect(),
            factors: fit.factors.iter().map(|(name, array)| (name.clone(), array.len())).collect(),
            features: fit.features.dim(),
            fidelity: bits_of(&fit.fidelity),
            rounds: (fit.rounds.iter())
                .map(|round| RoundAccount {
                    together: round.together,
                    layers: round.layers.iter().map(|(layer, _)| layer.clone()).collect(),
                    fidelity: round.fidelity.as_ref().map(bits_of),
                })
                .collect(),
        });
        let account = Account { key: self.key.to_hex().to_string(), fits: fits.collect() };
        let account = serde_json::to_vec(&account).expect("numbers and words are JSON");
        let mut bytes = BEGIN.to_vec();
        bytes.extend((account.len() as u32).to_le_bytes());
        bytes.extend(account);
        for fit in &self.fits {
            let floats = fit.factors.values().flatten().chain(&fit.features);
            bytes.extend(floats.flat_map(|value| value.to_le_bytes()));
            let layers = fit.rounds.iter().flat_map(|round| &round.layers);
            layers.for_each(|(_, layer)| layer.write(&mut bytes));
        }
        let checksum = blake3::hash(&bytes);
        bytes.extend(checksum.as_bytes());
        bytes
    }

    /// All is done: nothing is left.
    pub(super) fn remove(&mut self) {
        if let Some(path) = self.path.take() {
            remove(&path);
        }
        self.folder = None;
    }
}

/// Remove the file at `path` if it holds an unfinished calibration.
pub(super) fn remove(path: &Path) {
    let mut begin = [0; BEGIN.len()];
    let is_ours = fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut begin));
    if is_ours.is_ok() && begin == *BEGIN {
        let _ = fs::remove_file(path);
    }
}

/// The key and the fits; `None` if the bytes are damaged.
fn decode(bytes: &[u8]) -> Option<(String, Vec<Fitted>)> {
    let (bytes, checksum) = bytes.split_at_checked(bytes.len().checked_sub(blake3::OUT_LEN)?)?;
    (blake3::hash(bytes).as_bytes() == checksum).then_some(())?;
    let mut reader = Reader(bytes.get(BEGIN.len()..)?);
    let length = reader.number()?;
    let account: Account = serde_json::from_slice(reader.take(length)?).ok()?;
    let fits = account.fits.into_iter().map(|fit| fitted(&mut reader, fit)).collect::<Option<_>>()?;
    reader.0.is_empty().then_some((account.key, fits))
}

fn fitted(reader: &mut Reader<'_>, account: FittedAccount) -> Option<Fitted> {
    let factors = account.factors.into_iter().map(|(name, length)| Some((name, reader.floats(length)?)));
    let factors = factors.collect::<Option<_>>()?;
    let (rows, columns) = account.features;
    let features =
        Array2::from_shape_vec((rows, columns), reader.floats(rows.checked_mul(columns)?)?).ok()?;
    let mut rounds = vec![];
    for RoundAccount { together, layers, fidelity } in account.rounds {
        let read = |layer: (String, usize, usize)| {
            let read = Layer::read(reader, layer.1, layer.2)?;
            Some((layer, read))
        };
        let layers = layers.into_iter().map(read).collect::<Option<_>>()?;
        rounds.push(Round { together, layers, fidelity: fidelity.map(of_bits) });
    }
    let levels = account.levels.into_iter();
    Some(Fitted {
        keep: account.keep,
        exponent: f64::from_bits(account.exponent),
        method: account.method,
        levels: levels
            .map(|(name, scale, zero)| (name, Levels { scale: f32::from_bits(scale), zero }))
            .collect(),
        factors,
        features,
        fidelity: of_bits(account.fidelity),
        rounds,
    })
}
