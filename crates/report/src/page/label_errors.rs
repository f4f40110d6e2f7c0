//! Labels that are likely wrong.

use maud::{Markup, html};

use super::gallery::{SHOWN, card, left_out, picture, shown_mistakes};
use super::{Classes, PATH, Section, Thumbnails, View, path};
use crate::names::Names;
use crate::{Image, Report, percent};
use headstart_base::text::{counted, grouped};
use headstart_evaluate::label_errors::Suspect;

/// Images whose labels are doubted, and what to call them and their classes.
struct Doubted<'a> {
    classes: &'a Classes<'a>,
    images: &'a [Image<'a>],
    paths: &'a Names<'a>,
    suspects: &'a [Suspect],
}

/// Among the evaluated images.
pub(super) fn section(view: &View, thumbnail: Thumbnails) -> Option<Section> {
    let body = match view.evaluation.suspects? {
        Err(reason) => html! { p.lead { (reason) } },
        Ok(suspects) => {
            let lead = "The classifier never saw these images, and contradicts these labels more surely than it usually \
                        agrees with others (confident learning). The labels may be right all the same. The likeliest errors come first.";
            let doubted = Doubted {
                classes: view.classes,
                images: view.evaluation.images,
                paths: &view.paths,
                suspects,
            };
            // A picture stands on the page once: these are among the mistakes, and marked there.
            let above = shown_mistakes(view);
            let (above, others): (Vec<Suspect>, Vec<Suspect>) =
                suspects.iter().partition(|suspect| above.contains(&suspect.row));
            html! {
                (doubted.lead(lead))
                @if !above.is_empty() {
                    p.note {
                        @if suspects.len() == 1 { "It is" } @else if others.is_empty() { "All of them are" }
                        @else { (grouped(above.len() as u64)) " of them are" }
                        " among the " a href={ "#" (view.id("mistakes")) } { "surest mistakes" } " above, and marked there."
                        @if !others.is_empty() { " The others:" }
                    }
                }
                (doubted.pictures(&others, thumbnail))
            }
        }
    };
    Some(view.section("labels", "Likely label errors", body))
}

/// Among the images that it was trained on.
pub(super) fn of_training(report: &Report, classes: &Classes, thumbnail: Thumbnails) -> Option<Section> {
    let training = report.training?;
    let lead = format!(
        "The training images were divided into {}, and each part was judged by a classifier trained on the others. Here it \
         contradicts the label more surely than it usually agrees with others (confident learning). Correct what is wrong \
         and train again.",
        counted(training.folds as u64, "part")
    );
    let hits = training.images.iter().filter(|image| image.prediction.is_correct() == Some(true)).count();
    let paths = Names::of_paths(training.images.iter().map(|image| image.path), PATH);
    let doubted = Doubted { classes, images: training.images, paths: &paths, suspects: training.suspects };
    let body = html! {
        p.note {
            "These classifiers are right for " strong { (percent(hits as f64 / training.images.len().max(1) as f64)) } " of "
            (counted(training.images.len() as u64, "training image")) "."
        }
        (doubted.lead(&lead))
        (doubted.pictures(training.suspects, thumbnail))
    };
    let title = "Likely label errors in training".to_owned();
    Some(Section { id: "training-labels".into(), title, of: None, body })
}

impl Doubted<'_> {
    /// How many there are, and what they are; or that there are none.
    fn lead(&self, lead: &str) -> Markup {
        let labelled = self.images.iter().filter(|image| image.prediction.label.is_some()).count() as u64;
        html! {
            @if self.suspects.is_empty() {
                p { "None of " (counted(labelled, "label")) " stands out as likely wrong." }
            } @else {
                p.lead { strong { (grouped(self.suspects.len() as u64)) } " of " (counted(labelled, "label")) ". " (lead) }
            }
        }
    }

    fn pictures(&self, suspects: &[Suspect], thumbnail: Thumbnails) -> Markup {
        html! {
            @if !suspects.is_empty() {
                ul.gallery { @for suspect in suspects.iter().take(SHOWN) { (self.card(suspect, thumbnail)) } }
                (left_out(SHOWN.min(suspects.len()), suspects.len()))
            }
        }
    }

    fn card(&self, suspect: &Suspect, thumbnail: Thumbnails) -> Markup {
        let names = &self.classes.card;
        let lines = html! {
            p.said.miss {
                span.verdict { (names.show(suspect.guess)) "?" }
                span.sure { (percent(suspect.guess_probability.into())) }
            }
            p.truth { "labelled " (names.show(suspect.label)) " " (percent(suspect.label_probability.into())) }
        };
        let name = |class: usize| self.classes.text.text(class);
        let alt = format!("image labelled {}, likely {}", name(suspect.label), name(suspect.guess));
        card(picture(self.images[suspect.row].file, thumbnail), &alt, lines, path(self.paths, suspect.row))
    }
}
