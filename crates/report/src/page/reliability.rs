//! Whether its confidence can be trusted, and what is gained by answering only when it is sure.

use maud::{Markup, html};

use super::{Section, View};
use crate::percent;
use crate::plot::{self, Bar, Dot, PlotText};
use headstart_base::text::{counted, grouped};
use headstart_evaluate::Calibrated;
use headstart_evaluate::metrics::Bin;

/// Images that a point stands for at the least, if there are so many: what one or two of them say is chance.
const LEAST: u64 = 10;

pub(super) fn section(view: &View) -> Option<Section> {
    let metrics = view.evaluation.metrics;
    let dots = dots(&metrics.reliability);
    if dots.is_empty() {
        return None;
    }
    let body = html! {
        p.lead {
            "When it is 80% sure, is it right 8 times in 10? On the dashed line it is; a point below the line says that it is "
            "surer than it should be, above it less sure. " (meaning(&dots)) " The bar across it is its 95% interval. "
            (verdict(&dots))
        }
        div.beside {
            (diagram(view, &dots))
            div.list { (coverage(view)) }
        }
        @if view.evaluation.metrics.calibration.as_ref().is_some_and(|calibrated| calibrated.fitted_here) {
            p.note { "The temperature was fitted on these images: on others it gains a little less." }
        }
        details { summary { "The numbers" } (table(&metrics.reliability)) }
    };
    Some(view.section("confidence", "Confidence", body))
}

/// What a point is.
fn meaning(dots: &[Dot]) -> String {
    match dots {
        [one] => format!("The one point is {}.", counted(one.count, "image")),
        _ => format!("Each point is {LEAST} images or more: the larger the point, the more images."),
    }
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
        "Accuracy against confidence: {} for {}; calibration error {}",
        counted(dots.len() as u64, "point"),
        counted(metrics.scored, "image"),
        percent(metrics.calibration_error)
    );
    if let Some(Calibrated { temperature, before, .. }) = before {
        let earlier = percent(before.calibration_error);
        description += &format!(", {earlier} before a temperature of {temperature:.3} corrected it");
    }
    let id = view.id("reliability");
    let told = PlotText { id: &id, title: "Reliability diagram", description: &description };
    html! {
        figure.plot.reliability {
            figcaption {
                span.title { "Reliability" }
                span.key.s0 { @if before.is_some() { "calibrated " } "error " strong { (percent(metrics.calibration_error)) } }
                @if let Some(Calibrated { temperature, before, .. }) = before {
                    span.key.s1 { "before (temperature " (format!("{temperature:.3}")) ") " strong { (percent(before.calibration_error)) } }
                }
            }
            (plot::reliability(dots, &earlier, &bars(&metrics.reliability), told))
        }
    }
}

/// A point for each range of confidence; ranges with few images go with the next one.
fn dots(bins: &[Bin]) -> Vec<Dot> {
    let mut groups: Vec<Group> = vec![];
    for bin in bins {
        let (Some(confidence), Some(accuracy)) = (bin.confidence, bin.accuracy) else { continue };
        let one = Group::new(bin.count, confidence, accuracy);
        match groups.last_mut() {
            Some(last) if last.count < LEAST => last.add(one),
            _ => groups.push(one),
        }
    }
    // The last range may have few as well, and none after it.
    if let Some(last) = groups.pop_if(|last| last.count < LEAST) {
        match groups.last_mut() {
            Some(before) => before.add(last),
            None => groups.push(last),
        }
    }
    groups.iter().map(Group::dot).collect()
}

/// Images of neighbouring ranges.
#[derive(Debug, Clone, Copy)]
struct Group {
    count: u64,
    /// Sums over the images.
    confidence: f64,
    right: f64,
}

impl Group {
    fn new(count: u64, confidence: f64, accuracy: f64) -> Self {
        let n = count as f64;
        Self { count, confidence: n * confidence, right: n * accuracy }
    }

    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.confidence += other.confidence;
        self.right += other.right;
    }

    fn dot(&self) -> Dot {
        let n = self.count as f64;
        let (confidence, accuracy) = (self.confidence / n, self.right / n);
        Dot { confidence, accuracy, interval: wilson(accuracy, n), count: self.count }
    }
}

/// How many images each range has.
fn bars(bins: &[Bin]) -> Vec<Bar> {
    let bar = |bin: &Bin| Bar { range: (*bin.range.start(), *bin.range.end()), count: bin.count };
    bins.iter().map(bar).collect()
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
            h3 { "If it may answer “I don't know”" }
            p.note { "Only predictions of at least this confidence count; a person looks at the other images." }
            table.numbers {
                caption.unseen { "Lowest confidence: fraction of the images with such a prediction, and accuracy of these predictions" }
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

    /// Bins of these numbers of images, each with its own confidence, and as often right as that.
    fn bins(counts: &[u64]) -> Vec<Bin> {
        let width = 1.0 / counts.len() as f64;
        let bin = |(place, &count): (usize, &u64)| {
            let middle = Some((place as f64 + 0.5) * width).filter(|_| count > 0);
            let range = place as f64 * width..=(place + 1) as f64 * width;
            Bin { range, count, confidence: middle, accuracy: middle }
        };
        counts.iter().enumerate().map(bin).collect()
    }

    #[test]
    fn ranges_with_few_images_make_a_point_together() {
        let points = |counts: &[u64]| dots(&bins(counts)).iter().map(|dot| dot.count).collect::<Vec<_>>();
        assert_eq!(points(&[0, 1, 3, 0, 2, 4, 50, 10]), [10, 50, 10]);
        assert_eq!(points(&[30, 2, 3]), [35], "the last ones go with the one before");
        assert_eq!(points(&[1, 0, 1, 3]), [5], "all there are");
        assert_eq!(points(&[0, 0]), Vec::<u64>::new());
        // Their means count as many times as there are images.
        let [dot] = dots(&bins(&[3, 9]))[..] else { panic!("one point") };
        assert!((dot.confidence - (3.0 * 0.25 + 9.0 * 0.75) / 12.0).abs() < 1e-12);
        assert!((dot.accuracy - dot.confidence).abs() < 1e-12);
        assert_eq!(dot.interval, wilson(dot.accuracy, 12.0));
    }

    #[test]
    fn who_is_too_sure_is_told_so() {
        let dot = |confidence, accuracy, count| Dot { confidence, accuracy, interval: (0.0, 1.0), count };
        let said = |dots: &[Dot]| verdict(dots);
        assert!(said(&[dot(0.9, 0.8, 30), dot(0.5, 0.5, 10)]).contains("7.5 percentage points surer"));
        assert!(said(&[dot(0.5, 0.8, 1)]).contains("right 30.0 percentage points more often"));
        assert!(said(&[dot(0.8, 0.9, 10), dot(0.9, 0.8, 10)]).contains("as sure as it is right"));
    }
}
