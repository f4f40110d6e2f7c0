//! Labels that are likely wrong.

use maud::{Markup, html};

use super::gallery::{SHOWN, card, picture};
use super::{Section, Thumbnails, View, name};
use crate::evaluate::label_errors::Suspect;
use crate::report::{Image, Report, percent};
use crate::text::grouped;

/// Among the evaluated images.
pub(super) fn section(view: &View, thumbnail: Thumbnails) -> Option<Section> {
    let body = match view.evaluation.suspects? {
        Err(reason) => html! { p.lead { (reason) } },
        Ok(suspects) => {
            let lead = "The classifier, which never saw these images, contradicts these labels more surely than it usually \
                        agrees with others (confident learning). They may be right all the same: look first at the first.";
            found(view.report.classes, view.evaluation.images, suspects, lead, thumbnail)
        }
    };
    Some(view.section("labels", "Likely label errors", body))
}

/// Among the images that it was trained on.
pub(super) fn of_training(report: &Report, thumbnail: Thumbnails) -> Option<Section> {
    let training = report.training?;
    let lead = format!(
        "The training images were divided into {} parts, and each was judged by a classifier trained on the others. Here it \
         contradicts the label more surely than it usually agrees with others (confident learning). Correct what is wrong \
         and train again.",
        training.folds
    );
    let hits = training.images.iter().filter(|image| image.prediction.is_correct() == Some(true)).count();
    let body = html! {
        p.note {
            "So judged, " strong { (percent(hits as f64 / training.images.len().max(1) as f64)) } " of "
            (grouped(training.images.len() as u64)) " training images are told right."
        }
        (found(report.classes, training.images, training.suspects, &lead, thumbnail))
    };
    let title = "Likely label errors in training".to_owned();
    Some(Section { id: "training-labels".into(), title, of: None, body })
}

fn found(
    classes: &[String],
    images: &[Image],
    suspects: &[Suspect],
    lead: &str,
    thumbnail: Thumbnails,
) -> Markup {
    let labelled = images.iter().filter(|image| image.prediction.label.is_some()).count() as u64;
    html! {
        @if suspects.is_empty() {
            p { "None of " (grouped(labelled)) " labels stands out as likely wrong." }
        } @else {
            p.lead {
                strong { (grouped(suspects.len() as u64)) } " of " (grouped(labelled)) " labels. " (lead)
            }
            ul.gallery {
                @for suspect in suspects.iter().take(SHOWN) {
                    (suspected(classes, &images[suspect.row], suspect, thumbnail))
                }
            }
            @if suspects.len() > SHOWN { p.note { "The first " (SHOWN) " are shown." } }
        }
    }
}

fn suspected(classes: &[String], image: &Image, suspect: &Suspect, thumbnail: Thumbnails) -> Markup {
    let lines = html! {
        p.said.miss {
            span.verdict { (name(classes, suspect.guess)) "?" }
            span.sure { (percent(suspect.guess_probability.into())) }
        }
        p.truth { "labelled " (name(classes, suspect.label)) " " (percent(suspect.label_probability.into())) }
    };
    let alt = format!("image labelled {}, likely {}", classes[suspect.label], classes[suspect.guess]);
    card(picture(image.file, thumbnail), &alt, lines, image.path)
}
