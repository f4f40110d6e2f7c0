//! The page that compares runs.

use maud::{Markup, html};

use super::{Compared, ComparedOn, Comparison};
use crate::names::Names;
use crate::page::{EpochCurve, Section, Shell, epoch_curves};
use crate::plot::{self, PlotText, Whisker};
use crate::{Epoch, percent};
use headstart_base::text::grouped;
use headstart_evaluate::{Metrics, Paired};

/// Lines over each other; more could not be told apart.
const LINES: usize = 8;

pub(super) fn render(comparison: &Comparison) -> Markup {
    let all: Vec<&str> = comparison.runs.iter().map(|run| run.name).collect();
    let runs = &Runs { compared: comparison.runs, names: Names::new(&all, 60) };
    let mut sections: Vec<Section> =
        comparison.evaluations.iter().enumerate().map(|(number, on)| evaluation(runs, on, number)).collect();
    sections.push(settings(comparison, runs));
    sections.extend(curves(runs));
    let title = all.join(", ");
    let about = html! {
        @if comparison.evaluations.is_empty() {
            p.note { "None of these runs has an evaluation, so it is not known how good they are on other images." }
        }
    };
    Shell { kicker: "Comparison of runs", title: &title, created: comparison.created, has_map: false }
        .page(about, &sections)
}

/// The runs, and their names as the page shows them.
struct Runs<'a> {
    compared: &'a [Compared<'a>],
    names: Names<'a>,
}

impl Runs<'_> {
    fn named(&self, run: usize) -> Markup {
        self.names.show(run)
    }
}

fn evaluation(runs: &Runs, on: &ComparedOn, number: usize) -> Section {
    let there: Vec<usize> = (0..runs.compared.len()).filter(|&run| on.metrics[run].is_some()).collect();
    let body = html! {
        p.lead {
            "Accuracy on the same images, with the interval in which it would probably lie on other images. The difference of two "
            "runs on the same images shows which one is better: it is more certain than their accuracies alone."
        }
        div.beside {
            (whiskers(runs, on, &there, number))
            div.list { (figures(runs, on, &there)) }
        }
        (differences(runs, on, &there))
    };
    Section {
        id: format!("on-{}", number + 1),
        title: "Evaluated on".into(),
        of: Some(on.title.into()),
        body,
    }
}

fn whiskers(runs: &Runs, on: &ComparedOn, there: &[usize], number: usize) -> Markup {
    let metrics = |run: usize| on.metrics[run].expect("only runs that are there");
    let interval = |run: usize| metrics(run).intervals.as_ref().map(|intervals| intervals.accuracy);
    let rows: Vec<Whisker> = there
        .iter()
        .map(|&run| Whisker { value: metrics(run).accuracy, interval: interval(run), series: run })
        .collect();
    let said: Vec<String> = there
        .iter()
        .map(|&run| format!("{} {}", runs.names.text(run), percent(metrics(run).accuracy)))
        .collect();
    let id = format!("accuracies-{}", number + 1);
    let told = PlotText { id: &id, title: "Accuracies with their intervals", description: &said.join(", ") };
    html! {
        figure.plot.whiskers {
            figcaption { span.title { "Accuracy" } span.note { "from top to bottom in the order of the table" } }
            (plot::intervals(&rows, told))
        }
    }
}

fn figures(runs: &Runs, on: &ComparedOn, there: &[usize]) -> Markup {
    let interval = |metrics: &Metrics| match &metrics.intervals {
        Some(intervals) => intervals.accuracy.map(percent).join(" to "),
        None => "–".into(),
    };
    html! {
        div.scroll role="region" aria-label={ "Figures on " (on.title) } tabindex="0" {
            table.numbers {
                caption.unseen { "Figures of each run" }
                thead {
                    tr {
                        th scope="col" { "Run" }
                        @for heading in ["Accuracy", "95% interval", "Balanced", "Log-loss", "Images"] { th.number scope="col" { (heading) } }
                    }
                }
                tbody {
                    @for &run in there {
                        @let metrics = on.metrics[run].expect("only runs that are there");
                        tr {
                            th scope="row" { span class=(format!("dot s{}", run % 8)) {} (runs.named(run)) }
                            td.number { (percent(metrics.accuracy)) }
                            td.number { (interval(metrics)) }
                            td.number { (percent(metrics.balanced_accuracy)) }
                            td.number { (format!("{:.3}", metrics.log_loss)) }
                            td.number { (grouped(metrics.scored)) }
                        }
                    }
                }
            }
        }
    }
}

