//! Which layers stay in floats: those that are named, or as few as the bound asks for.

use std::collections::BTreeSet;

use super::super::error::{Error, Result};
use super::super::graph;
use super::super::options::{KeepFloat, QuantizeEvent, Stage};
use super::super::plan::{Kind, Plan};
use super::super::rewrite::rounded;
use super::fit::Fit;
use super::{Bench, TRIAL};
use headstart_onnx::Model;

impl Bench<'_> {
    /// The layers that are told to stay in floats.
    pub(super) fn told(&self, prepared: &Model) -> Result<BTreeSet<String>> {
        let KeepFloat::Named(names) = &self.options.keep_float else { return Ok(BTreeSet::new()) };
        let plan = Plan::of(graph(prepared), &BTreeSet::new())?;
        let known = |name: &String| plan.layers.iter().any(|layer| layer.name == *name || layer.raw == *name);
        match names.iter().find(|name| !known(name)) {
            None => Ok(names.clone()),
            Some(name) => {
                let layers = plan.layers.iter().map(|layer| layer.name.clone()).collect();
                Err(Error::NoSuchLayer { name: name.clone(), layers })
            }
        }
    }

    pub(super) fn is_near(&self, fit: &Fit) -> bool {
        fit.fidelity.cosine_mean >= self.options.min_cosine
    }

    /// As few layers in floats as are needed, those first that harm most: one, two, four and so on until it is enough, then halved between.
    pub(super) fn enough(&mut self, prepared: &Model, whole: &Fit) -> Result<Fit> {
        self.stage(Stage::Harms)?;
        let harms = self.harms(whole)?;
        // One convolution must be left, or there is nothing in integers.
        let most = harms.iter().rposition(|harm| harm.convolves).unwrap_or(0);
        let (mut few, mut count) = (0, 1.min(most));
        let mut best = loop {
            if count == few {
                let (found, bound) = (whole.fidelity.cosine_mean, self.options.min_cosine);
                return Err(Error::Fidelity { found, bound });
            }
            let fit = self.keeping(prepared, &harms[..count])?;
            if self.is_near(&fit) {
                break fit;
            }
            (few, count) = (count, most.min(2 * count));
        };
        while count - few > 1 {
            let middle = few.midpoint(count);
            let fit = self.keeping(prepared, &harms[..middle])?;
            if self.is_near(&fit) {
                (count, best) = (middle, fit);
            } else {
                few = middle;
            }
        }
        Ok(best)
    }

    /// With these in floats all is chosen anew: what was chosen around a layer that spoils much is wrong where the layer does not.
    fn keeping(&mut self, prepared: &Model, harms: &[Harm]) -> Result<Fit> {
        self.stage(Stage::Layers(harms.len()))?;
        let fit = self.fit(prepared.clone(), &harms.iter().map(|harm| harm.raw.clone()).collect())?;
        let what = format!("layers in floats: {}", harms.len());
        (self.on_event)(QuantizeEvent::Tried { what, error: fit.fidelity.relative_error });
        Ok(fit)
    }

    /// What each layer does that could stay in floats, the worst first.
    fn harms(&self, fit: &Fit) -> Result<Vec<Harm>> {
        let may_stay = |kind: &Kind| matches!(kind, Kind::Conv(_) | Kind::Merge);
        let layers: Vec<_> = fit.plan.layers.iter().filter(|layer| may_stay(&layer.kind)).collect();
        let names: BTreeSet<String> = layers.iter().map(|layer| layer.raw.clone()).collect();
        let mut harms = vec![];
        for layer in layers {
            let mut others = names.clone();
            others.remove(&layer.raw);
            let plan = Plan::of(graph(&fit.model), &others)?;
            let error = self.trial(&rounded(&fit.model, &plan, &fit.plain), TRIAL)?.relative_error;
            harms.push(Harm { raw: layer.raw.clone(), convolves: layer.kind.conv().is_some(), error });
        }
        harms.sort_by(|a, b| b.error.total_cmp(&a.error));
        Ok(harms)
    }
}

/// What one layer does to the features.
struct Harm {
    /// The layer, by what it gives.
    raw: String,
    convolves: bool,
    /// Of the features where it alone computes in integers: among others that do, it would not be seen behind a layer that spoils everything.
    error: f64,
}
