//! Runs as tables for people.

use std::time::Duration;

use headstart::report::text::{Side, columns};
use headstart::run::TrainingMetrics;
use headstart::train::Ended;

use headstart::run_list::{EvaluatedSet, RunEntry, SameSet, differing, same_sets};

use crate::cli::progress::clock;

/// A figure of a run, as a cell; empty if it has none.
type Cell = fn(&RunEntry) -> String;

const FIGURES: [(&str, Cell); 7] = [
    (PRECISION, |run| run.settings.get(PRECISION).map_or(String::new(), |_| run.setting(PRECISION))),
    ("training accuracy", |run| share(run.metrics.as_ref().and_then(|metrics| metrics.accuracy))),
    ("validation accuracy", |run| share(run.metrics.as_ref().and_then(|metrics| metrics.val_accuracy))),
    ("training loss", |run| share(run.metrics.as_ref().and_then(|metrics| metrics.loss))),
    ("validation loss", |run| share(run.metrics.as_ref().and_then(|metrics| metrics.val_loss))),
    ("epochs", epochs),
    ("time", |run| run.metrics.as_ref().map_or(String::new(), time)),
];

const PRECISION: &str = "precision";

/// Settings that need no place of their own.
const IN_THE_FIGURES: [&str; 2] = ["epochs", PRECISION];

fn unusual(run: &RunEntry) -> impl Iterator<Item = &String> {
    run.unusual.iter().filter(|name| !IN_THE_FIGURES.contains(&name.as_str()))
}

/// A line for each run; figures that none has are left out.
pub fn list(runs: &[RunEntry], width: usize) -> String {
    let figures = FIGURES.iter().filter(|(_, cell)| runs.iter().any(|run| !cell(run).is_empty()));
    let figures: Vec<_> = figures.collect();
    let headings = figures.iter().map(|(heading, _)| (*heading).to_owned());
    let mut rows: Vec<Vec<String>> =
        vec![["run".into(), "date".into()].into_iter().chain(headings).chain(["settings".into()]).collect()];
    rows.extend(runs.iter().map(|run| {
        let settings: Vec<String> =
            unusual(run).map(|name| format!("{name}={}", run.setting(name))).collect();
        let figures = figures.iter().map(|(_, cell)| cell(run));
        [run.name.clone(), date(run)].into_iter().chain(figures).chain([settings.join(" ")]).collect()
    }));
    let mut sides = vec![Side::Right; rows[0].len()];
    (sides[0], sides[1], sides[rows[0].len() - 1]) = (Side::Left, Side::Left, Side::Left);
    columns(&rows, &sides, width)
}

/// A column for each run: what they differ in, then how they did. With more runs than fit, one block below the other.
pub fn side_by_side(runs: &[RunEntry], width: usize) -> String {
    let rows = lines(runs);
    let first = rows.iter().map(|row| row[0].chars().count()).max().unwrap_or(0);
    let mut blocks = vec![];
    let mut start = 1;
    while start <= runs.len() {
        let mut taken = first;
        let column =
            |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0) + 2;
        let fits = (start..=runs.len()).take_while(|&at| {
            taken += column(at);
            taken <= width
        });
        // One at least, however narrow the terminal.
        let end = start + fits.count().max(1);
        let block: Vec<Vec<String>> = rows.iter().map(|row| [&row[..1], &row[start..end]].concat()).collect();
        let mut sides = vec![Side::Right; end - start + 1];
        sides[0] = Side::Left;
        blocks.push(columns(&block, &sides, width));
        start = end;
    }
    blocks.join("\n")
}

/// What a single run differs in is what it has not by default.
fn lines(runs: &[RunEntry]) -> Vec<Vec<String>> {
    let mut settings = if let [run] = runs { run.unusual.clone() } else { differing(runs) };
    settings.retain(|name| !IN_THE_FIGURES.contains(&name.as_str()));
    let sets: Vec<Vec<&EvaluatedSet>> =
        runs.iter().map(|run| run.evaluations.iter().map(|evaluation| &evaluation.set).collect()).collect();
    let line = |heading: &str, cell: &dyn Fn(&RunEntry) -> String| -> Vec<String> {
        [heading.to_owned()].into_iter().chain(runs.iter().map(cell)).collect()
    };
    let mut lines = vec![line("run", &|run| run.name.clone()), line("date", &date)];
    lines.extend(settings.iter().map(|name| line(name, &|run| run.setting(name))));
    lines.extend(FIGURES.iter().map(|(heading, cell)| line(heading, cell)));
    for SameSet { title, places } in same_sets(&sets) {
        let accuracies = runs
            .iter()
            .zip(places)
            .map(|(run, place)| share(place.map(|place| run.evaluations[place].accuracy)));
        lines.push(std::iter::once(format!("accuracy on {title}")).chain(accuracies).collect());
    }
    lines.retain(|line| line[1..].iter().any(|cell| !cell.is_empty()));
    lines
}

fn share(figure: Option<f64>) -> String {
    figure.map_or(String::new(), |figure| format!("{figure:.4}"))
}

/// To the minute, in UTC, as the names of runs have it.
fn date(run: &RunEntry) -> String {
    run.created()
        .map_or_else(|| run.created.clone(), |created| created.strftime("%Y-%m-%d %H:%M").to_string())
}

