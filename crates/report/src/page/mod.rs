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

use super::names::Names;
use super::{Evaluation, Report, Thumbnail};
use headstart_evaluate::label_errors::Suspect;

pub(super) use curves::{EpochCurve, epoch_curves};
pub(super) use shell::{MARK, Section, Shell};

/// Columns for the path of an image: two lines below a picture.
const PATH: usize = 44;

type Thumbnails<'t> = &'t mut dyn FnMut(&Path, usize) -> Option<Thumbnail>;

pub(super) fn render(report: &Report, thumbnail: Thumbnails) -> Markup {
    let classes = Classes::new(report.classes);
    let mut sections = vec![];
    for number in 1..=report.evaluations.len() {
        let view = View::new(report, &classes, number);
        sections.extend(of_evaluation(&view, thumbnail));
    }
    sections.extend(label_errors::of_training(report, &classes, thumbnail));
    sections.extend(curves::section(report));
    sections.extend(facts::section(report));
    let has_map = report.evaluations.iter().any(|evaluation| matches!(evaluation.map, Some(Ok(_))));
    let shell = Shell { kicker: "Classifier", title: report.title, created: report.created, has_map };
    shell.page(headline::about(report, &classes), &sections)
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

/// The names of the classes, as long as the parts of the page have room for.
struct Classes<'a> {
    /// In running text and in tables.
    text: Names<'a>,
    /// Below a picture, and in legends.
    card: Names<'a>,
    /// Around the confusion matrix.
    heading: Names<'a>,
    /// On the map.
    mark: Names<'a>,
}

impl<'a> Classes<'a> {
    fn new(names: &'a [String]) -> Self {
        let [text, card, heading, mark] = [60, 32, 20, 14].map(|longest| Names::new(names, longest));
        Self { text, card, heading, mark }
    }
}

/// An evaluation on the page, and which of them.
struct View<'a> {
    report: &'a Report<'a>,
    evaluation: &'a Evaluation<'a>,
    classes: &'a Classes<'a>,
    /// Paths of its images.
    paths: Names<'a>,
    /// From 1.
    number: usize,
}

impl<'a> View<'a> {
    fn new(report: &'a Report<'a>, classes: &'a Classes<'a>, number: usize) -> Self {
        let evaluation = &report.evaluations[number - 1];
        let paths = evaluation.images.iter().map(|image| image.path);
        Self { report, evaluation, classes, paths: Names::of_paths(paths, PATH), number }
    }

    /// What confident learning says of an image, if it doubts its label.
    fn suspect(&self, image: usize) -> Option<&Suspect> {
        let suspects = self.evaluation.suspects?.ok()?;
        suspects.iter().find(|suspect| suspect.row == image)
    }

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
        self.classes.text.show(class)
    }

    /// The name of a class below a picture.
    fn short_name(&self, class: usize) -> Markup {
        self.classes.card.show(class)
    }
}

/// The name of a file below a picture.
fn path(paths: &Names, image: usize) -> Markup {
    html! { p.path title=(paths.title(image)) { (paths.show(image)) } }
}

#[cfg(test)]
mod tests;
