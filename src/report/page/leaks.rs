//! Images that are in training and in the test.

use std::collections::HashSet;

use maud::{Markup, html};

use super::gallery::{frame, picture};
use super::{Section, Thumbnails, View, isolated};
use crate::report::{Leak, Leaks};
use crate::text::grouped;

/// Pairs with pictures.
const SHOWN: usize = 12;

pub(super) fn section(view: &View, thumbnail: Thumbnails) -> Option<Section> {
    let body = match view.evaluation.leaks? {
        Err(reason) => html! { p.lead { (reason) } },
        Ok(leaks) => html! {
            (summary(view, &leaks))
            @if !leaks.pairs.is_empty() {
                ul.pairs-seen { @for leak in leaks.pairs.iter().take(SHOWN) { (pair(view, leak, thumbnail)) } }
            }
            @if leaks.pairs.len() > SHOWN {
                p.note { "The first " (SHOWN) " of " (grouped(leaks.pairs.len() as u64)) " pairs are shown." }
            }
        },
    };
    Some(view.section("leaks", "Training images in the test", body))
}

fn summary(view: &View, leaks: &Leaks) -> Markup {
    let images = |identical: bool| {
        let found = leaks.pairs.iter().filter(|leak| leak.identical == identical);
        found.map(|leak| leak.image).collect::<HashSet<_>>()
    };
    let same = images(true);
    let near = images(false).difference(&same).count() as u64;
    let differ = leaks.pairs.iter().filter(|leak| is_relabelled(view, leak)).count() as u64;
    let all = view.evaluation.images.len() as u64;
    html! {
        p.lead {
            "What a classifier learnt from tells nothing about images that it has not seen. Each of the " (grouped(all))
            " images was compared with the " (grouped(leaks.training as u64)) " that it was trained on: "
            strong { (grouped(same.len() as u64)) } " are the same file"
            @match leaks.threshold {
                Some(threshold) => { ", " strong { (grouped(near)) } " more look nearly the same (cosine of the features " (threshold) " or more)." }
                None => { ". Nearly the same pictures were not looked for: there are too many images for a report." }
            }
            @if differ > 0 { " Of the pairs, " strong { (grouped(differ)) } " bear different labels: one of them is wrong." }
        }
    }
}

fn is_relabelled(view: &View, leak: &Leak) -> bool {
    view.evaluation.images[leak.image].prediction.label.is_some_and(|label| label != leak.label)
}

fn pair(view: &View, leak: &Leak, thumbnail: Thumbnails) -> Markup {
    let image = &view.evaluation.images[leak.image];
    let what = if leak.identical { "the same file".to_owned() } else { format!("cosine {:.3}", leak.cosine) };
    html! {
        li {
            p.kind { (what) @if is_relabelled(view, leak) { ", " strong { "different labels" } } }
            div.both {
                (side(view, "test", image.prediction.label, image.path, frame(picture(image.file, thumbnail), "evaluated image")))
                (side(view, "training", Some(leak.label), leak.path, frame(picture(leak.file, thumbnail), "training image")))
            }
        }
    }
}

fn side(view: &View, part: &str, label: Option<usize>, path: &str, picture: Markup) -> Markup {
    html! {
        figure {
            (picture)
            figcaption {
                p.truth { (part) ": " @if let Some(label) = label { (view.name(label)) } @else { "no label" } }
                p.path title=(path) { (isolated(path, 200)) }
            }
        }
    }
}
