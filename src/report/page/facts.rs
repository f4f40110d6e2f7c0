//! What was set and what was used, so that it can be done again.

use maud::html;

use super::Section;
use crate::report::Report;

pub(super) fn section(report: &Report) -> Option<Section> {
    let body = html! {
        p.lead { "What it takes to train and evaluate it again, and to tell it from others." }
        div.facts {
            @for facts in report.facts.iter().filter(|facts| !facts.rows.is_empty()) {
                table {
                    caption { (facts.heading) }
                    tbody {
                        @for (name, value) in &facts.rows {
                            tr { th scope="row" { (name) } td { bdi { (value) } } }
                        }
                    }
                }
            }
        }
    };
    let is_empty = report.facts.iter().all(|facts| facts.rows.is_empty());
    (!is_empty).then(|| Section {
        id: "settings".into(),
        title: "Settings and provenance".into(),
        of: None,
        body,
    })
}
