//! A tip where an extraction in fp32 takes long: what int8 or a smaller backbone would take here.

use std::path::PathBuf;
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
/// Images of one batch come closer together.
const PAUSE: Duration = Duration::from_millis(5);
/// Of the time that it takes: what takes more than this instead is no gain worth a word.
const PAYS: f64 = 0.75;

/// Faster ways to have features of the same images.
#[derive(Debug, Clone, PartialEq)]
pub struct Tip {
    /// What all images take in the way that was chosen.
    pub expected: Duration,
    /// What they would take otherwise; one way at least.
    pub instead: Vec<Instead>,
}

/// A faster way.
#[derive(Debug, Clone, PartialEq)]
pub struct Instead {
    /// What is different.
    pub way: Way,
    /// What all images would take, the check and the start left out.
    pub takes: Duration,
}

/// What may be chosen otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The same backbone, computed in this.
    Precision(Precision),
    /// Another backbone, by the name that [`ProjectConfig::smaller`](super::ProjectConfig::smaller) has for it.
    Backbone(String),
}

/// A backbone that takes less time than the one that is in use, and what the user calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmallerBackbone {
    /// What to type for it.
    pub name: String,
    /// The ONNX graph.
    pub graph: PathBuf,
}

/// What there is to do.
#[derive(Debug, Clone, Copy, Default)]
struct Work {
    images: usize,
    views: usize,
}

/// Seconds that a network takes for an image.
#[derive(Debug, Clone, PartialEq)]
struct Costs {
    fp32: f64,
    others: Vec<(Way, f64)>,
}

impl Work {
    /// What is told once `done` of the images took so long.
    fn tip(self, costs: &Costs, done: usize, elapsed: Duration) -> Option<Tip> {
        let each = elapsed.as_secs_f64() / done as f64;
        let whole = |each: f64| Duration::from_secs_f64(each * self.images as f64);
        // Reading and resizing are on the same cores, and stay as they are. The ratio counts: another program may have been in
        // the way of a measurement.
        let network = each.min(self.views as f64 * costs.fp32);
        let takes = |cost: f64| whole(each - network + network * cost / costs.fp32);
        let expected = whole(each);
        let pays = |takes: Duration| takes.as_secs_f64() <= PAYS * expected.as_secs_f64();
        let ways = costs.others.iter().map(|(way, cost)| Instead { way: way.clone(), takes: takes(*cost) });
        let instead: Vec<Instead> = ways.filter(|other| pays(other.takes)).collect();
        (expected > LONG && !instead.is_empty()).then_some(Tip { expected, instead })
    }
}

/// How fast images come. They come in batches, the first of which is late: it is counted from the end of that to the end of another.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    /// When the first batch was done.
    from: Option<Instant>,
    /// When the last image was.
    last: Option<Instant>,
    /// Images behind the first batch.
    done: usize,
}

impl Pace {
    /// An image is done; images and their time, once they were looked at for long enough.
    fn see(&mut self, now: Instant) -> Option<(usize, Duration)> {
        let last = self.last.replace(now)?;
        if now.duration_since(last) > PAUSE {
            let looked = last.duration_since(*self.from.get_or_insert(last));
            if looked >= LOOK {
                return Some((self.done, looked));
            }
        }
        self.done += usize::from(self.from.is_some());
        None
    }
}

/// Listens to an extraction, and finds out whether there is something to tell. Nothing is measured for a short one.
pub(super) struct TipWatch<'a> {
    source: &'a FeatureSource,
    kept: &'a UserCache,
    work: Work,
    costs: Option<Costs>,
    pace: Option<Pace>,
}

