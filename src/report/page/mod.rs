//! The page: a head, and sections one after the other. Each section is a file here.

mod classes;
mod confusion;
mod curves;
mod facts;
mod gallery;
mod headline;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Report, Thumbnail};

const STYLE: &str = include_str!("style.css");

pub(super) fn render(report: &Report, thumbnail: &mut dyn FnMut(usize) -> Option<Thumbnail>) -> Markup {
    let sections: Vec<Section> = [
        curves::section(report),
        confusion::section(report),
        classes::section(report),
        gallery::mistakes(report, thumbnail),
        gallery::doubts(report, thumbnail),
        facts::section(report),
    ]
    .into_iter()
    .flatten()
    .collect();

    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // The page needs nothing from elsewhere. Should something slip in, the browser refuses it.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'";
                title { (report.title) " – evaluation" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "Skip to the figures" }
                (headline::header(report))
                nav aria-label="Sections" {
                    ul { @for section in &sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                }
                main #content {
                    (headline::figures(report))
                    @for section in &sections {
                        section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                            h2 id={ (section.id) "-title" } { (section.title) }
                            (section.body)
                        }
                    }
                }
                footer { "Written by headstart " (env!("CARGO_PKG_VERSION")) "." }
            }
        }
    }
}

/// A part of the page with a heading of its own.
struct Section {
    /// What links point to.
    id: &'static str,
    title: &'static str,
    body: Markup,
}

/// The name of a class, kept from turning the direction of what stands beside it.
fn name(report: &Report, class: usize) -> Markup {
    html! { bdi { (report.metrics.classes[class].name) } }
}

#[cfg(test)]
mod tests;
