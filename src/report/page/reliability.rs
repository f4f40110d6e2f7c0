//! Whether its confidence can be trusted, and what is gained by answering only when it is sure.

use maud::{Markup, html};

use super::{Section, View};
use crate::evaluate::Calibrated;
use crate::evaluate::metrics::Bin;
use crate::report::percent;
use crate::report::plot::{self, Dot, Told};
use crate::text::grouped;

pub(super) fn section(view: &View) -> Option<Section> {
    let metrics = view.evaluation.metrics;
    let dots = dots(&metrics.reliability);
    if dots.is_empty() {
        return None;
    }
    let body = html! {
        p.lead {
            "When it is 80% sure, is it right 8 times in 10? On the dashed line it is; a point below the line says that it is "
            "surer than it should be, above it less sure. The bar across a point is its 95% interval: few images, long bar. "
            (verdict(&dots))
        }
        div.beside {
            (diagram(view, &dots))
            div.list { (coverage(view)) }
        }
        @if view.evaluation.metrics.calibration.as_ref().is_some_and(|calibrated| calibrated.fitted_here) {
            p.note { "The temperature was fitted on these very images: on others it will bring a little less." }
        }
        details { summary { "The numbers" } (table(&metrics.reliability)) }
    };
    Some(view.section("confidence", "Confidence", body))
}

/// What all points say together.
fn verdict(dots: &[Dot]) -> String {
    let images: u64 = dots.iter().map(|dot| dot.count).sum();
    let gap = dots.iter().map(|dot| (dot.confidence - dot.accuracy) * dot.count as f64).sum::<f64>()
        / images as f64;
    let points = format!("{:.1} percentage points", 100.0 * gap.abs());
    match gap {
        gap if gap >= 0.01 => format!("On the whole it is {points} surer than it is right."),
        gap if gap <= -0.01 => format!("On the whole it is right {points} more often than it is sure."),
        _ => "On the whole it is as sure as it is right.".into(),
    }
}

fn diagram(view: &View, dots: &[Dot]) -> Markup {
    let before = view.evaluation.metrics.calibration.as_ref();
    let earlier = before.map_or(vec![], |calibrated| self::dots(&calibrated.reliability_before));
    let metrics = view.evaluation.metrics;
    let mut description = format!(
        "Accuracy against confidence in {} ranges, of {} images: calibration error {}",
        dots.len(),
        grouped(metrics.scored),
        percent(metrics.calibration_error)
    );
    if let Some(Calibrated { temperature, before, .. }) = before {
        let earlier = percent(before.calibration_error);
        description += &format!(", {earlier} before a temperature of {temperature:.3} corrected it");
    }
    let id = view.id("reliability");
    let told = Told { id: &id, title: "Reliability diagram", description: &description };
    html! {
        figure.plot.reliability {
            figcaption {
                span.title { "Reliability" }
                span.key.s0 { @if before.is_some() { "calibrated " } "error " strong { (percent(metrics.calibration_error)) } }
                @if let Some(Calibrated { temperature, before, .. }) = before {
                    span.key.s1 { "before (temperature " (format!("{temperature:.3}")) ") " strong { (percent(before.calibration_error)) } }
                }
            }
            (plot::reliability(dots, &earlier, told))
        }
    }
}

fn dots(bins: &[Bin]) -> Vec<Dot> {
    let dot = |bin: &Bin| {
        let (confidence, accuracy) = (bin.confidence?, bin.accuracy?);
        let interval = wilson(accuracy, bin.count as f64);
        Some(Dot {
            range: (*bin.range.start(), *bin.range.end()),
            confidence,
            accuracy,
            interval,
            count: bin.count,
        })
    };
    bins.iter().filter_map(dot).collect()
}

/// The 95 % interval of a share of `n`.
///
/// # Source
/// Wilson 1927: unlike the usual one it stays within 0 and 1, and has a length where all or none are right.
fn wilson(share: f64, n: f64) -> (f64, f64) {
    const Z: f64 = 1.959964;
    let centre = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0))
}

fn table(bins: &[Bin]) -> Markup {
    let share = |value: Option<f64>| value.map_or("–".into(), percent);
    html! {
        table.numbers {
            caption.unseen { "Ranges of confidence: number of images, mean confidence, accuracy" }
            thead {
                tr {
                    th scope="col" { "Confidence" }
                    @for heading in ["Images", "Mean", "Right"] { th.number scope="col" { (heading) } }
                }
            }
            tbody {
                @for bin in bins.iter().filter(|bin| bin.count > 0) {
                    tr {
                        th scope="row" {
                            (format!("{:.0}% to {:.0}%", 100.0 * bin.range.start(), 100.0 * bin.range.end()))
                        }
                        td.number { (grouped(bin.count)) }
                        td.number { (share(bin.confidence)) }
                        td.number { (share(bin.accuracy)) }
                    }
                }
            }
        }
    }
}

fn coverage(view: &View) -> Markup {
    let rows = &view.evaluation.metrics.coverage;
    html! {
        @if !rows.is_empty() {
            h3 { "If it may say “I don't know”" }
            p.note { "Counting only answers of at least this confidence, and leaving the other images to a person." }
            table.numbers {
                caption.unseen { "Least confidence: part of the images that are answered, and accuracy of these answers" }
                thead {
                    tr {
                        th scope="col" { "Confidence" }
                        th.number scope="col" { "Answered" }
                        th.number scope="col" { "Right" }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { "≥ " (format!("{:.0}%", 100.0 * row.min_confidence)) }
                            td.number { (percent(row.coverage)) }
                            td.number { (row.accuracy.map_or("–".into(), percent)) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_statsmodels() {
        // proportion_confint(count, n, method="wilson")
        for (right, n, want) in [
            (0.0, 10.0, (0.0, 0.2775328)),
            (9.0, 10.0, (0.5958500, 0.9821238)),
            (50.0, 50.0, (0.9286524, 1.0)),
        ] {
            let (low, high) = wilson(right / n, n);
            // The digits that are written here.
            assert!(
                (low - want.0).abs() < 1e-6 && (high - want.1).abs() < 1e-6,
                "{right} of {n}: {low} {high}"
            );
        }
    }

    #[test]
    fn who_is_too_sure_is_told_so() {
        let dot = |confidence, accuracy, count| Dot {
            range: (0.0, 1.0),
            confidence,
            accuracy,
            interval: (0.0, 1.0),
            count,
        };
        let said = |dots: &[Dot]| verdict(dots);
        assert!(said(&[dot(0.9, 0.8, 30), dot(0.5, 0.5, 10)]).contains("7.5 percentage points surer"));
        assert!(said(&[dot(0.5, 0.8, 1)]).contains("right 30.0 percentage points more often"));
        assert!(said(&[dot(0.8, 0.9, 10), dot(0.9, 0.8, 10)]).contains("as sure as it is right"));
    }
}