fn time(metrics: &TrainingMetrics) -> String {
    Duration::try_from_secs_f64(metrics.seconds).map_or(String::new(), clock)
}

/// `50`; `12/50 stopped`; `20/50 best 15`.
fn epochs(run: &RunEntry) -> String {
    let Some(TrainingMetrics { epochs, ended, best_epoch, .. }) = run.metrics else { return String::new() };
    let mut text = epochs.to_string();
    if let Some(asked) = run.epochs_asked().filter(|&asked| asked != epochs) {
        text += &format!("/{asked}");
    }
    match (ended, best_epoch) {
        (Ended::Stopped, _) => text += " stopped",
        (Ended::Failed, _) => text += " failed",
        (Ended::Completed, Some(best)) if best != epochs => text += &format!(" best {best}"),
        (Ended::Completed, _) => {}
    }
    text
}

#[cfg(test)]
pub mod tests {
    use std::path::Path;

    use headstart::image::ViewKinds;
    use headstart::run_list::KeptEvaluation;
    use headstart::train::TrainConfig;

    use super::*;

    /// A run of three epochs with this accuracy in validation, and a loss that is the same.
    pub fn entry(name: &str, created: &str, val_accuracy: Option<f64>) -> RunEntry {
        let metrics = TrainingMetrics {
            epochs: 3,
            ended: Ended::Completed,
            best_epoch: None,
            loss: Some(0.25),
            accuracy: Some(0.9),
            val_loss: val_accuracy,
            val_accuracy,
            seconds: 75.0,
        };
        let settings = TrainConfig { epochs: 3, ..TrainConfig::default() };
        RunEntry {
            name: name.into(),
            path: Path::new("runs").join(name),
            created: created.into(),
            metrics: Some(metrics),
            settings: toml::Table::try_from(settings).unwrap(),
            unusual: vec!["epochs".into()],
            evaluations: vec![],
        }
    }

    fn set(name: &str, rows: Option<&str>) -> EvaluatedSet {
        EvaluatedSet {
            name: name.into(),
            rows: rows.map(str::to_owned),
            views: ViewKinds::default(),
            other_precision: None,
            manifests: vec![format!("site_{}/test", rows.unwrap_or("x"))],
        }
    }

    fn runs() -> Vec<RunEntry> {
        let mut runs = vec![
            entry("first", "2026-11-23T09:05:59.25Z", Some(0.5)),
            entry("second", "2026-11-23T10:00:00Z", None),
        ];
        runs[0].settings.insert("precision".into(), "int8".into());
        runs[1].settings.insert("precision".into(), "fp32".into());
        runs[1].settings.insert("dropout".into(), 0.25.into());
        runs[1].settings.insert("epochs".into(), 9.into());
        runs[1].unusual = vec!["dropout".into(), "epochs".into()];
        runs[1].metrics.as_mut().unwrap().ended = Ended::Stopped;
        runs[1].evaluations =
            vec![KeptEvaluation { set: set("test", None), accuracy: 0.75, log_loss: 1.0, images: 4 }];
        runs
    }

    #[test]
    fn a_line_for_each_run() {
        let want = "\
run     date              precision  training accuracy  validation accuracy  training loss  validation loss       epochs        time  settings
first   2026-11-23 09:05       int8             0.9000               0.5000         0.2500           0.5000            3  1 min 15 s
second  2026-11-23 10:00       fp32             0.9000                              0.2500                   3/9 stopped  1 min 15 s  dropout=0.25
";
        assert_eq!(list(&runs(), 160), want);
        assert!(!list(&runs()[1..], 160).contains("validation"), "nothing was validated");
    }

    #[test]
    fn runs_side_by_side_or_in_blocks() {
        let want = "\
run                             first            second
date                 2026-11-23 09:05  2026-11-23 10:00
dropout                           0.5              0.25
precision                        int8              fp32
training accuracy              0.9000            0.9000
validation accuracy            0.5000
training loss                  0.2500            0.2500
validation loss                0.5000
epochs                              3       3/9 stopped
time                       1 min 15 s        1 min 15 s
accuracy on test                                 0.7500
";
        assert_eq!(side_by_side(&runs(), 80), want);
        let narrow = side_by_side(&runs(), 40);
        assert_eq!(narrow.matches("run ").count(), 2, "{narrow}");
        assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
        let one = side_by_side(&runs()[1..], 80);
        assert!(one.contains("dropout") && !one.contains("validation"), "{one}");
    }

    #[test]
    fn epochs_say_how_it_ended() {
        let mut run = runs().remove(1);
        let with =
            |run: &mut RunEntry, change: fn(&mut TrainingMetrics)| change(run.metrics.as_mut().unwrap());
        with(&mut run, |metrics| metrics.ended = Ended::Completed);
        assert_eq!(epochs(&run), "3/9");
        with(&mut run, |metrics| metrics.best_epoch = Some(2));
        assert_eq!(epochs(&run), "3/9 best 2");
        with(&mut run, |metrics| metrics.ended = Ended::Failed);
        assert_eq!(epochs(&run), "3/9 failed");
    }
}
