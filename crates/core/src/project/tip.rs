//! A tip where an extraction in fp32 takes long: what int8 would take here.

use std::time::{Duration, Instant};

use headstart_backbone::device::{Device, Precision, Selection};
use headstart_backbone::{Backbone, Engine, EngineOptions, OpenOptions};
use headstart_convert::quantize::Calibration;

use super::FeatureSource;
use super::shipped_graph::shipped;
use crate::extract::{ExtractEvent, Graphs, images_per_second};
use crate::precision::Form;
use crate::{Rate, UserCache};

/// What takes less needs no tip.
const LONG: Duration = Duration::from_secs(10);
/// Rows of an extraction that may take long. Fewer are not worth a measurement.
const MANY: f64 = 100.0;
/// How long the extraction is looked at before its time is told.
const LOOK: Duration = Duration::from_secs(2);
/// Of the time that it takes: what takes more than this instead is no gain worth a word.
const PAYS: f64 = 0.75;

/// A faster way to have features of the same images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tip {
    /// What all images take in the way that was chosen.
    pub expected: Duration,
    /// What else they can be computed in.
    pub precision: Precision,
    /// What they would take then, its check and its start left out.
    pub instead: Duration,
}

/// What there is to do.
#[derive(Debug, Clone, Copy, Default)]
struct Work {
    images: usize,
    views: usize,
}

impl Work {
    /// What is told once `done` of the images took so long, if the network takes these seconds for a view in fp32 and in int8.
    fn tip(self, [fp32, int8]: [f64; 2], done: usize, elapsed: Duration) -> Option<Tip> {
        let each = elapsed.as_secs_f64() / done as f64;
        // Reading and resizing are on the same cores, and stay as they are. The ratio counts: another program may have been in
        // the way of a measurement.
        let network = each.min(self.views as f64 * fp32);
        let other = each - network + network * int8 / fp32;
        let whole = |each: f64| Duration::from_secs_f64(each * self.images as f64);
        let (expected, instead) = (whole(each), whole(other));
        let pays = instead.as_secs_f64() <= PAYS * expected.as_secs_f64();
        (expected > LONG && pays).then_some(Tip { expected, precision: Precision::Int8, instead })
    }
}

/// Listens to an extraction, and finds out whether there is something to tell. Nothing is measured for a short one.
pub(super) struct TipWatch<'a> {
    source: &'a FeatureSource,
    kept: &'a UserCache,
    work: Work,
    /// Seconds that the network takes for an image, in fp32 and in int8.
    costs: Option<[f64; 2]>,
    began: Option<Instant>,
    done: usize,
}

impl<'a> TipWatch<'a> {
    /// `None` where the way was chosen by whoever asks, or there is no other.
    pub(super) fn of(source: &'a FeatureSource) -> Option<Self> {
        let kept = source.config().user_cache.as_ref()?;
        let is_open = source.config().precision.is_none() && source.precision() == Precision::Fp32;
        let watch = Self { source, kept, work: Work::default(), costs: None, began: None, done: 0 };
        is_open.then_some(watch)
    }

    /// The tip, once.
    pub(super) fn see(&mut self, event: &ExtractEvent<'_>) -> Option<Tip> {
        match event {
            // Who has features in fp32 already would have to compute those again.
            ExtractEvent::Planned { cached: 0, to_do, views, .. } => {
                self.work = Work { images: *to_do, views: *views };
                self.costs = self.costs_if_long();
            }
            ExtractEvent::Loaded { engine } if engine.selection.device == Device::Cpu => {
                self.began = Some(Instant::now());
            }
            ExtractEvent::Progress => {
                self.done += 1;
                let elapsed = self.began?.elapsed();
                if elapsed >= LOOK {
                    self.began = None;
                    return self.work.tip(self.costs?, self.done, elapsed);
                }
            }
            _ => {}
        }
        None
    }

