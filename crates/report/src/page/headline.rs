//! How good it is, at a glance.

use maud::{Markup, html};

use super::{Classes, Section, View};
use crate::{Leaks, Report, percent};
use headstart_base::text::{counted, grouped, of};
use headstart_evaluate::Intervals;

/// Classes that are named at the top.
const NAMED: usize = 12;

/// What the classifier is.
pub(super) fn about(report: &Report, classes: &Classes) -> Markup {
    html! {
        p.about {
            "Tells " (counted(report.classes.len() as u64, "class")) " of images apart: "
            @for class in 0..report.classes.len().min(NAMED) {
                @if class > 0 { ", " }
                (classes.card.show(class))
            }
            @if report.classes.len() > NAMED { ", …" }
            ". " bdi { (report.about) }
        }
        @if report.evaluations.is_empty() {
            p.note { "This run has no evaluation, so it is not known how good it is on other images." }
        }
    }
}

pub(super) fn section(view: &View) -> Section {
    let body = html! { div.headline { div.accuracy { (accuracy(view)) } dl.tiles { @for tile in tiles(view) { (tile) } } } };
    view.section("figures", "How good it is", body)
}

fn accuracy(view: &View) -> Markup {
    let metrics = view.evaluation.metrics;
    let unscored = metrics.examples - metrics.scored;
    html! {
        p.big { (percent(metrics.accuracy)) }
        p.what {
            "accuracy: " strong { (grouped(metrics.correct)) } " of " strong { (grouped(metrics.scored)) }
            " " (of(metrics.scored, "image")) " right, in " (counted(metrics.classes.len() as u64, "class"))
        }
        @if let Some(Intervals { accuracy: [low, high], level, .. }) = &metrics.intervals {
            p.note {
                (format!("{:.0}", 100.0 * level)) "% interval " (percent(*low)) " to " (percent(*high))
                ": other images of the same kind could give any accuracy in this range."
            }
        }
        div.meter aria-hidden="true" { span style=(format!("width:{:.2}%", 100.0 * metrics.accuracy)) {} }
        @if let Some(Ok(leaks)) = &view.evaluation.leaks { (leak_warning(leaks)) }
        @if unscored > 0 {
            p.note {
                (counted(unscored, "more image")) @if unscored == 1 { " has" } @else { " have" }
                " no label: classified, but not counted in the figures."
            }
        }
        p.note { "Evaluated on " bdi { (view.evaluation.title) } "." }
    }
}

/// Who learned the answers by heart looks better than he is.
fn leak_warning(leaks: &Leaks) -> Markup {
    let identical: std::collections::HashSet<usize> =
        leaks.pairs.iter().filter(|leak| leak.identical).map(|leak| leak.image).collect();
    html! {
        @if !identical.is_empty() {
            p.warning {
                "It was trained on " strong { (counted(identical.len() as u64, "image")) }
                " of these: the figures look better than they are."
            }
        }
    }
}

fn tiles(view: &View) -> Vec<Markup> {
    let metrics = view.evaluation.metrics;
    let mut tiles = vec![tile(
        "Balanced accuracy",
        percent(metrics.balanced_accuracy),
        "the mean recall over classes; rare classes count as much as frequent ones",
    )];
    if let Some(f1) = metrics.macro_average.f1 {
        tiles.push(tile(
            "Macro F1",
            format!("{f1:.3}"),
            "precision and recall together, the mean over classes; 1 is best",
        ));
    }
    if let Some(top) = metrics.top_k.first() {
        let title = format!("Top-{} accuracy", top.k);
        tiles.push(tile(&title, percent(top.accuracy), "the true class is among the most probable ones"));
    }
    if let Some(area) = metrics.roc_auc.and_then(|areas| areas.macro_average) {
        tiles.push(tile(
            "ROC-AUC",
            format!("{area:.3}"),
            "how well the probabilities put images in order, the mean over classes; 1 is best, 0.5 is chance",
        ));
    }
    tiles.push(tile(
        "Log-loss",
        format!("{:.3}", metrics.log_loss),
        "how far the probabilities are off; 0 is best",
    ));
    tiles.push(tile(
        "Brier score",
        format!("{:.3}", metrics.brier),
        "their squared error; 0 is best, 2 is worst",
    ));
    tiles.push(tile(
        "Calibration error",
        percent(metrics.calibration_error),
        "how far confidence is from accuracy; 0% if 80% sure means right 8 times in 10",
    ));
    tiles
}

fn tile(title: &str, value: String, meaning: &str) -> Markup {
    html! { div.tile { dt { (title) } dd { span.value { (value) } span.meaning { (meaning) } } } }
}
