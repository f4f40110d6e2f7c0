//! How training went.

use maud::{Markup, html};

use super::Section;
use crate::names::Names;
use crate::plot::{self, Line, PlotText};
use crate::{Epoch, Report, percent};
use headstart_base::text::counted;

/// A line with its name.
pub(crate) struct EpochCurve<'a> {
    pub name: &'a str,
    pub points: Vec<(f64, f64)>,
}

impl<'a> EpochCurve<'a> {
    /// One figure of each epoch; what is not finite is left out.
    pub(crate) fn of(name: &'a str, history: &[Epoch], value: impl Fn(&Epoch) -> Option<f64>) -> Self {
        let point =
            |epoch: &Epoch| Some((epoch.epoch as f64, value(epoch).filter(|value| value.is_finite())?));
        Self { name, points: history.iter().filter_map(point).collect() }
    }
}

pub(super) fn section(report: &Report) -> Option<Section> {
    let history = report.history;
    let loss = epoch_curves(
        ("loss", "Loss"),
        [
            EpochCurve::of("training", history, |epoch| Some(epoch.loss)),
            EpochCurve::of("validation", history, |epoch| epoch.validation_loss),
        ],
        None,
    );
    let accuracy = epoch_curves(
        ("accuracy", "Accuracy"),
        [
            EpochCurve::of("training", history, |epoch| epoch.accuracy),
            EpochCurve::of("validation", history, |epoch| epoch.validation_accuracy),
        ],
        Some(1.0),
    );
    if loss.is_none() && accuracy.is_none() {
        return None;
    }
    let body = html! {
        p.lead {
            "After each epoch: how far its predictions are off (loss), and how many of them are right (accuracy). Where the line for "
            "validation turns away from the line for training, the classifier learns its images by heart (overfitting)."
        }
        div.plots { @for plot in [loss, accuracy].into_iter().flatten() { (plot) } }
    };
    Some(Section { id: "training".into(), title: "Training".into(), of: None, body })
}

/// Lines over epochs with their names and where they end; none if there is nothing to draw. A line keeps its look when others
/// have no points. `ceiling` says that the figure is a share.
pub(crate) fn epoch_curves<'a>(
    (id, title): (&str, &str),
    courses: impl IntoIterator<Item = EpochCurve<'a>>,
    ceiling: Option<f64>,
) -> Option<Markup> {
    let format = |value: f64| match ceiling {
        Some(_) => percent(value),
        None if value > 0.0 && value < 0.0005 => "<0.001".into(),
        None => format!("{value:.3}"),
    };
    let courses: Vec<EpochCurve> = courses.into_iter().collect();
    let all: Vec<&str> = courses.iter().map(|course| course.name).collect();
    let names = Names::new(&all, 40);
    let mut lines = Vec::new();
    let mut keys = Vec::new();
    for (series, EpochCurve { points, .. }) in courses.into_iter().enumerate() {
        if let Some(&(_, last)) = points.last() {
            keys.push((series, format(last)));
            lines.push(Line { points, series });
        }
    }
    if lines.is_empty() {
        return None;
    }
    let epochs = lines.iter().map(|line| line.points.len()).max().unwrap_or(0);
    let ends = keys.iter().map(|(series, last)| format!("{} ends at {last}", names.text(*series)));
    let ends: Vec<String> = ends.collect();
    let description = format!("{title} over {}: {}", counted(epochs as u64, "epoch"), ends.join(", "));
    let told = PlotText { id, title, description: &description };
    Some(html! {
        figure.plot {
            figcaption {
                span.title { (title) }
                @for (series, last) in &keys {
                    span class=(format!("key s{} d{}", series % 8, series % 4)) { (names.show(*series)) " " strong { (last) } }
                }
            }
            (plot::lines(&lines, told, ceiling))
        }
    })
}
