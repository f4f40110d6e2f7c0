//! What a calibration chose, without the weights: so small that it is shipped, and the graph in integers that is made of it is the same
//! file on every machine.

mod file;
mod layer;

pub(super) use file::Reader;
pub(super) use layer::Layer;

use std::collections::BTreeMap;
use std::path::Path;

use headstart_backbone::{Backbone, Metadata};
use headstart_base::machine::Threads;
use headstart_onnx::{self as onnx, Model};

use self::file::{Account, MetadataText};
use super::equalise::{Factors, equalise};
use super::error::{Error, Result};
use super::kernel::WeightBits;
use super::plan::Plan;
use super::range::Levels;
use super::rewrite::{Choice, rounded};
use super::{graph, graph_mut, pixels, prepare};

/// What a calibration chose for one graph.
#[derive(Debug, Clone)]
pub struct Calibration {
    account: Account,
    factors: Vec<Vec<f32>>,
    layers: Vec<Layer>,
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
const SHIPPED: [&[u8]; 1] = [include_bytes!("../../../calibrations/resnet50.calibration")];

impl Calibration {
    /// The one that the program brings for `backbone`, if it brings one.
    pub fn shipped(backbone: &Backbone) -> Option<Self> {
        let own =
            SHIPPED.iter().find(|bytes| Account::of(bytes).is_some_and(|account| account.is_for(backbone)));
        own.and_then(|bytes| Self::decode(bytes).ok())
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
        self.account.is_for(backbone)
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
