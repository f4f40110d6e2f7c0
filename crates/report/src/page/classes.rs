//! The figures of each class.

use maud::{Markup, html};

use super::{Section, View};
use headstart_base::text::{counted, grouped};
use headstart_evaluate::Averages;

/// With more classes than this, the weakest are shown and the others unfold.
const SHOWN: usize = 50;

pub(super) fn section(view: &View) -> Option<Section> {
    let metrics = view.evaluation.metrics;
    let mut order: Vec<usize> = (0..metrics.classes.len()).collect();
    let is_long = order.len() > SHOWN;
    if is_long {
        let f1 = |class: usize| metrics.classes[class].f1.unwrap_or(2.0);
        order.sort_by(|&a, &b| f1(a).total_cmp(&f1(b)));
    }
    let (shown, folded) = order.split_at(order.len().min(SHOWN));
    let body = html! {
        p.lead {
            b { "Precision" } ": of the images predicted as this class, the fraction that is right. "
            b { "Recall" } ": of the images of this class, the fraction that was found. "
            b { "F1" } ": both together. A dash stands where there is nothing to divide by."
        }
        (table(view, shown, if is_long { "The classes with the lowest F1" } else { "All classes" }, true))
        @if !folded.is_empty() {
            details {
                summary { "The other " (counted(folded.len() as u64, "class")) }
                (table(view, folded, "The other classes, by F1", false))
            }
        }
    };
    Some(view.section("classes", "Class by class", body))
}

fn table(view: &View, classes: &[usize], caption: &str, with_averages: bool) -> Markup {
    let metrics = view.evaluation.metrics;
    html! {
        table.classes {
            caption.unseen { (caption) ": precision, recall, F1 and number of images" }
            thead {
                tr {
                    th scope="col" { "Class" }
                    @for figure in ["Precision", "Recall", "F1"] { th.figure scope="col" { (figure) } }
                    th.number scope="col" { "Images" }
                }
            }
            tbody {
                @for &class in classes {
                    @let figures = &metrics.classes[class];
                    tr {
                        th scope="row" { (view.name(class)) }
                        @for figure in [figures.precision, figures.recall, figures.f1] { (bar(figure)) }
                        td.number { (grouped(figures.support)) }
                    }
                }
            }
            @if with_averages {
                tfoot {
                    (average("Mean over classes", metrics.macro_average, metrics.scored))
                    (average("Weighted by images", metrics.weighted_average, metrics.scored))
                }
            }
        }
    }
}

fn average(title: &str, average: Averages, images: u64) -> Markup {
    html! {
        tr {
            th scope="row" { (title) }
            @for figure in [average.precision, average.recall, average.f1] { (bar(figure)) }
            td.number { (grouped(images)) }
        }
    }
}

/// A figure, and a bar as long.
fn bar(figure: Option<f64>) -> Markup {
    html! {
        td.figure {
            @match figure {
                Some(value) => {
                    (format!("{value:.3}"))
                    span.bar aria-hidden="true" { span style=(format!("width:{:.1}%", 100.0 * value)) {} }
                }
                None => { "–" }
            }
        }
    }
}