impl<'a> TipWatch<'a> {
    /// `None` where the way was chosen by whoever asks, or there is no other.
    pub(super) fn of(source: &'a FeatureSource) -> Option<Self> {
        let kept = source.config().user_cache.as_ref()?;
        let is_open = source.config().precision.is_none() && source.precision() == Precision::Fp32;
        let watch = Self { source, kept, work: Work::default(), costs: None, pace: None };
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
                self.pace = Some(Pace::default());
            }
            ExtractEvent::Progress => {
                let (done, elapsed) = self.pace.as_mut()?.see(Instant::now())?;
                self.pace = None;
                return self.work.tip(self.costs.as_ref()?, done, elapsed);
            }
            _ => {}
        }
        None
    }

    /// As measured before or now; `None` for a short extraction, and where there is no other way.
    fn costs_if_long(&self) -> Option<Costs> {
        let backbone = &self.source.backbone;
        let rows = (self.work.images * self.work.views) as f64;
        if rows < MANY || backbone.is_quantised() {
            return None;
        }
        let graphs = Graphs::of(&self.source.config().cache);
        let brought = Calibration::shipped(backbone);
        let has_int8 = brought.is_some() || graphs.path(backbone).exists();
        let smaller = self.source.config().smaller.as_ref();
        if !has_int8 && smaller.is_none() {
            return None;
        }
        let own = Form::own(backbone);
        let fp32 = self.known(&own).or_else(|| self.measured(&own))?;
        // The network is half of it at least, but for photographs of a camera.
        if rows * fp32 < LONG.as_secs_f64() / 2.0 {
            return None;
        }
        let int8 = || Some((Way::Precision(Precision::Int8), self.int8(&graphs, brought)?));
        let small = |smaller: &SmallerBackbone| {
            let backbone = Backbone::open(&smaller.graph).ok()?;
            Some((Way::Backbone(smaller.name.clone()), Form::own(&backbone)))
        };
        let others: Vec<(Way, Form)> =
            has_int8.then(int8).flatten().into_iter().chain(smaller.and_then(small)).collect();
        self.costs(fp32, &own, others)
    }

    /// Of all ways, measured at one time: what else the machine did then is in all of them, and only their ratios count.
    fn costs(&self, fp32: f64, own: &Form, others: Vec<(Way, Form)>) -> Option<Costs> {
        let of = |cost: &dyn Fn(&Form) -> Option<f64>| -> Vec<(Way, Option<f64>)> {
            others.iter().map(|(way, form)| (way.clone(), cost(form))).collect()
        };
        let known = of(&|form| self.known(form));
        let (fp32, found) = match known.iter().all(|(_, cost)| cost.is_some()) {
            true => (fp32, known),
            false => (self.measured(own)?, of(&|form| self.measured(form))),
        };
        let others: Vec<_> = found.into_iter().filter_map(|(way, cost)| Some((way, cost?))).collect();
        (!others.is_empty()).then_some(Costs { fp32, others })
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

    /// How a form is computed on the processor, and the rate that is not measured yet; `None` where it would be computed elsewhere.
    fn way(&self, form: &Form) -> Option<(EngineOptions, Rate)> {
        let mut options: EngineOptions = self.source.extract_options().engine.clone();
        options.session.precision = form.precision;
        let selection = Selection::make(options.device, form.precision, &options.libraries).ok()?;
        (selection.device == Device::Cpu).then_some(())?;
        let unmeasured = Rate {
            backbone: form.backbone.name().to_owned(),
            graph: form.backbone.digest().to_hex().to_string(),
            precision: form.precision,
            device: Device::Cpu.to_string(),
            threads: options.session.threads,
            ..Rate::default()
        };
        Some((options, unmeasured.here()))
    }

    /// Seconds that the network alone takes for an image, as measured before.
    fn known(&self, form: &Form) -> Option<f64> {
        let (_, unmeasured) = self.way(form)?;
        let known = self.kept.rates().into_iter().find(|rate| rate.is_of(&unmeasured))?;
        Some(1.0 / known.images_per_second)
    }

    /// The same, measured now.
    fn measured(&self, form: &Form) -> Option<f64> {
        let (options, unmeasured) = self.way(form)?;
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

    const INT8: Way = Way::Precision(Precision::Int8);

    /// Thousandths of a second, after two seconds with so many of 1,000 images done.
    fn tip(fp32: f64, others: &[(Way, f64)], done: usize, views: usize) -> Option<(u128, Vec<(Way, u128)>)> {
        let work = Work { images: 1000, views };
        let others = others.iter().map(|(way, cost)| (way.clone(), cost / 1000.0)).collect();
        let costs = Costs { fp32: fp32 / 1000.0, others };
        let tip = work.tip(&costs, done, Duration::from_secs(2))?;
        let instead = tip.instead.into_iter().map(|other| (other.way, other.takes.as_millis())).collect();
        Some((tip.expected.as_millis(), instead))
    }

    #[test]
    fn what_is_not_the_network_stays_as_it_is() {
        // 40 ms an image; 30 of them are the network's, and become 10.
        assert_eq!(tip(30.0, &[(INT8, 10.0)], 50, 1), Some((40_000, vec![(INT8, 20_000)])));
        assert_eq!(tip(15.0, &[(INT8, 5.0)], 50, 2), Some((40_000, vec![(INT8, 20_000)])));
    }

    #[test]
    fn a_rate_that_was_measured_beside_other_work_counts_by_its_ratio() {
        assert_eq!(tip(300.0, &[(INT8, 100.0)], 50, 1), Some((40_000, vec![(INT8, 13_333)])));
    }

    #[test]
    fn the_pace_is_that_of_whole_batches_behind_the_first() {
        let (mut pace, began) = (Pace::default(), Instant::now());
        let mut told = vec![];
        // The first after 900 ms, then another every 500: 16 images each, 32 a second.
        for batch in 0..6 {
            for image in 0..16 {
                let at = Duration::from_millis(900 + 500 * batch) + Duration::from_micros(100 * image);
                told.extend(pace.see(began + at));
            }
        }
        assert_eq!(told, [(64, Duration::from_secs(2))]);
    }

    #[test]
    fn a_short_work_and_a_small_gain_are_no_tip() {
        assert_eq!(tip(8.0, &[(INT8, 2.0)], 201, 1), None);
        assert_eq!(tip(30.0, &[(INT8, 25.0)], 50, 1), None);
        // Photographs of a camera: nearly all of the time is reading.
        assert_eq!(tip(30.0, &[(INT8, 10.0)], 20, 1), None);
    }

    #[test]
    fn each_way_that_pays_is_told() {
        let small = Way::Backbone("small".into());
        let told = tip(40.0, &[(INT8, 20.0), (small.clone(), 10.0)], 50, 1);
        assert_eq!(told, Some((40_000, vec![(INT8, 20_000), (small.clone(), 10_000)])));
        let told = tip(40.0, &[(INT8, 39.0), (small.clone(), 10.0)], 50, 1);
        assert_eq!(told, Some((40_000, vec![(small, 10_000)])));
    }
}
