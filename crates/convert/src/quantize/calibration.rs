//! What a calibration chose, without the weights: so small that it is shipped, and the graph in integers that is made of it is the same
//! file on every machine.
//!
//! ```text
//! HSCALIB1   length of the account in four bytes   the account, as JSON
//! for each array of factors       its numbers, f32
//! for each convolution            scales and biases, f32; a bit for each weight; the weights that a bit is not enough for
//! ```
//!
//! All numbers are little-endian. A weight's bit says whether its code is the one above or the one below `weight / scale`. Where rounding together chose a code
//! further away, which is rare, its place and its code stand in a list.

use std::collections::BTreeMap;
use std::path::Path;

use headstart_backbone::{Backbone, Metadata};
use headstart_base::machine::Threads;
use headstart_image::Recipe;
use headstart_onnx::{self as onnx, Model};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::equalise::{Factors, equalise};
use super::error::{Error, Result};
use super::kernel::{Codes, WeightBits};
use super::plan::Plan;
use super::range::Levels;
use super::rewrite::{Choice, rounded};
use super::{graph, graph_mut, pixels, prepare};

const BEGIN: &[u8; 8] = b"HSCALIB1";

/// What a calibration chose for one graph.
#[derive(Debug, Clone)]
pub struct Calibration {
    account: Account,
    factors: Vec<Vec<f32>>,
    layers: Vec<Layer>,
}

/// Everything but the long arrays.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Account {
    /// BLAKE3 of the file of the graph in floats, hex.
    graph: String,
    /// BLAKE3 of the file of the graph in integers, hex.
    result: String,
    metadata: MetadataText,
    bits: WeightBits,
    /// Layers that stay in floats.
    float: Vec<String>,
    /// Scale and zero point of each tensor that is rounded.
    levels: BTreeMap<String, (f32, u8)>,
    /// Which tensors are divided by which array of factors, and its length.
    factors: Vec<(Vec<String>, usize)>,
    /// Of each convolution: what it gives, its filters and the weights of each.
    layers: Vec<(String, usize, usize)>,
}

/// What the file in integers says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct MetadataText {
    name: String,
    recipe: String,
    feature_tensor: String,
    feature_size: usize,
    labels: Vec<String>,
    source: Option<String>,
    licence: Option<String>,
    quantized: serde_json::Value,
}

#[derive(Debug, Clone)]
struct Layer {
    scales: Vec<f32>,
    bias: Vec<f32>,
    /// A bit for each weight, the first the lowest of the first byte.
    above: Vec<u8>,
    /// Places and codes of the weights that are rounded further.
    further: Vec<(u32, i8)>,
}

/// What a graph is rounded by.
pub(super) struct Chosen<'a> {
    pub plan: &'a Plan,
    pub choice: &'a Choice,
    pub factors: &'a Factors,
    pub bits: WeightBits,
    pub float: Vec<String>,
}

/// Those that the program brings: calibrated on varied images, as `models/int8/README.md` tells.
const SHIPPED: [&[u8]; 1] = [include_bytes!("../../calibrations/resnet50.calibration")];

impl Calibration {
    /// The one that the program brings for `backbone`, if it brings one.
    pub fn shipped(backbone: &Backbone) -> Option<Self> {
        SHIPPED
            .iter()
            .filter_map(|bytes| Self::decode(bytes).ok())
            .find(|calibration| calibration.is_for(backbone))
    }

    /// The one that made `result` of `backbone`.
    pub(super) fn new(
        backbone: &Backbone,
        chosen: &Chosen<'_>,
        metadata: &Metadata,
        result: &Model,
    ) -> Result<Self> {
        let Chosen { plan, choice, bits, .. } = *chosen;
        let mut arrays: Vec<(Vec<String>, &Vec<f32>)> = vec![];
        for (name, factors) in chosen.factors {
            match arrays.iter_mut().find(|(_, array)| *array == factors) {
                Some((names, _)) => names.push(name.clone()),
                None => arrays.push((vec![name.clone()], factors)),
            }
        }
        let layers = plan.convs().map(|(layer, conv)| {
            let codes = &choice.kernels[&layer.raw];
            let bias = choice.biases.get(&layer.raw).unwrap_or(&conv.bias).clone();
            Layer::new(&conv.kernel, codes, bias)
        });
        let shape = |(layer, conv): (&super::plan::Layer, &super::plan::Conv)| {
            (layer.raw.clone(), conv.kernel.nrows(), conv.kernel.ncols())
        };
        Ok(Self {
            layers: layers.collect(),
            factors: arrays.iter().map(|(_, array)| (*array).clone()).collect(),
            account: Account {
                graph: backbone.digest().to_hex().to_string(),
                result: digest(result)?,
                metadata: MetadataText::of(metadata),
                bits,
                float: chosen.float.clone(),
                levels: choice
                    .levels
                    .iter()
                    .map(|(name, levels)| (name.clone(), (levels.scale, levels.zero)))
                    .collect(),
                factors: arrays.iter().map(|(names, array)| (names.clone(), array.len())).collect(),
                layers: plan.convs().map(shape).collect(),
            },
        })
    }