fn differences(runs: &Runs, on: &ComparedOn, there: &[usize]) -> Markup {
    let Some((&first, others)) = there.split_first() else { return html! {} };
    let pairs: Vec<(usize, &Paired)> =
        others.iter().filter_map(|&run| Some((run, on.paired[run].as_ref()?))).collect();
    html! {
        @if !pairs.is_empty() {
            h3 { "Beside " (runs.named(first)) ", image by image" }
            div.scroll role="region" aria-label={ "Differences on " (on.title) } tabindex="0" {
                table.numbers {
                    caption.unseen { "Differences in accuracy on the same images" }
                    thead {
                        tr {
                            th scope="col" { "Run" }
                            @for heading in ["Difference", "95% interval", "Right in this run only", "Right in the other only", "p"] {
                                th.number scope="col" { (heading) }
                            }
                            th scope="col" { "So" }
                        }
                    }
                    tbody { @for (run, pair) in pairs { (difference(runs.named(run), pair)) } }
                }
            }
            p.note { "p: how likely such a difference is by chance alone, if both runs are equally good (McNemar's exact test)." }
        }
        @for &run in others {
            @if on.paired[run].is_none() {
                p.note { (runs.named(run)) " was evaluated on other images or labels of this name, so they cannot be paired." }
            }
        }
    }
}

fn difference(run: Markup, pair: &Paired) -> Markup {
    let [low, high] = pair.interval;
    let verdict = match () {
        () if low > 0.0 => "better",
        () if high < 0.0 => "worse",
        () => "no difference shown",
    };
    html! {
        tr {
            th scope="row" { (run) }
            td.number { (points(pair.difference)) }
            td.number { (points(low)) " to " (points(high)) }
            td.number { (grouped(pair.only_b)) }
            td.number { (grouped(pair.only_a)) }
            td.number { @if pair.p_value < 0.001 { "<0.001" } @else { (format!("{:.3}", pair.p_value)) } }
            td.verdict { (verdict) }
        }
    }
}

/// A difference of shares in percentage points, with its sign.
fn points(difference: f64) -> String {
    format!("{:+.1}", 100.0 * difference).replace('-', "−")
}

fn settings(comparison: &Comparison, runs: &Runs) -> Section {
    let body = html! {
        @if comparison.settings.is_empty() {
            p { "They were trained in the same way." }
        } @else {
            p.lead { "Settings in which the runs differ." }
            div.scroll role="region" aria-label="Settings" tabindex="0" {
                table.numbers.settings {
                    caption.unseen { "Settings that differ, a column for each run" }
                    thead { tr { th scope="col" { "Setting" } @for run in 0..comparison.runs.len() { th scope="col" { (runs.named(run)) } } } }
                    tbody {
                        @for setting in comparison.settings {
                            @let values = Names::new(&setting.values, 120);
                            tr {
                                th scope="row" { (setting.name) }
                                @for run in 0..setting.values.len() { td { (values.show(run)) } }
                            }
                        }
                    }
                }
            }
        }
    };
    Section { id: "settings".into(), title: "Settings that differ".into(), of: None, body }
}

fn curves(runs: &Runs) -> Option<Section> {
    let lines = |value: fn(&Epoch) -> Option<f64>| {
        let shown = runs.compared.iter().take(LINES);
        shown.map(|run| EpochCurve::of(run.name, run.history, value)).collect::<Vec<_>>()
    };
    let plots = [
        epoch_curves(("loss", "Training loss"), lines(|epoch| Some(epoch.loss)), None),
        epoch_curves(("validation-loss", "Validation loss"), lines(|epoch| epoch.validation_loss), None),
        epoch_curves(("accuracy", "Training accuracy"), lines(|epoch| epoch.accuracy), Some(1.0)),
        epoch_curves(
            ("validation-accuracy", "Validation accuracy"),
            lines(|epoch| epoch.validation_accuracy),
            Some(1.0),
        ),
    ];
    if plots.iter().all(Option::is_none) {
        return None;
    }
    let body = html! {
        div.plots { @for plot in plots.into_iter().flatten() { (plot) } }
        @if runs.compared.len() > LINES { p.note { "The first " (LINES) " of " (runs.compared.len()) " runs are drawn." } }
        ul.times {
            @for (place, run) in runs.compared.iter().enumerate() {
                @if let Some(seconds) = run.seconds { li { (runs.named(place)) " was trained in " (format!("{seconds:.1} s")) } }
            }
        }
    };
    Some(Section { id: "training".into(), title: "Training".into(), of: None, body })
}
