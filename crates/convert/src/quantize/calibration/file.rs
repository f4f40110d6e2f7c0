//! The file of a calibration.
//!
//! ```text
//! HSCALIB1   length of the account in four bytes   the account, as JSON
//! for each array of factors       its numbers, f32
//! for each convolution            scales and biases, f32; a bit for each weight; the weights that a bit is not enough for
//! ```
//!
//! All numbers are little-endian.

use std::collections::BTreeMap;

use headstart_backbone::{Backbone, Metadata};
use headstart_image::Recipe;
use serde::{Deserialize, Serialize};

use super::super::error::{Error, Result};
use super::super::kernel::WeightBits;
use super::{Calibration, Layer};

const BEGIN: &[u8; 8] = b"HSCALIB1";

/// Everything but the long arrays.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Account {
    /// BLAKE3 of the file of the graph in floats, hex.
    pub graph: String,
    /// BLAKE3 of the file of the graph in integers, hex.
    pub result: String,
    pub metadata: MetadataText,
    pub bits: WeightBits,
    /// Layers that stay in floats.
    pub float: Vec<String>,
    /// Scale and zero point of each tensor that is rounded.
    pub levels: BTreeMap<String, (f32, u8)>,
    /// Which tensors are divided by which array of factors, and its length.
    pub factors: Vec<(Vec<String>, usize)>,
    /// Of each convolution: what it gives, its filters and the weights of each.
    pub layers: Vec<(String, usize, usize)>,
}

impl Account {
    /// That of a file, without the long arrays behind it.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        Self::read(&mut Reader(bytes))
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        (reader.take(BEGIN.len())? == BEGIN).then_some(())?;
        let length = reader.number()?;
        serde_json::from_slice(reader.take(length)?).ok()
    }

    /// Whether it is for this graph, and for pixels that are normalised as `backbone` has them.
    pub(super) fn is_for(&self, backbone: &Backbone) -> bool {
        let pixels = |recipe: &Recipe| {
            let Recipe { channels, layout, divisor, mean, std, .. } = recipe.clone();
            (channels, layout, divisor, mean, std, recipe.input_shape())
        };
        *backbone.digest().to_hex() == *self.graph
            && Recipe::from_json(&self.metadata.recipe)
                .is_ok_and(|own| pixels(&own) == pixels(backbone.recipe()))
    }
}

/// What the file in integers says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MetadataText {
    name: String,
    recipe: String,
    feature_tensor: String,
    feature_size: usize,
    labels: Vec<String>,
    source: Option<String>,
    licence: Option<String>,
    pub quantized: serde_json::Value,
}

impl MetadataText {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let Metadata {
            name, recipe, feature_tensor, feature_size, labels, source, licence, quantized, ..
        } = metadata.clone();
        Self {
            name: name.unwrap_or_default(),
            recipe: recipe.map(|recipe| recipe.to_json()).unwrap_or_default(),
            feature_tensor: feature_tensor.unwrap_or_default(),
            feature_size: feature_size.unwrap_or_default(),
            labels,
            source,
            licence,
            quantized: quantized.unwrap_or_default(),
        }
    }

    pub(super) fn metadata(&self) -> Option<Metadata> {
        let text = self.clone();
        Some(Metadata {
            name: Some(text.name),
            recipe: Some(Recipe::from_json(&text.recipe).ok()?),
            recipe_doubts: vec![],
            feature_tensor: Some(text.feature_tensor),
            feature_size: Some(text.feature_size),
            labels: text.labels,
            source: text.source,
            licence: text.licence,
            quantized: Some(text.quantized),
        })
    }
}

impl Calibration {
    /// The bytes of its file.
    pub fn encode(&self) -> Vec<u8> {
        let account = serde_json::to_vec(&self.account).expect("numbers and words are JSON");
        let mut bytes = BEGIN.to_vec();
        bytes.extend((account.len() as u32).to_le_bytes());
        bytes.extend(account);
        let floats = |bytes: &mut Vec<u8>, values: &[f32]| {
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        };
        self.factors.iter().for_each(|array| floats(&mut bytes, array));
        self.layers.iter().for_each(|layer| layer.write(&mut bytes));
        bytes
    }

    /// Read the bytes of a file.
    ///
    /// # Errors
    /// [`Error::NotACalibration`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader(bytes);
        Self::read(&mut reader).filter(|_| reader.0.is_empty()).ok_or(Error::NotACalibration)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let account = Account::read(reader)?;
        let factors =
            account.factors.iter().map(|&(_, length)| reader.floats(length)).collect::<Option<_>>()?;
        let mut layers = vec![];
        for &(_, filters, size) in &account.layers {
            layers.push(Layer::read(reader, filters, size)?);
        }
        Some(Self { account, factors, layers })
    }
}

/// Takes a file apart, from its begin on.
pub(in crate::quantize) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub(in crate::quantize) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(in crate::quantize) fn number(&mut self) -> Option<usize> {
        self.take(4)?.try_into().ok().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    pub(in crate::quantize) fn floats(&mut self, length: usize) -> Option<Vec<f32>> {
        let (numbers, _) = self.take(length.checked_mul(4)?)?.as_chunks::<4>();
        Some(numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
    }
}
