//! What is taken for what.

use maud::{Markup, html};

use super::{Section, View};
use crate::percent;
use headstart_base::text::grouped;

/// Beyond this a matrix shows nothing that the list of confusions does not.
const LARGEST: usize = 60;
/// Beyond this there is no room for numbers in the cells.
const NUMBERED: usize = 20;
/// Up to this there is room for the names above the columns.
const ROOMY: usize = 5;

pub(super) fn section(view: &View) -> Option<Section> {
    let classes = view.evaluation.metrics.classes.len();
    let body = html! {
        @if classes <= LARGEST {
            p.lead {
                "A row is a true class, a column a predicted class. "
                span.swatch.hit {} " right, " span.swatch.miss {} " wrong; the stronger the colour, the larger the fraction of the row."
            }
        }
        div.beside {
            @if classes <= LARGEST { (matrix(view)) }
            div.list { (list(view)) }
        }
    };
    Some(view.section("confusion", "What it confuses", body))
}

fn matrix(view: &View) -> Markup {
    let classes = &view.evaluation.metrics.classes;
    let names = &view.classes.heading;
    let is_dense = classes.len() > NUMBERED;
    html! {
        // Reached with the keyboard too, for it may be wider than the window.
        div.scroll role="region" aria-label=(view.label("Confusion matrix")) tabindex="0" {
            table.matrix.dense[is_dense].roomy[classes.len() <= ROOMY] {
                caption.unseen { "Number of images by true class (rows) and predicted class (columns)" }
                thead {
                    tr {
                        td.corner {}
                        @for class in 0..classes.len() { th scope="col" { span { (names.show(class)) } } }
                    }
                }
                tbody {
                    @for row in 0..classes.len() {
                        tr {
                            th scope="row" { (names.show(row)) }
                            @for column in 0..classes.len() { (cell(view, row, column, is_dense)) }
                        }
                    }
                }
            }
        }
    }
}

fn cell(view: &View, row: usize, column: usize, is_dense: bool) -> Markup {
    let count = view.evaluation.metrics.confusion[row][column];
    if count == 0 {
        return html! { td { span.unseen { "0" } } };
    }
    let classes = &view.evaluation.metrics.classes;
    let share = count as f64 / classes[row].support as f64;
    // Small shares must be seen as well: the eye, like the root, is quicker to tell the small ones apart.
    let depth = share.sqrt();
    let kind = if row == column { "hit" } else { "miss" };
    let [label, prediction] = [row, column].map(|class| view.classes.text.text(class));
    let what = format!("{label} predicted as {prediction}: {count} of {}", classes[row].support);
    html! {
        td.(kind).deep[depth > 0.62].deeper[depth > 0.77] style=(format!("--depth:{depth:.3}")) title=(what) {
            span.unseen[is_dense] { (count) }
        }
    }
}

fn list(view: &View) -> Markup {
    let pairs = view.evaluation.metrics.confusions(8);
    html! {
        @if pairs.is_empty() {
            p { "No image was predicted as another class." }
        } @else {
            h3 { "Most often confused" }
            ol.pairs {
                @for pair in pairs {
                    li {
                        strong { (view.name(pair.label)) } " predicted as " strong { (view.name(pair.prediction)) }
                        " " span.count {
                            (grouped(pair.times)) " of " (grouped(pair.support)) ", "
                            (percent(pair.times as f64 / pair.support as f64))
                        }
                    }
                }
            }
        }
    }
}
