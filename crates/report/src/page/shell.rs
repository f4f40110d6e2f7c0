//! What is around the sections, on every page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("map.js");

/// By this, which stands at its foot, a page is known to be ours.
pub(crate) const MARK: &str = "Written by headstart ";

/// A page without its content.
pub(crate) struct Shell<'a> {
    /// What kind of page it is, above the title.
    pub kicker: &'a str,
    pub title: &'a str,
    pub created: Timestamp,
    /// Whether there is a map, and so something for the script to do.
    pub has_map: bool,
}

/// A part of the page with a heading of its own.
pub(crate) struct Section {
    /// What links point to.
    pub id: String,
    pub title: String,
    /// What it is about, if the title alone does not say.
    pub of: Option<String>,
    pub body: Markup,
}

impl Shell<'_> {
    pub(crate) fn page(&self, about: Markup, sections: &[Section]) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy" content=(self.policy());
                    title { (self.title) " – " (self.kicker.to_lowercase()) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    a.skip href="#content" { "Skip to the figures" }
                    (self.header(about))
                    nav aria-label="Sections" { ul { @for section in sections { (link(section)) } } }
                    main #content tabindex="-1" { @for section in sections { (body(section)) } }
                    footer { (MARK) (env!("CARGO_PKG_VERSION")) ". This file is complete in itself: it asks nothing of the network." }
                    @if self.has_map { script { (PreEscaped(SCRIPT)) } }
                }
            }
        }
    }

    /// The page needs nothing from elsewhere, and no script but its own. Should something slip in, the browser refuses it.
    fn policy(&self) -> String {
        let script = match self.has_map {
            true => format!("; script-src 'sha256-{}'", STANDARD.encode(Sha256::digest(SCRIPT))),
            false => String::new(),
        };
        format!("default-src 'none'; img-src data:; style-src 'unsafe-inline'{script}")
    }

    fn header(&self, about: Markup) -> Markup {
        let created = self.created.strftime("%Y-%m-%d %H:%M UTC").to_string();
        html! {
            header.top {
                p.kicker { (self.kicker) }
                h1 { bdi { (self.title) } }
                p.when { time datetime=(self.created) { (created) } }
                (about)
            }
        }
    }
}

fn link(section: &Section) -> Markup {
    html! {
        li {
            a href={ "#" (section.id) } {
                (section.title)
                @if let Some(of) = &section.of { span.unseen { ": " bdi { (of) } } }
            }
        }
    }
}

fn body(section: &Section) -> Markup {
    let heading = format!("{}-title", section.id);
    html! {
        section id=(section.id) aria-labelledby=(heading) {
            h2 id=(heading) {
                (section.title)
                @if let Some(of) = &section.of { " " span.of { bdi { (of) } } }
            }
            (section.body)
        }
    }
}
