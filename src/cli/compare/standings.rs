//! From the scores of single folds to who is best, and by how much.

use headstart::baselines::{Score, Spread};
use headstart::dataset::Classes;
use headstart::image::ViewKinds;
use serde::Serialize;

use super::plan::{Contender, Unusable};

/// What became of one fit.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Scored(Score),
    Failed(String),
    /// Not tried: the contender had failed before, or the comparison was broken off.
    Skipped,
}

/// A fold that no method could learn in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unused {
    /// From 1.
    pub fold: usize,
    /// Why.
    pub reason: String,
}

impl Unused {
    pub fn of(unusable: Unusable, classes: &Classes) -> Self {
        let reason = match unusable.only {
            Some(class) => format!("only images of `{}` are left to learn from", classes.name(class)),
            None => "no images are left to learn from".to_owned(),
        };
        Self { fold: unusable.fold, reason }
    }
}

/// What the figures are of.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    pub images: usize,
    /// Images that have the bytes of an earlier one.
    pub copies: usize,
    pub classes: usize,
    pub features: usize,
    /// Rounds of fitting and measuring: 1 if a fraction is held out.
    pub folds: usize,
    /// Of these, the ones that no method could learn in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unused: Vec<Unused>,
    /// The fraction of each class that is held out, where there are no folds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
    /// Images of each class to learn from, if not all.
    pub shots: Option<usize>,
    /// Views that some methods learn from, beside the plain image.
    #[serde(skip_serializing_if = "ViewKinds::is_empty")]
    pub views: ViewKinds,
    pub seed: u64,
    /// Times are those of a fit with a core to itself if these are not more than the cores.
    pub fits_at_once: usize,
    pub cores: usize,
    pub time_limit_seconds: f64,
}

/// The whole result.
#[derive(Debug, Serialize)]
pub struct Standings {
    #[serde(flatten)]
    pub facts: Facts,
    /// The best first; then those that did not finish, which are not ranked: with more folds first.
    pub methods: Vec<Standing>,
}

/// How one contender did. Spreads are over the folds that it finished; `None` if it finished none, or if it does not
/// give the figure.
#[derive(Debug, Serialize)]
pub struct Standing {
    pub name: String,
    pub settings: String,
    pub folds: usize,
    /// Whether that is all of them that can be used: only then its figures stand beside those of others.
    pub finished: bool,
    pub accuracy: Option<Spread>,
    /// Accuracy minus that of the best, fold by fold; `None` for the best itself, and for what did not finish.
    pub behind: Option<Spread>,
    pub log_loss: Option<Spread>,
    pub fit_seconds: Option<Spread>,
    /// For the held-out images of a fold.
    pub predict_seconds: Option<Spread>,
    /// Why folds are missing.
    pub problem: Option<String>,
    /// Each finished fold.
    pub scores: Vec<FoldScore>,
}

#[derive(Debug, Clone, Serialize)]
pub struct FoldScore {
    pub fold: usize,
    #[serde(flatten)]
    pub score: Score,
}

impl Standings {
    /// `outcomes` are in the order of [`Plan::fit`](super::plan::Plan::fit): all contenders on the first fold first.
    pub fn new(facts: Facts, contenders: &[Contender], outcomes: &[Outcome]) -> Self {
        let folds = facts.used_folds();
        let of = |place: usize| {
            let own = outcomes.iter().skip(place).step_by(contenders.len());
            folds.iter().copied().zip(own.cloned()).collect::<Vec<_>>()
        };
        let mut methods: Vec<Standing> = contenders
            .iter()
            .enumerate()
            .map(|(place, contender)| Standing::new(contender, of(place), facts.folds > 1))
            .collect();
        let mean = |standing: &Standing| standing.accuracy.map_or(-1.0, |accuracy| accuracy.mean);
        methods.sort_by(|a, b| b.folds.cmp(&a.folds).then(mean(b).total_cmp(&mean(a))));
        if let Some((best, others)) = methods.split_first_mut().filter(|(best, _)| best.finished) {
            let finished = others.iter_mut().filter(|standing| standing.finished);
            finished.for_each(|standing| standing.behind = standing.minus(best));
        }
        Self { facts, methods }
    }

