//! What was set and what was used, so that it can be done again.

use maud::{Markup, html};

use super::Section;
use crate::{Facts, Report};
use headstart_base::text::counted;

pub(super) fn section(report: &Report) -> Option<Section> {
    let is_empty = |facts: &&Facts| facts.rows.is_empty() && facts.defaults.is_empty();
    if report.facts.iter().all(|facts| is_empty(&facts)) {
        return None;
    }
    let body = html! {
        p.lead { "What is needed to train and evaluate it again." }
        div.facts { @for facts in report.facts.iter().filter(|facts| !is_empty(facts)) { (one(facts)) } }
    };
    Some(Section { id: "settings".into(), title: "Settings and provenance".into(), of: None, body })
}

/// What somebody chose first; what nobody changed unfolds.
fn one(facts: &Facts) -> Markup {
    let defaults = facts.defaults.len() as u64;
    html! {
        div {
            @if facts.rows.is_empty() {
                h3 { (facts.heading) }
                p { "All settings are the defaults." }
            } @else {
                (table(html! { caption { (facts.heading) } }, &facts.rows))
            }
            @if defaults > 0 {
                details {
                    summary { "The " @if !facts.rows.is_empty() { "other " } (counted(defaults, "setting")) ", which are the defaults" }
                    (table(html! { caption.unseen { (facts.heading) " that are the defaults" } }, &facts.defaults))
                }
            }
        }
    }
}

fn table(caption: Markup, rows: &[(String, String)]) -> Markup {
    html! {
        table {
            (caption)
            tbody {
                @for (name, value) in rows {
                    tr { th scope="row" { (name) } td { bdi { (value) } } }
                }
            }
        }
    }
}
