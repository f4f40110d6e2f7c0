//! Several heads and baselines on the same images and the same folds: who is best, and by how much.
//!
//! [`Project::comparison`] lays the comparison out, [`Plan::score`] does one fit of it, and [`Ranking`] sums up. A fit may take
//! very long, and a thread cannot be stopped: a front may do each in a process of its own, which [reads](Plan::read) the plan.

mod contenders;
mod plan;
mod ranking;

use headstart_base::text::counted;
use headstart_evaluate::split::Split;
use headstart_image::ViewKinds;
use headstart_nn::train::TrainConfig;

pub use plan::{Contender, Division, Plan, Unusable, Use};
pub use ranking::{ComparisonFacts, FitOutcome, FoldScore, Ranked, Ranking, Unused};

use crate::dataset::{Classes, Manifest};
use crate::project::{Divided, Error, Lookup, Project, Samples, UseOfCopies, too_few};
use crate::settings::Axis;
use crate::{Control, Event};

/// What is compared, and how.
#[derive(Debug, Clone)]
pub struct CompareOptions {
    /// Settings of our own heads.
    pub settings: TrainConfig,
    /// The methods, by the names that [`Choice::NAMES`](headstart_baselines::Choice::NAMES) lists.
    pub methods: Vec<String>,
    /// Settings of our own heads to try in all combinations.
    pub grid: Vec<Axis>,
    /// What is held out.
    pub division: Division,
    /// Images of each class to learn from, if not all.
    pub shots: Option<usize>,
    /// Views that our own heads are also trained on and measured by; none by default.
    pub views: ViewKinds,
    /// Compute features that are missing first.
    pub extract: bool,
}

/// A comparison that is laid out.
#[derive(Debug)]
pub struct Comparison {
    /// What is to be fitted.
    pub plan: Plan,
    /// Images that were left out, because they have no features.
    pub left_out: usize,
    features: usize,
    unused: Vec<Unused>,
    views: ViewKinds,
}

impl Project {
    /// Lay a comparison out: look the features of `manifest` up, and divide its training images.
    ///
    /// # Errors
    /// For methods and settings that there are not; [`Error::NoUsableFold`]; as
    /// [`features_for`](Self::features_for) and [`FeatureSource::samples`](crate::project::FeatureSource::samples).
    pub fn comparison(
        &self,
        manifest: Manifest,
        options: &CompareOptions,
        control: &mut Control<'_>,
    ) -> Result<Comparison, Error> {
        let CompareOptions { settings, division, views, extract, .. } = options;
        let mut contenders = contenders::contenders(&options.methods, settings, &options.grid)?;
        // As in training: who chooses a head by its figures on the `test` rows has none left to measure it on.
        let Divided { training: manifest, note, .. } = Divided::of(manifest, false)?;
        if let Some(note) = note {
            control.note(note);
        }
        let classes = manifest.classes()?;
        contenders::place_weights(&mut contenders, classes.names())?;
        if !views.is_empty() {
            contenders = contenders::with_views(contenders);
        }
        let labels: Vec<_> = manifest.labels(&classes)?.into_iter().map(Some).collect();
        let (mut cache, source) = self.features_for(&|| manifest.files(), views, *extract, control)?;
        let lookup = Lookup { failures_told: *extract, ..Lookup::default() };
        let samples = source.samples(cache.as_mut(), &manifest, &labels, views, lookup, control)?;
        let cache = cache.expect("a cache that is not there has no features");
        let mut plan = Plan {
            store: cache.store().dir().to_path_buf(),
            ids: samples.ids(),
            in_views: match views.is_empty() {
                true => vec![],
                false => samples.ids_in(source.views(views)),
            },
            labels: samples.known_labels(),
            classes: classes.len(),
            division: *division,
            shots: options.shots,
            seed: settings.seed,
            rounds: vec![],
            contenders,
        };
        // A division that cannot be made is one error here instead of one from every fit.
        let unusable = plan.unusable().map_err(|error| too_few(error, &classes))?;
        let rounds = plan.division.rounds();
        let is_usable = |round: &usize| unusable.iter().all(|unusable| unusable.fold != round + 1);
        plan.rounds = (0..rounds).filter(is_usable).collect();
        if samples.tell_copies(UseOfCopies::HeldOutTogether, &classes, control) {
            control.tell(Event::Copies(&source.request(&manifest, &[], &ViewKinds::default())));
        }
        tell_rare_classes(&plan, &classes, control);
        if plan.rounds.is_empty() {
            return Err(Error::NoUsableFold { folds: rounds });
        }
        Ok(Comparison {
            left_out: Samples::left_out(&samples),
            features: cache.store().dim(),
            unused: unusable.into_iter().map(|unusable| Unused::of(unusable, &classes)).collect(),
            views: views.clone(),
            plan,
        })
    }
}

impl Comparison {
    /// What the figures are of, with so many fits at once on so many cores, each for so long at most.
    pub fn facts(&self, fits_at_once: usize, cores: usize, time_limit_seconds: f64) -> ComparisonFacts {
        let plan = &self.plan;
        ComparisonFacts {
            images: plan.labels.len(),
            copies: plan.copies().repeated(),
            classes: plan.classes,
            features: self.features,
            folds: plan.division.rounds(),
            unused: self.unused.clone(),
            validation: match plan.division {
                Division::Folds(_) => None,
                Division::Fraction(fraction) => Some(fraction),
            },
            shots: plan.shots,
            views: self.views.clone(),
            seed: plan.seed,
            fits_at_once: fits_at_once.min(plan.fits()),
            cores,
            time_limit_seconds,
        }
    }
}

/// A class whose images are all held out together is one that no method can learn in that fold.
fn tell_rare_classes(plan: &Plan, classes: &Classes, control: &mut Control<'_>) {
    let Ok(splits) = plan.splits() else { return };
    for (class, name) in classes.names().iter().enumerate() {
        let is_lost = |split: &Split| split.train.iter().all(|&image| plan.labels[image] != class);
        let lost: Vec<String> = (1..)
            .zip(&splits)
            .filter(|(_, split)| is_lost(split))
            .map(|(fold, _)| fold.to_string())
            .collect();
        if !lost.is_empty() {
            let folds = if lost.len() == 1 { "fold" } else { "folds" };
            control.warn(format_args!(
                "no image of `{name}` is left to learn from in {folds} {}: too few different images for {}",
                lost.join(", "),
                counted(splits.len() as u64, "fold")
            ));
        }
    }
}
