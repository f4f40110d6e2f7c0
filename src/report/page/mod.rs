//! The page: a head, and sections one after the other. Each section is a file here.

mod classes;
mod confusion;
mod curves;
mod facts;
mod gallery;
mod headline;
mod label_errors;
mod leaks;
mod map;
mod reliability;
mod shell;

use std::path::Path;

use maud::{Markup, html};

use super::{Evaluation, Report, Thumbnail};

pub(super) use curves::{Course, courses};
pub(super) use shell::{MARK, Section, Shell};

type Thumbnails<'t> = &'t mut dyn FnMut(&Path, usize) -> Option<Thumbnail>;

pub(super) fn render(report: &Report, thumbnail: Thumbnails) -> Markup {
    let mut sections = vec![];
    for number in 1..=report.evaluations.len() {
        let view = View { report, evaluation: &report.evaluations[number - 1], number };
        sections.extend(of_evaluation(&view, thumbnail));
    }
    sections.extend(label_errors::of_training(report, thumbnail));
    sections.extend(curves::section(report));
    sections.extend(facts::section(report));
    let has_map = report.evaluations.iter().any(|evaluation| matches!(evaluation.map, Some(Ok(_))));
    let shell = Shell { kicker: "Classifier", title: report.title, created: report.created, has_map };
    shell.page(headline::about(report), &sections)
}

/// What matters most first: how good, at what, how far it can be trusted, and what to do about it.
fn of_evaluation(view: &View, thumbnail: Thumbnails) -> Vec<Section> {
    let mut sections = vec![headline::section(view)];
    sections.extend(confusion::section(view));
    sections.extend(classes::section(view));
    sections.extend(reliability::section(view));
    sections.extend(gallery::mistakes(view, thumbnail));
    sections.extend(gallery::doubts(view, thumbnail));
    sections.extend(label_errors::section(view, thumbnail));
    sections.extend(leaks::section(view, thumbnail));
    sections.extend(map::section(view, thumbnail));
    sections
}

/// An evaluation on the page, and which of them.
struct View<'a> {
    report: &'a Report<'a>,
    evaluation: &'a Evaluation<'a>,
    /// From 1.
    number: usize,
}

impl View<'_> {
    /// What links point to; the first evaluation has the plain words.
    fn id(&self, word: &str) -> String {
        if self.number == 1 { word.to_owned() } else { format!("{word}-{}", self.number) }
    }

    /// A section's title, which says of which evaluation it is if there are several.
    fn section(&self, word: &str, title: &str, body: Markup) -> Section {
        let of = (self.report.evaluations.len() > 1).then(|| self.evaluation.title.to_owned());
        Section { id: self.id(word), title: title.to_owned(), of, body }
    }

    /// The name of a part that has no heading, which no other part of the page has.
    fn label(&self, words: &str) -> String {
        if self.report.evaluations.len() > 1 {
            format!("{words}: {}", self.evaluation.title)
        } else {
            words.to_owned()
        }
    }

    fn name(&self, class: usize) -> Markup {
        name(self.report.classes, class)
    }
}

/// The name of a class, kept from turning the direction of what stands beside it, and from filling the page.
fn name(classes: &[String], class: usize) -> Markup {
    const LONGEST: usize = 60;
    isolated(&classes[class], LONGEST)
}

/// Text from outside that keeps to itself, cut after so many characters.
pub(super) fn isolated(text: &str, longest: usize) -> Markup {
    match cut(text, longest) {
        None => html! { bdi { (text) } },
        Some(short) => html! { bdi title=(text) { (short) } },
    }
}

/// The beginning of a text that is too long.
fn cut(text: &str, longest: usize) -> Option<String> {
    let (end, _) = text.char_indices().nth(longest)?;
    Some(format!("{}…", &text[..end]))
}

#[cfg(test)]
mod tests;
