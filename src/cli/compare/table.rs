//! The result as a table for people, and as CSV for programs.

use std::io::Write;

use headstart::baselines::Spread;
use headstart::compare::{ComparisonFacts, Ranked, Ranking, Unused};

const HEADINGS: [&str; 5] = ["accuracy", "vs. best", "log-loss", "fit, s", "predict, s"];

/// How to read the table.
pub fn legend(ranking: &Ranking) -> &'static str {
    match ranking.facts.validation {
        None => {
            "± standard deviation over the folds; \"vs. best\" is the difference of accuracies, taken fold by fold"
        }
        Some(_) => "all on the same held-out images; --folds shows how much of a difference is chance",
    }
}

/// A line for each method, then a line for each that has something to tell. A figure that is not there is an empty
/// cell.
pub fn text(ranking: &Ranking) -> String {
    let lines: Vec<(&str, [String; 5])> = ranking
        .methods
        .iter()
        .enumerate()
        .map(|(place, ranked)| (ranked.name.as_str(), cells(ranked, place == 0, &ranking.facts)))
        .collect();
    let first = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max("method".len());
    let width = |column: usize| {
        let widths = lines.iter().map(|(_, cells)| cells[column].chars().count());
        widths.chain([HEADINGS[column].len()]).max().expect("there is a heading")
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |name: &str, cells: [&str; 5]| {
        let cells: String =
            cells.iter().zip(&widths).map(|(cell, width)| format!("  {cell:>width$}")).collect();
        format!("{}\n", format!("{name:<first$}{cells}").trim_end())
    };
    let mut text = line("method", HEADINGS);
    for (name, cells) in &lines {
        text += &line(name, cells.each_ref().map(String::as_str));
    }
    for Ranked { name, problem, .. } in &ranking.methods {
        if let Some(problem) = problem {
            // A panic's message may have lines and colours of its own.
            let problem: String = problem.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            text += &format!("{name}: {problem}; unfinished, so not ranked\n");
        }
    }
    for Unused { fold, reason } in &ranking.facts.unused {
        text += &format!("fold {fold} of {} was not used: {reason}\n", ranking.facts.folds);
    }
    text
}

fn cells(ranked: &Ranked, first: bool, facts: &ComparisonFacts) -> [String; 5] {
    let behind = match ranked.finished {
        true if first => "best".to_owned(),
        true => cell(ranked.behind, |value| format!("{value:+.4}")),
        false if facts.folds == 1 => "failed".to_owned(),
        false => format!("{} of {} folds", ranked.folds, facts.usable()),
    };
    [
        cell(ranked.accuracy, |value| format!("{value:.4}")),
        behind,
        cell(ranked.log_loss, |value| format!("{value:.4}")),
        cell(ranked.fit_seconds, time),
        cell(ranked.predict_seconds, time),
    ]
}

fn cell(spread: Option<Spread>, figure: impl Fn(f64) -> String) -> String {
    let Some(Spread { mean, deviation }) = spread else { return String::new() };
    let deviation = deviation.map(|deviation| figure(deviation).trim_start_matches('+').to_owned());
    deviation.map_or_else(|| figure(mean), |deviation| format!("{} ± {deviation}", figure(mean)))
}

fn time(seconds: f64) -> String {
    format!("{seconds:.3}")
}

/// A row for each method; unknown figures are empty.
pub fn csv(ranking: &Ranking, out: &mut impl Write) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let figures = ["accuracy", "difference_to_best", "log_loss", "fit_seconds", "predict_seconds"];
    let headings = figures.iter().flat_map(|figure| [figure.to_string(), format!("{figure}_deviation")]);
    let first = ["method", "settings", "folds"].map(String::from).into_iter();
    writer.write_record(first.chain(headings).chain(["finished".into(), "problem".into()]))?;
    for ranked in &ranking.methods {
        let spreads =
            [ranked.accuracy, ranked.behind, ranked.log_loss, ranked.fit_seconds, ranked.predict_seconds];
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let figures = spreads
            .into_iter()
            .flat_map(|spread| [number(spread.map(|s| s.mean)), number(spread.and_then(|s| s.deviation))]);
        let first = [ranked.name.clone(), ranked.settings.clone(), ranked.folds.to_string()];
        let finished = ranked.finished.to_string();
        let problem = ranked.problem.clone().unwrap_or_default();
        writer.write_record(first.into_iter().chain(figures).chain([finished, problem]))?;
    }
    writer.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use headstart::baselines::{Choice, Score};
    use headstart::compare::{Contender, FitOutcome, Use};
    use headstart::image::ViewKinds;

    use super::*;

    fn contenders<const N: usize>(names: [&str; N]) -> [Contender; N] {
        names.map(|name| Contender {
            name: name.into(),
            choice: Choice::named(name, 0).unwrap(),
            views: Use::None,
        })
    }

    fn scored(accuracy: f64, log_loss: Option<f64>) -> FitOutcome {
        FitOutcome::Scored(Score { accuracy, log_loss, fit_seconds: 2.0, predict_seconds: 0.25 })
    }

    fn failed(reason: &str) -> FitOutcome {
        FitOutcome::Failed(reason.into())
    }

    fn facts() -> ComparisonFacts {
        ComparisonFacts {
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
        }
    }

    /// Three folds: `knn` is good, `svm` better by 0.05 in each, `forest` failed in the second, `bayes` in all.
    fn ranking() -> Ranking {
        let skipped = || FitOutcome::Skipped;
        let outcomes = [
            [scored(0.50, Some(1.0)), scored(0.55, None), scored(0.90, None), failed("stopped after 9 s")],
            [scored(0.70, Some(1.2)), scored(0.75, None), failed("out of\nmemory"), skipped()],
            [scored(0.90, Some(1.1)), scored(0.95, None), skipped(), skipped()],
        ];
        Ranking::new(facts(), &contenders(["knn", "svm", "forest", "bayes"]), &outcomes.concat())
    }

    #[test]
    fn what_did_not_finish_says_why() {
        let alone = ComparisonFacts { folds: 1, validation: Some(0.2), ..facts() };
        let table = text(&Ranking::new(alone, &contenders(["svm"]), &[failed("stopped after 9 s")]));
        assert!(table.ends_with("svm: stopped after 9 s; unfinished, so not ranked\n"), "{table}");
        assert!(table.contains("failed"), "{table}");

        let skipped = || FitOutcome::Skipped;
        let outcomes = [scored(0.9, None), skipped(), skipped(), scored(0.8, None), skipped(), skipped()];
        let table = text(&Ranking::new(facts(), &contenders(["knn", "svm"]), &outcomes));
        assert_eq!(table.matches("best").count(), 1, "in the heading: {table}");
        assert_eq!(table.matches("1 of 3 folds").count(), 2, "{table}");

        let unused = Unused { fold: 2, reason: "only images of `many` are left to learn from".into() };
        let lacking = ComparisonFacts { unused: vec![unused], ..facts() };
        let outcomes = [0.9, 0.8, 0.7, 0.8].map(|accuracy| scored(accuracy, None));
        let table = text(&Ranking::new(lacking, &contenders(["knn", "svm"]), &outcomes));
        assert!(table.contains("fold 2 of 3 was not used: only images of `many` are left"), "{table}");
    }

    #[test]
    fn a_table_has_columns_and_empty_cells() {
        let expected = "\
method         accuracy          vs. best         log-loss         fit, s     predict, s
svm     0.7500 ± 0.2000              best                   2.000 ± 0.000  0.250 ± 0.000
knn     0.7000 ± 0.2000  -0.0500 ± 0.0000  1.1000 ± 0.1000  2.000 ± 0.000  0.250 ± 0.000
forest           0.9000      1 of 3 folds                           2.000          0.250
bayes                        0 of 3 folds
forest: out of memory (fold 2); unfinished, so not ranked
bayes: stopped after 9 s (fold 1); unfinished, so not ranked
";
        assert_eq!(text(&ranking()), expected);
    }

    #[test]
    fn csv_has_all_digits_and_no_figure_that_is_not_known() {
        let mut bytes = vec![];
        csv(&ranking(), &mut bytes).unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let headings = reader.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let at = |row: usize, heading: &str| {
            let column = headings.iter().position(|name| name == heading).unwrap();
            rows[row][column].to_owned()
        };
        assert_eq!(rows.len(), 4);
        assert_eq!(
            (at(0, "method"), at(0, "log_loss"), at(0, "difference_to_best")),
            ("svm".into(), "".into(), "".into())
        );
        assert!((at(1, "log_loss").parse::<f64>().unwrap() - 1.1).abs() < 1e-12);
        assert_eq!((at(2, "accuracy"), at(2, "accuracy_deviation")), ("0.9".into(), "".into()));
        assert_eq!((at(3, "accuracy"), at(3, "fit_seconds")), ("".into(), "".into()));
        assert_eq!(at(3, "problem"), "stopped after 9 s (fold 1)");
        assert_eq!((at(1, "finished"), at(2, "finished")), ("true".into(), "false".into()));
    }

    #[test]
    fn json_has_every_fold_and_null_for_what_is_not_known() {
        let document = serde_json::to_value(ranking()).unwrap();
        assert_eq!(document["folds"], 3);
        assert_eq!(document["methods"][0]["name"], "svm");
        assert!(document["methods"][0]["log_loss"].is_null());
        assert_eq!(document["methods"][1]["scores"][2]["fold"], 3);
        assert_eq!(document["methods"][1]["scores"][2]["accuracy"], 0.9);
    }
}
