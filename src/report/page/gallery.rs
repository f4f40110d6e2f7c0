//! The images that teach most: where it was sure and wrong, and where it was right by a hair.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use super::{Section, Thumbnails, View, isolated};
use crate::evaluate::{self, Prediction};
use crate::report::{Thumbnail, percent};

/// Images of a gallery.
pub(super) const SHOWN: usize = 24;
/// Twice the width at which cards show them.
const EDGE: usize = 320;

pub(super) fn mistakes(view: &View, thumbnail: Thumbnails) -> Option<Section> {
    let chosen = choose(view, evaluate::surest_mistakes);
    let lead = "Wrong, and sure of it: the first place to look for wrong labels, and for what the classifier cannot see.";
    let body = gallery(view, &chosen, lead, thumbnail);
    (!chosen.is_empty()).then(|| view.section("mistakes", "Surest mistakes", body))
}

pub(super) fn doubts(view: &View, thumbnail: Thumbnails) -> Option<Section> {
    let chosen = choose(view, evaluate::least_sure_hits);
    let lead = "Right, but only just: more images like these would help most.";
    let body = gallery(view, &chosen, lead, thumbnail);
    (!chosen.is_empty()).then(|| view.section("doubts", "Least sure hits", body))
}

fn choose<'a>(view: &View<'a>, by: fn(&[&'a Prediction], usize) -> Vec<usize>) -> Vec<usize> {
    let predictions: Vec<&Prediction> = view.evaluation.images.iter().map(|image| image.prediction).collect();
    by(&predictions, SHOWN)
}

fn gallery(view: &View, chosen: &[usize], lead: &str, thumbnail: Thumbnails) -> Markup {
    html! {
        p.lead { (lead) }
        ul.gallery { @for &index in chosen { (said(view, index, thumbnail)) } }
    }
}

fn said(view: &View, index: usize, thumbnail: Thumbnails) -> Markup {
    let image = &view.evaluation.images[index];
    let prediction = image.prediction;
    let is_wrong = prediction.is_correct() == Some(false);
    let lines = html! {
        p.said.miss[is_wrong].hit[!is_wrong] {
            span.verdict { (view.name(prediction.class())) }
            span.sure { (percent(prediction.confidence().into())) }
        }
        @if let Some(label) = prediction.label.filter(|_| is_wrong) { p.truth { "is " (view.name(label)) } }
        @if let Some(&(class, p)) = prediction.top.get(1).filter(|_| !is_wrong) {
            p.truth { "next " (view.name(class)) " " (percent(p.into())) }
        }
    };
    let alt = format!("image predicted as {}", view.report.classes[prediction.class()]);
    card(thumbnail(image.file, EDGE), &alt, lines, image.path)
}

/// A picture and what is to be said of it.
pub(super) fn card(thumbnail: Option<Thumbnail>, alt: &str, lines: Markup, path: &str) -> Markup {
    html! {
        li {
            figure {
                (frame(thumbnail, alt))
                figcaption { (lines) p.path title=(path) { (isolated(path, 200)) } }
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
