//! Images that are in training and in the test.

use std::collections::HashSet;

use maud::{Markup, html};

use super::gallery::{frame, picture};
use super::{PATH, Section, Thumbnails, View};
use crate::names::Names;
use crate::{Leak, Leaks};
use headstart_base::text::{counted, grouped};

/// Pairs with pictures.
const SHOWN: usize = 12;

pub(super) fn section(view: &View, thumbnail: Thumbnails) -> Option<Section> {
    let body = match view.evaluation.leaks? {
        Err(reason) => html! { p.lead { (reason) } },
        Ok(leaks) => {
            let shown = &leaks.pairs[..leaks.pairs.len().min(SHOWN)];
            // Both sides together, for a pair may be two files that differ in their folders alone.
            let sides = shown.iter().flat_map(|leak| [view.evaluation.images[leak.image].path, leak.path]);
            let paths = Names::of_paths(sides, PATH);
            html! {
                (summary(view, &leaks))
                @if !shown.is_empty() {
                    ul.pairs-seen {
                        @for (place, leak) in shown.iter().enumerate() {
                            (pair(view, leak, [0, 1].map(|side| super::path(&paths, 2 * place + side)), thumbnail))
                        }
                    }
                }
                @if leaks.pairs.len() > SHOWN {
                    p.note { "The first " (SHOWN) " of " (grouped(leaks.pairs.len() as u64)) " pairs are shown." }
                }
            }
        }
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
            "Images that a classifier was trained on do not show how good it is on new ones. "
            (counted(all, "image")) @if all == 1 { " was" } @else { " were" } " compared with the "
            (grouped(leaks.training as u64)) " that it was trained on: " strong { (grouped(same.len() as u64)) }
            @if same.len() == 1 { " is" } @else { " are" } " the same file"
            @match leaks.threshold {
                Some(threshold) => {
                    ", " strong { (grouped(near)) } " more " @if near == 1 { "looks" } @else { "look" }
                    " nearly the same (cosine of the features " (threshold) " or more)."
                }
                None => { ". Nearly the same pictures were not searched for: there are too many images for a report." }
            }
            @if differ > 0 {
                " " strong { (counted(differ, "pair")) } @if differ == 1 { " has" } @else { " have" }
                " two different labels: one of the two is wrong."
            }
        }
    }
}

fn is_relabelled(view: &View, leak: &Leak) -> bool {
    view.evaluation.images[leak.image].prediction.label.is_some_and(|label| label != leak.label)
}

fn pair(view: &View, leak: &Leak, [test, training]: [Markup; 2], thumbnail: Thumbnails) -> Markup {
    let image = &view.evaluation.images[leak.image];
    let what = if leak.identical { "the same file".to_owned() } else { format!("cosine {:.3}", leak.cosine) };
    html! {
        li {
            p.kind { (what) @if is_relabelled(view, leak) { ", " strong { "different labels" } } }
            div.both {
                (side(view, "test", image.prediction.label, test, frame(picture(image.file, thumbnail), "evaluated image")))
                (side(view, "training", Some(leak.label), training, frame(picture(leak.file, thumbnail), "training image")))
            }
        }
    }
}

fn side(view: &View, part: &str, label: Option<usize>, path: Markup, picture: Markup) -> Markup {
    html! {
        figure {
            (picture)
            figcaption {
                p.truth { (part) ": " @if let Some(label) = label { (view.short_name(label)) } @else { "no label" } }
                (path)
            }
        }
    }
}
