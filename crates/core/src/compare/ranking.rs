//! From the scores of single folds to who is best, and by how much.

use headstart_baselines::{Score, Spread};
use headstart_image::ViewKinds;
use serde::Serialize;

use super::plan::{Contender, Unusable};
use crate::dataset::Classes;

/// What became of one fit.
#[derive(Debug, Clone, PartialEq)]
pub enum FitOutcome {
    /// It was measured.
    Scored(Score),
    /// It gave up, crashed or was stopped, for this reason.
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
    /// In words.
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
pub struct ComparisonFacts {
    /// Images in all.
    pub images: usize,
    /// Images that have the bytes of an earlier one.
    pub copies: usize,
    /// Classes.
    pub classes: usize,
    /// Numbers of a row.
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
    /// Of the division.
    pub seed: u64,
    /// Times are those of a fit with a core to itself if these are not more than the cores.
    pub fits_at_once: usize,
    /// Cores of this machine.
    pub cores: usize,
    /// After so many seconds a fit is stopped.
    pub time_limit_seconds: f64,
}

/// The whole result.
#[derive(Debug, Serialize)]
pub struct Ranking {
    /// What the figures are of.
    #[serde(flatten)]
    pub facts: ComparisonFacts,
    /// The best first; then those that did not finish, which are not ranked: with more folds first.
    pub methods: Vec<Ranked>,
}

/// How one contender did. Spreads are over the folds that it finished; `None` if it finished none, or if it does not
/// give the figure.
#[derive(Debug, Serialize)]
pub struct Ranked {
    /// As the table calls it.
    pub name: String,
    /// Its settings, for people.
    pub settings: String,
    /// Folds that it finished.
    pub folds: usize,
    /// Whether that is all of them that can be used: only then its figures stand beside those of others.
    pub finished: bool,
    /// Of the images held out.
    pub accuracy: Option<Spread>,
    /// Accuracy minus that of the best, fold by fold; `None` for the best itself, and for what did not finish.
    pub behind: Option<Spread>,
    /// Of the images held out.
    pub log_loss: Option<Spread>,
    /// To learn.
    pub fit_seconds: Option<Spread>,
    /// For the held-out images of a fold.
    pub predict_seconds: Option<Spread>,
    /// Why folds are missing.
    pub problem: Option<String>,
    /// Each finished fold.
    pub scores: Vec<FoldScore>,
}

/// How one fold went.
#[derive(Debug, Clone, Serialize)]
pub struct FoldScore {
    /// From 1.
    pub fold: usize,
    /// Its figures.
    #[serde(flatten)]
    pub score: Score,
}

impl Ranking {
    /// `outcomes` are in the order of [`Plan::fit`](super::plan::Plan::fit): all contenders on the first fold first.
    pub fn new(facts: ComparisonFacts, contenders: &[Contender], outcomes: &[FitOutcome]) -> Self {
        let folds = facts.used_folds();
        let of = |place: usize| {
            let own = outcomes.iter().skip(place).step_by(contenders.len());
            folds.iter().copied().zip(own.cloned()).collect::<Vec<_>>()
        };
        let mut methods: Vec<Ranked> = contenders
            .iter()
            .enumerate()
            .map(|(place, contender)| Ranked::new(contender, of(place), facts.folds > 1))
            .collect();
        let mean = |ranked: &Ranked| ranked.accuracy.map_or(-1.0, |accuracy| accuracy.mean);
        methods.sort_by(|a, b| b.folds.cmp(&a.folds).then(mean(b).total_cmp(&mean(a))));
        if let Some((best, others)) = methods.split_first_mut().filter(|(best, _)| best.finished) {
            let finished = others.iter_mut().filter(|ranked| ranked.finished);
            finished.for_each(|ranked| ranked.behind = ranked.minus(best));
        }
        Self { facts, methods }
    }

    /// Whether every method finished, on all folds.
    pub fn complete(&self) -> bool {
        self.facts.unused.is_empty() && self.methods.iter().all(|ranked| ranked.finished)
    }
}

impl ComparisonFacts {
    /// From 1.
    fn used_folds(&self) -> Vec<usize> {
        (1..=self.folds).filter(|fold| self.unused.iter().all(|unused| unused.fold != *fold)).collect()
    }