    /// As measured before or now; `None` for a short extraction, and where int8 is not to be had at once.
    fn costs_if_long(&self) -> Option<[f64; 2]> {
        let backbone = &self.source.backbone;
        let rows = (self.work.images * self.work.views) as f64;
        if rows < MANY || backbone.is_quantised() {
            return None;
        }
        let graphs = Graphs::of(&self.source.config().cache);
        let brought = Calibration::shipped(backbone);
        if brought.is_none() && !graphs.path(backbone).exists() {
            return None;
        }
        let engine = &self.source.extract_options().engine;
        for precision in [Precision::Fp32, Precision::Int8] {
            let selection = Selection::make(engine.device, precision, &engine.libraries).ok()?;
            (selection.device == Device::Cpu).then_some(())?;
        }
        let fp32 = self.cost(&Form::own(backbone), engine)?;
        // The network is half of it at least, but for photographs of a camera.
        if rows * fp32 < LONG.as_secs_f64() / 2.0 {
            return None;
        }
        Some([fp32, self.cost(&self.int8(&graphs, brought)?, engine)?])
    }

    /// The form in use in this cache, or the one that the program brings.
    fn int8(&self, graphs: &Graphs, brought: Option<Calibration>) -> Option<Form> {
        let backbone = &self.source.backbone;
        if let Some(form) = Form::only(backbone, Precision::Int8, graphs).ok()? {
            return Some(form);
        }
        let calibration = brought?;
        shipped(Some(self.kept), &calibration, backbone).ok()?;
        let path = self.kept.int8_path(calibration.result());
        let recipe = Some(backbone.recipe().clone());
        let graph = Backbone::open_with(&path, &OpenOptions { recipe, ..OpenOptions::default() }).ok()?;
        Some(Form { backbone: graph, precision: Precision::Int8 })
    }

    /// Seconds that the network alone takes for an image.
    fn cost(&self, form: &Form, engine: &EngineOptions) -> Option<f64> {
        let mut options = engine.clone();
        options.session.precision = form.precision;
        let unmeasured = Rate {
            backbone: form.backbone.name().to_owned(),
            graph: form.backbone.digest().to_hex().to_string(),
            precision: form.precision,
            device: Device::Cpu.to_string(),
            threads: options.session.threads,
            ..Rate::default()
        }
        .here();
        if let Some(known) = self.kept.rates().into_iter().find(|rate| rate.is_of(&unmeasured)) {
            return Some(1.0 / known.images_per_second);
        }
        let mut engine = Engine::start(&form.backbone, &options).ok()?;
        let images_per_second = images_per_second(&form.backbone, &mut engine.session).ok()?;
        let runtime = engine.runtime.version().to_owned();
        self.kept.keep_rate(Rate { images_per_second, runtime, ..unmeasured });
        Some(1.0 / images_per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thousandths of a second, after two seconds with so many of 1,000 images done.
    fn tip(costs: [f64; 2], done: usize, views: usize) -> Option<[u128; 2]> {
        let work = Work { images: 1000, views };
        let tip = work.tip(costs.map(|cost| cost / 1000.0), done, Duration::from_secs(2))?;
        Some([tip.expected, tip.instead].map(|time| time.as_millis()))
    }

    #[test]
    fn what_is_not_the_network_stays_as_it_is() {
        // 40 ms an image; 30 of them are the network's, and become 10.
        assert_eq!(tip([30.0, 10.0], 50, 1), Some([40_000, 20_000]));
        assert_eq!(tip([15.0, 5.0], 50, 2), Some([40_000, 20_000]));
    }

    #[test]
    fn a_rate_that_was_measured_beside_other_work_counts_by_its_ratio() {
        assert_eq!(tip([300.0, 100.0], 50, 1), Some([40_000, 13_333]));
    }

    #[test]
    fn a_short_work_and_a_small_gain_are_no_tip() {
        assert_eq!(tip([8.0, 2.0], 201, 1), None);
        assert_eq!(tip([30.0, 25.0], 50, 1), None);
        // Photographs of a camera: nearly all of the time is reading.
        assert_eq!(tip([30.0, 10.0], 20, 1), None);
    }
}
