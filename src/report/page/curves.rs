//! How training went.

use maud::{Markup, PreEscaped, html};

use super::Section;
use crate::report::plot::{self, Line};
use crate::report::{Epoch, Report, percent};

pub(super) fn section(report: &Report) -> Option<Section> {
    let plain = |value: f64| format!("{value:.3}");
    let loss =
        plot("Loss", report.history, |epoch| Some(epoch.loss), |epoch| epoch.validation_loss, None, &plain);
    let accuracy = plot(
        "Accuracy",
        report.history,
        |epoch| epoch.accuracy,
        |epoch| epoch.validation_accuracy,
        Some(1.0),
        &percent,
    );
    if loss.is_none() && accuracy.is_none() {
        return None;
    }
    let body = html! { div.plots { @for plot in [loss, accuracy].into_iter().flatten() { (plot) } } };
    Some(Section { id: "training", title: "Training", body })
}

fn plot(
    title: &str,
    history: &[Epoch],
    training: impl Fn(&Epoch) -> Option<f64>,
    validation: impl Fn(&Epoch) -> Option<f64>,
    ceiling: Option<f64>,
    format: &dyn Fn(f64) -> String,
) -> Option<Markup> {
    let mut lines = Vec::new();
    let mut keys = Vec::new();
    for (name, is_second, points) in
        [("training", false, points(history, training)), ("validation", true, points(history, validation))]
    {
        if let Some(&(_, last)) = points.last() {
            keys.push((name, is_second, format(last)));
            lines.push(Line { points, is_second });
        }
    }
    if lines.is_empty() {
        return None;
    }
    let ends: Vec<String> = keys.iter().map(|(name, _, last)| format!("{name} ends at {last}")).collect();
    let label = format!("{title} over {} epochs: {}", history.len(), ends.join(", "));
    Some(html! {
        figure.plot {
            figcaption {
                span.title { (title) }
                @for (name, is_second, last) in &keys {
                    span.key.second[*is_second] { (name) " " strong { (last) } }
                }
            }
            (PreEscaped(plot::lines(&lines, &label, ceiling)))
        }
    })
}

fn points(history: &[Epoch], value: impl Fn(&Epoch) -> Option<f64>) -> Vec<(f64, f64)> {
    let point = |epoch: &Epoch| Some((epoch.epoch as f64, value(epoch).filter(|value| value.is_finite())?));
    history.iter().filter_map(point).collect()
}