    /// How many folds a method has to finish.
    pub fn usable(&self) -> usize {
        self.used_folds().len()
    }
}

impl Ranked {
    /// `outcomes` with the folds that they are of.
    fn new(contender: &Contender, outcomes: Vec<(usize, FitOutcome)>, several: bool) -> Self {
        let (mut scores, mut problem, mut skipped) = (vec![], None, 0);
        let all = outcomes.len();
        for (fold, outcome) in outcomes {
            match outcome {
                FitOutcome::Scored(score) => scores.push(FoldScore { fold, score }),
                FitOutcome::Failed(reason) => {
                    let place = if several { format!(" (fold {fold})") } else { String::new() };
                    problem.get_or_insert(reason + &place);
                }
                FitOutcome::Skipped => skipped += 1,
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
mod tests {
    use headstart_baselines::Choice;

    use super::super::plan::Use;
    use super::*;

    fn scored(accuracy: f64, log_loss: Option<f64>) -> FitOutcome {
        FitOutcome::Scored(Score { accuracy, log_loss, fit_seconds: 2.0, predict_seconds: 0.25 })
    }

    /// Three folds: `knn` is good, `svm` better by 0.05 in each, `forest` failed in the second, `bayes` in all.
    fn ranking() -> Ranking {
        let contenders = ["knn", "svm", "forest", "bayes"].map(|name| Contender {
            name: name.into(),
            choice: Choice::named(name, 0).unwrap(),
            views: Use::None,
        });
        let late = || FitOutcome::Failed("stopped after 9 s".into());
        let outcomes = [
            [scored(0.50, Some(1.0)), scored(0.55, None), scored(0.90, None), late()],
            [
                scored(0.70, Some(1.2)),
                scored(0.75, None),
                FitOutcome::Failed("out of\nmemory".into()),
                FitOutcome::Skipped,
            ],
            [scored(0.90, Some(1.1)), scored(0.95, None), FitOutcome::Skipped, FitOutcome::Skipped],
        ]
        .concat();
        let facts = ComparisonFacts {
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
        Ranking::new(facts, &contenders, &outcomes)
    }

    #[test]
    fn the_best_comes_first_and_who_did_not_finish_last() {
        let ranking = ranking();
        let order: Vec<(&str, usize)> =
            ranking.methods.iter().map(|ranked| (ranked.name.as_str(), ranked.folds)).collect();
        assert_eq!(order, [("svm", 3), ("knn", 3), ("forest", 1), ("bayes", 0)]);
        assert!(!ranking.complete());
        let problems: Vec<Option<&str>> =
            ranking.methods.iter().map(|ranked| ranked.problem.as_deref()).collect();
        assert_eq!(
            problems,
            [None, None, Some("out of\nmemory (fold 2)"), Some("stopped after 9 s (fold 1)")]
        );
    }

    #[test]
    fn differences_are_taken_fold_by_fold() {
        let [svm, knn, forest, bayes] = &ranking().methods[..] else { panic!("four methods") };
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
        let facts = ComparisonFacts { folds: 1, validation: Some(0.2), ..ranking().facts };
        let ranking = Ranking::new(facts, &contenders, &[FitOutcome::Failed("stopped after 9 s".into())]);
        assert_eq!(ranking.methods[0].problem.as_deref(), Some("stopped after 9 s"));
    }

    fn two(outcomes: &[FitOutcome], unused: Vec<Unused>) -> Ranking {
        let contenders = ["knn", "svm"].map(|name| Contender {
            name: name.into(),
            choice: Choice::named(name, 0).unwrap(),
            views: Use::None,
        });
        Ranking::new(ComparisonFacts { unused, ..ranking().facts }, &contenders, outcomes)
    }

    #[test]
    fn where_nobody_finished_nobody_is_the_best() {
        let skipped = || FitOutcome::Skipped;
        let outcomes = [scored(0.9, None), skipped(), skipped(), scored(0.8, None), skipped(), skipped()];
        let ranking = two(&outcomes, vec![]);
        assert!(ranking.methods.iter().all(|ranked| !ranked.finished && ranked.behind.is_none()));
    }

    #[test]
    fn folds_that_nobody_can_use_are_nobodys_fault() {
        let unused = Unused { fold: 2, reason: "only images of `many` are left to learn from".into() };
        let outcomes = [scored(0.9, None), scored(0.8, None), scored(0.7, None), scored(0.8, None)];
        let ranking = two(&outcomes, vec![unused]);
        assert!(ranking.methods.iter().all(|ranked| ranked.finished && ranked.folds == 2));
        assert!(!ranking.complete(), "not all folds were used");
        let folds: Vec<usize> = ranking.methods[0].scores.iter().map(|score| score.fold).collect();
        assert_eq!(folds, [1, 3]);
    }
}