    /// BLAKE3 of the file that it is for, hex.
    pub fn graph(&self) -> &str {
        &self.account.graph
    }

    /// BLAKE3 of the file that it makes, hex.
    pub fn result(&self) -> &str {
        &self.account.result
    }

    /// How the file in integers was made, and how near it is: as it stands in the file itself.
    pub fn account(&self) -> &serde_json::Value {
        &self.account.metadata.quantized
    }

    /// Whether it is for this graph, and for pixels that are normalised as `backbone` has them.
    pub fn is_for(&self, backbone: &Backbone) -> bool {
        let pixels = |recipe: &Recipe| {
            let Recipe { channels, layout, divisor, mean, std, .. } = recipe.clone();
            (channels, layout, divisor, mean, std, recipe.input_shape())
        };
        let own = Recipe::from_json(&self.account.metadata.recipe);
        *backbone.digest().to_hex() == *self.account.graph
            && own.is_ok_and(|own| pixels(&own) == pixels(backbone.recipe()))
    }

    /// The graph in integers of `backbone`: the same bytes on every machine.
    ///
    /// # Errors
    /// [`Error::OtherGraph`] if it was made for another; [`Error::OtherResult`] if the result is not the one that it was made with.
    pub fn apply(&self, backbone: &Backbone) -> Result<Model> {
        Threads::new(None)?.run(|| self.apply_on_these_threads(backbone))
    }

    fn apply_on_these_threads(&self, backbone: &Backbone) -> Result<Model> {
        if !self.is_for(backbone) {
            return Err(Error::OtherGraph { path: backbone.path().to_owned() });
        }
        let path = backbone.path();
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut model = super::read(path)?;
        prepare::prepare(&mut model, folder)?;
        let other = || Error::OtherResult { path: path.to_owned() };
        let metadata = self.account.metadata.metadata().ok_or_else(other)?;
        let recipe = metadata.recipe.clone().ok_or_else(other)?;
        pixels::restore(graph_mut(&mut model), backbone.input_name(), &recipe)?;
        let keep = self.account.float.iter().cloned().collect();
        let factors = self.named_factors();
        if !factors.is_empty() {
            let plan = Plan::of(graph(&model), &keep)?;
            model = model.with_graph(equalise(graph(&model), &plan, &factors));
        }
        let plan = Plan::of(graph(&model), &keep)?;
        let choice = self.choice(&plan).ok_or_else(other)?;
        let mut model = rounded(&model, &plan, &choice);
        metadata.write_into(&mut model);
        if digest(&model)? == self.account.result { Ok(model) } else { Err(other()) }
    }

    fn named_factors(&self) -> Factors {
        let arrays = self.account.factors.iter().zip(&self.factors);
        arrays
            .flat_map(|((names, _), array)| names.iter().map(|name| (name.clone(), array.clone())))
            .collect()
    }

    /// `None` if the graph has other layers.
    fn choice(&self, plan: &Plan) -> Option<Choice> {
        let levels: BTreeMap<String, Levels> = (self.account.levels.iter())
            .map(|(name, &(scale, zero))| (name.clone(), Levels { scale, zero }))
            .collect();
        if plan.rounded().any(|name| !levels.contains_key(name)) {
            return None;
        }
        let mut choice = Choice { levels, ..Choice::default() };
        let known: BTreeMap<&str, &Layer> =
            self.account.layers.iter().map(|(raw, ..)| raw.as_str()).zip(&self.layers).collect();
        for (layer, conv) in plan.convs() {
            let own = *known.get(layer.raw.as_str())?;
            let codes = own.codes(&conv.kernel, self.account.bits)?;
            choice.kernels.insert(layer.raw.clone(), codes);
            choice.biases.insert(layer.raw.clone(), own.bias.clone());
        }
        Some(choice)
    }
}

