//! The result as a table for people, and as CSV for programs.

use std::io::Write;

use headstart::baselines::Spread;

use super::standings::{Facts, Standing, Standings, Unused};

const HEADINGS: [&str; 5] = ["accuracy", "vs. best", "log-loss", "fit, s", "predict, s"];

/// How to read the table.
pub fn legend(standings: &Standings) -> &'static str {
    match standings.facts.validation {
        None => {
            "± standard deviation over the folds; \"vs. best\" is the difference of accuracies, taken fold by fold"
        }
        Some(_) => "all on the same held-out images; --folds tells how much of a difference is chance",
    }
}

/// A line for each method, then a line for each that has something to tell. A figure that is not there is an empty
/// cell.
pub fn text(standings: &Standings) -> String {
    let lines: Vec<(&str, [String; 5])> = standings
        .methods
        .iter()
        .enumerate()
        .map(|(place, standing)| (standing.name.as_str(), cells(standing, place == 0, &standings.facts)))
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
    for Standing { name, problem, .. } in &standings.methods {
        if let Some(problem) = problem {
            // A panic's message may have lines and colours of its own.
            let problem: String = problem.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            text += &format!("{name}: {problem}; unfinished, so not ranked\n");
        }
    }
    for Unused { fold, reason } in &standings.facts.unused {
        text += &format!("fold {fold} of {} was not used: {reason}\n", standings.facts.folds);
    }
    text
}

fn cells(standing: &Standing, first: bool, facts: &Facts) -> [String; 5] {
    let behind = match standing.finished {
        true if first => "best".to_owned(),
        true => cell(standing.behind, |value| format!("{value:+.4}")),
        false if facts.folds == 1 => "failed".to_owned(),
        false => format!("{} of {} folds", standing.folds, facts.usable()),
    };
    [
        cell(standing.accuracy, |value| format!("{value:.4}")),
        behind,
        cell(standing.log_loss, |value| format!("{value:.4}")),
        cell(standing.fit_seconds, time),
        cell(standing.predict_seconds, time),
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
pub fn csv(standings: &Standings, out: &mut impl Write) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let figures = ["accuracy", "difference_to_best", "log_loss", "fit_seconds", "predict_seconds"];
    let headings = figures.iter().flat_map(|figure| [figure.to_string(), format!("{figure}_deviation")]);
    let first = ["method", "settings", "folds"].map(String::from).into_iter();
    writer.write_record(first.chain(headings).chain(["finished".into(), "problem".into()]))?;
    for standing in &standings.methods {
        let spreads = [
            standing.accuracy,
            standing.behind,
            standing.log_loss,
            standing.fit_seconds,
            standing.predict_seconds,
        ];
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let figures = spreads
            .into_iter()
            .flat_map(|spread| [number(spread.map(|s| s.mean)), number(spread.and_then(|s| s.deviation))]);
        let first = [standing.name.clone(), standing.settings.clone(), standing.folds.to_string()];
        let finished = standing.finished.to_string();
        let problem = standing.problem.clone().unwrap_or_default();
        writer.write_record(first.into_iter().chain(figures).chain([finished, problem]))?;
    }
    writer.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::standings::tests::standings;
    use super::*;

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
        assert_eq!(text(&standings()), expected);
    }

    #[test]
    fn csv_has_all_digits_and_no_figure_that_is_not_known() {
        let mut bytes = vec![];
        csv(&standings(), &mut bytes).unwrap();
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
        let document = serde_json::to_value(standings()).unwrap();
        assert_eq!(document["folds"], 3);
        assert_eq!(document["methods"][0]["name"], "svm");
        assert!(document["methods"][0]["log_loss"].is_null());
        assert_eq!(document["methods"][1]["scores"][2]["fold"], 3);
        assert_eq!(document["methods"][1]["scores"][2]["accuracy"], 0.9);
    }
}
