//! The images that teach most: where it was sure and wrong, and where it was right by a hair.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use super::{Section, Thumbnails, View, path};
use crate::{Thumbnail, percent};
use headstart_base::text::{counted, grouped};
use headstart_evaluate::{self as evaluate, Prediction};

/// Images of a gallery.
pub(super) const SHOWN: usize = 24;
/// Twice the width at which cards show them.
const EDGE: usize = 320;
/// From here on an answer is called sure.
const SURE: f32 = 0.8;

pub(super) fn mistakes(view: &View, thumbnail: Thumbnails) -> Option<Section> {
    let wrong = confidences(view, false);
    if wrong.is_empty() {
        return None;
    }
    let sure = wrong.iter().filter(|&&confidence| confidence >= SURE).count();
    let labelled = view.evaluation.metrics.scored;
    let is = if wrong.len() == 1 { "is" } else { "are" };
    let lead = format!(
        "{} of {} {is} wrong. The classifier is at least {} sure of {}. The surest come first. Look here for wrong labels, \
         and for images that are hard for the classifier.",
        grouped(wrong.len() as u64),
        counted(labelled, "prediction"),
        whole_percent(SURE),
        if sure == 0 { "none of them".into() } else { format!("{} of them", grouped(sure as u64)) },
    );
    let body = gallery(view, &shown_mistakes(view), wrong.len(), &lead, thumbnail);
    Some(view.section("mistakes", "Surest mistakes", body))
}

/// The mistakes that have a picture, the surest first.
pub(super) fn shown_mistakes(view: &View) -> Vec<usize> {
    evaluate::surest_mistakes(&predictions(view), SHOWN)
}

/// Hits that are hardly any: an answer that is sure is not one of them, though none were less sure.
pub(super) fn doubts(view: &View, thumbnail: Thumbnails) -> Option<Section> {
    let right = confidences(view, true);
    let least = right.iter().copied().reduce(f32::min)?;
    let unsure = right.iter().filter(|&&confidence| confidence < SURE).count();
    let all = counted(right.len() as u64, "right prediction");
    let sure = whole_percent(SURE);
    let body = if unsure == 0 {
        html! {
            p { "None of " (all) " is less than " (sure) " sure. The least sure of them is " (percent(least.into())) " sure." }
        }
    } else {
        let chosen = evaluate::least_sure_hits(&predictions(view), SHOWN.min(unsure));
        let lead = format!(
            "{} of {all} {} less than {sure} sure. More images like these would help most.",
            grouped(unsure as u64),
            if unsure == 1 { "is" } else { "are" }
        );
        gallery(view, &chosen, unsure, &lead, thumbnail)
    };
    Some(view.section("doubts", "Least sure right predictions", body))
}

fn predictions<'a>(view: &View<'a>) -> Vec<&'a Prediction> {
    view.evaluation.images.iter().map(|image| image.prediction).collect()
}

/// How sure it is in its right answers, or in its wrong ones.
fn confidences(view: &View, correct: bool) -> Vec<f32> {
    let these = predictions(view).into_iter().filter(|prediction| prediction.is_correct() == Some(correct));
    these.map(Prediction::confidence).collect()
}

fn whole_percent(share: f32) -> String {
    format!("{:.0}%", 100.0 * share)
}

fn gallery(view: &View, chosen: &[usize], all: usize, lead: &str, thumbnail: Thumbnails) -> Markup {
    html! {
        p.lead { (lead) }
        ul.gallery { @for &index in chosen { (said(view, index, thumbnail)) } }
        (left_out(chosen.len(), all))
    }
}

/// Says so if not all are shown.
pub(super) fn left_out(shown: usize, all: usize) -> Markup {
    html! { @if shown < all { p.note { "The first " (shown) " of " (grouped(all as u64)) " are shown." } } }
}

fn said(view: &View, index: usize, thumbnail: Thumbnails) -> Markup {
    let image = &view.evaluation.images[index];
    let prediction = image.prediction;
    let is_wrong = prediction.is_correct() == Some(false);
    let lines = html! {
        p.said.miss[is_wrong].hit[!is_wrong] {
            span.verdict { (view.short_name(prediction.class())) }
            span.sure { (percent(prediction.confidence().into())) }
        }
        @if let Some(label) = prediction.label.filter(|_| is_wrong) { p.truth { "labelled " (view.short_name(label)) } }
        @if let Some(&(class, p)) = prediction.top.get(1).filter(|_| !is_wrong) {
            p.truth { "next " (view.short_name(class)) " " (percent(p.into())) }
        }
        @if let Some(suspect) = view.suspect(index) {
            p.doubted {
                "likely a label error"
                @if suspect.guess != prediction.class() { ": rather " (view.short_name(suspect.guess)) }
            }
        }
    };
    let alt = format!("image predicted as {}", view.classes.text.text(prediction.class()));
    card(picture(image.file, thumbnail), &alt, lines, path(&view.paths, index))
}

/// A picture, what is to be said of it, and its path.
pub(super) fn card(thumbnail: Option<Thumbnail>, alt: &str, lines: Markup, path: Markup) -> Markup {
    html! {
        li {
            figure {
                (frame(thumbnail, alt))
                figcaption { (lines) (path) }
            }
        }
    }
}

/// A picture of an image for a card.
pub(super) fn picture(file: &Path, thumbnail: Thumbnails) -> Option<Thumbnail> {
    thumbnail(file, EDGE)
}

pub(super) fn frame(thumbnail: Option<Thumbnail>, alt: &str) -> Markup {
    html! {
        div.frame {
            @match thumbnail {
                Some(thumbnail) => img src=(data_uri(&thumbnail)) alt=(alt) loading="lazy";,
                None => span.missing { "no picture" }
            }
        }
    }
}

pub(super) fn data_uri(Thumbnail { media_type, bytes }: &Thumbnail) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(bytes))
}