/// BLAKE3 of the file of `model`, hex.
fn digest(model: &Model) -> Result<String> {
    Ok(blake3::hash(&onnx::encode(model, Path::new("a graph in memory"))?).to_hex().to_string())
}

/// The code below a weight. Not by `floor`, which is a call into the system's library where the processor is not known to have it.
fn below(weight: f32, scale: f32) -> f32 {
    let code = weight / scale;
    // Codes are small.
    let toward_zero = code as i32 as f32;
    if toward_zero > code { toward_zero - 1.0 } else { toward_zero }
}

impl Layer {
    fn new(kernel: &Array2<f32>, codes: &Codes, bias: Vec<f32>) -> Self {
        let mut above = vec![0u8; kernel.len().div_ceil(8)];
        let mut further = vec![];
        for (at, (&weight, &code)) in kernel.iter().zip(&codes.codes).enumerate() {
            match f32::from(code) - below(weight, codes.scales[at / kernel.ncols().max(1)]) {
                0.0 => {}
                1.0 => above[at / 8] |= 1 << (at % 8),
                _ => further.push((at as u32, code)),
            }
        }
        Self { scales: codes.scales.clone(), bias, above, further }
    }

    /// `None` if `kernel` is of another shape.
    fn codes(&self, kernel: &Array2<f32>, bits: WeightBits) -> Option<Codes> {
        use rayon::prelude::*;
        let (filters, size) = kernel.dim();
        if self.scales.len() != filters
            || self.bias.len() != filters
            || self.above.len() != kernel.len().div_ceil(8)
        {
            return None;
        }
        let weights = kernel.as_slice()?;
        let mut codes = vec![0i8; kernel.len()];
        codes.par_chunks_mut(size.max(1)).enumerate().for_each(|(filter, codes)| {
            let scale = self.scales[filter];
            for (column, code) in codes.iter_mut().enumerate() {
                let at = filter * size + column;
                let above = f32::from(self.above[at / 8] >> (at % 8) & 1);
                *code = (below(weights[at], scale) + above).clamp(-bits.top(), bits.top()) as i8;
            }
        });
        for &(at, code) in &self.further {
            *codes.get_mut(at as usize)? = code;
        }
        let codes = Array2::from_shape_vec((filters, size), codes).ok()?;
        Some(Codes { codes, scales: self.scales.clone() })
    }
}

impl MetadataText {
    fn of(metadata: &Metadata) -> Self {
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

    fn metadata(&self) -> Option<Metadata> {
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
        for layer in &self.layers {
            floats(&mut bytes, &layer.scales);
            floats(&mut bytes, &layer.bias);
            bytes.extend(&layer.above);
            bytes.extend((layer.further.len() as u32).to_le_bytes());
            for (at, code) in &layer.further {
                bytes.extend(at.to_le_bytes());
                bytes.extend(code.to_le_bytes());
            }
        }
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
        (reader.take(BEGIN.len())? == BEGIN).then_some(())?;
        let length = reader.number()?;
        let account: Account = serde_json::from_slice(reader.take(length)?).ok()?;
        let factors =
            account.factors.iter().map(|&(_, length)| reader.floats(length)).collect::<Option<_>>()?;
        let mut layers = vec![];
        for &(_, filters, size) in &account.layers {
            let (scales, bias) = (reader.floats(filters)?, reader.floats(filters)?);
            let above = reader.take(filters.checked_mul(size)?.div_ceil(8))?.to_vec();
            let further = (0..reader.number()?)
                .map(|_| Some((reader.number()? as u32, reader.take(1)?[0] as i8)))
                .collect::<Option<_>>()?;
            layers.push(Layer { scales, bias, above, further });
        }
        Some(Self { account, factors, layers })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<usize> {
        self.take(4)?.try_into().ok().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    fn floats(&mut self, length: usize) -> Option<Vec<f32>> {
        let (numbers, _) = self.take(length.checked_mul(4)?)?.as_chunks::<4>();
        Some(numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
    }
}