    /// Whether every method finished, on all folds.
    pub fn complete(&self) -> bool {
        self.facts.unused.is_empty() && self.methods.iter().all(|standing| standing.finished)
    }
}

impl Facts {
    /// From 1.
    fn used_folds(&self) -> Vec<usize> {
        (1..=self.folds).filter(|fold| self.unused.iter().all(|unused| unused.fold != *fold)).collect()
    }

    /// How many folds a method has to finish.
    pub fn usable(&self) -> usize {
        self.used_folds().len()
    }
}

impl Standing {
    /// `outcomes` with the folds that they are of.
    fn new(contender: &Contender, outcomes: Vec<(usize, Outcome)>, several: bool) -> Self {
        let (mut scores, mut problem, mut skipped) = (vec![], None, 0);
        let all = outcomes.len();
        for (fold, outcome) in outcomes {
            match outcome {
                Outcome::Scored(score) => scores.push(FoldScore { fold, score }),
                Outcome::Failed(reason) => {
                    let place = if several { format!(" (fold {fold})") } else { String::new() };
                    problem.get_or_insert(reason + &place);
                }
                Outcome::Skipped => skipped += 1,
            }
        }
        if problem.is_none() && skipped > 0 {
            problem = Some("broken off".to_owned());
        }
        let spread = |figure: fn(&Score) -> Option<f64>| {
            Spread::of(&scores.iter().filter_map(|fold| figure(&fold.score)).collect::<Vec<_>>())
        };
        Self {
            name: contender.name.clone(),
            settings: contender.choice.method().settings(),
            folds: scores.len(),
            finished: scores.len() == all,
            accuracy: spread(|score| Some(score.accuracy)),
            behind: None,
            log_loss: spread(|score| score.log_loss),
            fit_seconds: spread(|score| Some(score.fit_seconds)),
            predict_seconds: spread(|score| Some(score.predict_seconds)),
            problem,
            scores,
        }
    }

    /// Folds differ in how hard they are; the difference on the same fold leaves that out.
    fn minus(&self, best: &Self) -> Option<Spread> {
        let differences = self.scores.iter().filter_map(|own| {
            let other = best.scores.iter().find(|other| other.fold == own.fold)?;
            Some(own.score.accuracy - other.score.accuracy)
        });
        Spread::of(&differences.collect::<Vec<_>>())
    }
}

#[cfg(test)]
pub mod tests {
    use headstart::baselines::Choice;

    use super::*;
    use crate::cli::compare::plan::Use;

    fn scored(accuracy: f64, log_loss: Option<f64>) -> Outcome {
        Outcome::Scored(Score { accuracy, log_loss, fit_seconds: 2.0, predict_seconds: 0.25 })
    }

    /// Three folds: `knn` is good, `svm` better by 0.05 in each, `forest` failed in the second, `bayes` in all.
    pub fn standings() -> Standings {
        let contenders = ["knn", "svm", "forest", "bayes"].map(|name| Contender {
            name: name.into(),
            choice: Choice::named(name, 0).unwrap(),
            views: Use::None,
        });
        let late = || Outcome::Failed("stopped after 9 s".into());
        let outcomes = [
            [scored(0.50, Some(1.0)), scored(0.55, None), scored(0.90, None), late()],
            [
                scored(0.70, Some(1.2)),
                scored(0.75, None),
                Outcome::Failed("out of\nmemory".into()),
                Outcome::Skipped,
            ],
            [scored(0.90, Some(1.1)), scored(0.95, None), Outcome::Skipped, Outcome::Skipped],
        ]
        .concat();
        let facts = Facts {
            images: 30,
            copies: 0,
            classes: 3,
            features: 8,
            folds: 3,
            unused: vec![],
            validation: None,
            shots: None,
            views: ViewKinds::default(),
            seed: 1,
            fits_at_once: 2,
            cores: 2,
            time_limit_seconds: 9.0,
        };
        Standings::new(facts, &contenders, &outcomes)
    }

