//! The images that teach most: where it was sure and wrong, and where it was right by a hair.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use super::{Section, name};
use crate::evaluate;
use crate::report::{Image, Report, Thumbnail, percent};

const SHOWN: usize = 24;

pub(super) fn mistakes(
    report: &Report,
    thumbnail: &mut dyn FnMut(usize) -> Option<Thumbnail>,
) -> Option<Section> {
    let chosen = choose(report, evaluate::surest_mistakes);
    let lead = "Wrong, and sure of it: the first place to look for wrong labels, and for what the classifier cannot see.";
    let body = gallery(report, &chosen, lead, thumbnail);
    (!chosen.is_empty()).then_some(Section { id: "mistakes", title: "Surest mistakes", body })
}

pub(super) fn doubts(
    report: &Report,
    thumbnail: &mut dyn FnMut(usize) -> Option<Thumbnail>,
) -> Option<Section> {
    let chosen = choose(report, evaluate::least_sure_hits);
    let lead = "Right, but only just: more images like these would help most.";
    let body = gallery(report, &chosen, lead, thumbnail);
    (!chosen.is_empty()).then_some(Section { id: "doubts", title: "Least sure hits", body })
}

fn choose(report: &Report, by: fn(&[evaluate::Prediction], usize) -> Vec<usize>) -> Vec<usize> {
    let predictions: Vec<evaluate::Prediction> =
        report.images.iter().map(|image| image.prediction.clone()).collect();
    by(&predictions, SHOWN)
}

fn gallery(
    report: &Report,
    chosen: &[usize],
    lead: &str,
    thumbnail: &mut dyn FnMut(usize) -> Option<Thumbnail>,
) -> Markup {
    html! {
        p.lead { (lead) }
        ul.gallery { @for &index in chosen { (card(report, &report.images[index], thumbnail(index))) } }
    }
}

fn card(report: &Report, image: &Image, thumbnail: Option<Thumbnail>) -> Markup {
    let prediction = image.prediction;
    let is_wrong = prediction.is_correct() == Some(false);
    let alt = format!("image predicted as {}", report.metrics.classes[prediction.class()].name);
    html! {
        li {
            figure {
                div.frame {
                    @match thumbnail {
                        Some(thumbnail) => img src=(data_uri(&thumbnail)) alt=(alt) loading="lazy";,
                        None => span.missing { "no picture" }
                    }
                }
                figcaption {
                    p.said.miss[is_wrong].hit[!is_wrong] {
                        span.verdict { (name(report, prediction.class())) }
                        span.sure { (percent(prediction.confidence().into())) }
                    }
                    @if let Some(label) = prediction.label.filter(|_| is_wrong) { p.truth { "is " (name(report, label)) } }
                    @if let Some(&(class, p)) = prediction.top.get(1).filter(|_| !is_wrong) {
                        p.truth { "next " (name(report, class)) " " (percent(p.into())) }
                    }
                    p.path title=(image.path) { bdi { (image.path) } }
                }
            }
        }
    }
}

fn data_uri(Thumbnail { media_type, bytes }: &Thumbnail) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(bytes))
}