    #[test]
    fn the_best_comes_first_and_who_did_not_finish_last() {
        let standings = standings();
        let order: Vec<(&str, usize)> =
            standings.methods.iter().map(|standing| (standing.name.as_str(), standing.folds)).collect();
        assert_eq!(order, [("svm", 3), ("knn", 3), ("forest", 1), ("bayes", 0)]);
        assert!(!standings.complete());
        let problems: Vec<Option<&str>> =
            standings.methods.iter().map(|standing| standing.problem.as_deref()).collect();
        assert_eq!(
            problems,
            [None, None, Some("out of\nmemory (fold 2)"), Some("stopped after 9 s (fold 1)")]
        );
    }

    #[test]
    fn differences_are_taken_fold_by_fold() {
        let [svm, knn, forest, bayes] = &standings().methods[..] else { panic!("four methods") };
        let accuracy = knn.accuracy.unwrap();
        assert!((accuracy.mean - 0.7).abs() < 1e-12 && (accuracy.deviation.unwrap() - 0.2).abs() < 1e-12);
        assert_eq!(svm.behind, None);
        // Accuracy varies by 0.2 from fold to fold, the difference not at all.
        let behind = knn.behind.unwrap();
        assert!((behind.mean + 0.05).abs() < 1e-12 && behind.deviation.unwrap() < 1e-12);
        // One easy fold says nothing about who is better.
        assert!(forest.behind.is_none() && forest.accuracy.is_some() && !forest.finished);
        assert!(bayes.behind.is_none() && bayes.accuracy.is_none());
        assert!(svm.log_loss.is_none() && knn.log_loss.is_some());
    }

    #[test]
    fn where_there_are_no_folds_none_is_named() {
        let contenders =
            [Contender { name: "svm".into(), choice: Choice::named("svm", 0).unwrap(), views: Use::None }];
        let facts = Facts { folds: 1, validation: Some(0.2), ..standings().facts };
        let standings = Standings::new(facts, &contenders, &[Outcome::Failed("stopped after 9 s".into())]);
        assert_eq!(standings.methods[0].problem.as_deref(), Some("stopped after 9 s"));
        let table = super::super::table::text(&standings);
        assert!(table.ends_with("svm: stopped after 9 s; unfinished, so not ranked\n"), "{table}");
        assert!(table.contains("failed"), "{table}");
    }

    fn two(outcomes: &[Outcome], unused: Vec<Unused>) -> Standings {
        let contenders = ["knn", "svm"].map(|name| Contender {
            name: name.into(),
            choice: Choice::named(name, 0).unwrap(),
            views: Use::None,
        });
        Standings::new(Facts { unused, ..standings().facts }, &contenders, outcomes)
    }

    #[test]
    fn where_nobody_finished_nobody_is_the_best() {
        let skipped = || Outcome::Skipped;
        let outcomes = [scored(0.9, None), skipped(), skipped(), scored(0.8, None), skipped(), skipped()];
        let standings = two(&outcomes, vec![]);
        assert!(standings.methods.iter().all(|standing| !standing.finished && standing.behind.is_none()));
        let table = super::super::table::text(&standings);
        assert_eq!(table.matches("best").count(), 1, "in the heading: {table}");
        assert_eq!(table.matches("1 of 3 folds").count(), 2, "{table}");
    }

    #[test]
    fn folds_that_nobody_can_use_are_nobodys_fault() {
        let unused = Unused { fold: 2, reason: "only images of `many` are left to learn from".into() };
        let outcomes = [scored(0.9, None), scored(0.8, None), scored(0.7, None), scored(0.8, None)];
        let standings = two(&outcomes, vec![unused]);
        assert!(standings.methods.iter().all(|standing| standing.finished && standing.folds == 2));
        assert!(!standings.complete(), "not all folds were used");
        let folds: Vec<usize> = standings.methods[0].scores.iter().map(|score| score.fold).collect();
        assert_eq!(folds, [1, 3]);
        let table = super::super::table::text(&standings);
        assert!(table.contains("fold 2 of 3 was not used: only images of `many` are left"), "{table}");
    }
}
