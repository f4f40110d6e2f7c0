//! Where images lie by their features.

use std::collections::HashMap;

use maud::{Markup, PreEscaped, html};

use super::gallery::data_uri;
use super::{Section, Thumbnails, View};
use crate::plot::{self, MARKS, Mark, PlotText};
use crate::{Image, Map, percent};
use headstart_base::text::{counted, grouped};

/// Pixels of a thumbnail's longer edge: there may be hundreds of them.
const EDGE: usize = 72;
/// Classes with a mark of their own, if not all can have one.
const OWN_MARK: usize = 24;
/// Up to so many classes, their names stand on the map.
const NAMED: usize = 20;

pub(super) fn section(view: &View, thumbnail: Thumbnails) -> Option<Section> {
    let body = match view.evaluation.map? {
        Err(reason) => html! { p.lead { (reason) } },
        Ok(map) => {
            let marks = Marks::new(view, &map);
            html! {
                (lead(view, &map))
                div.map {
                    div.plots {
                        @if let Some(points) = map.tsne { (tsne(view, &map, points, &marks)) }
                        (pca(view, &map, &marks))
                    }
                    (marks.legend(view))
                    (list(view, &map, thumbnail))
                }
            }
        }
    };
    Some(view.section("map", "Map of the images", body))
}

fn lead(view: &View, map: &Map) -> Markup {
    let all = view.evaluation.images.len();
    html! {
        p.lead {
            "Each mark is an image. Images that the network finds alike are near each other; the network was not trained on "
            "these classes. Classes that lie apart are easy to tell; a mark in the midst of another class is a hard image, or a wrong "
            "label. A mark with a ring is a mistake of the classifier. "
            @if map.images.len() < all {
                (grouped(map.images.len() as u64)) " of " (counted(all as u64, "image")) " are shown, chosen by chance."
            }
        }
        p.note.scripted hidden {
            "Point at a mark to see its image, or go to the map with the Tab key and from image to image with the arrow keys."
        }
    }
}

fn tsne(view: &View, map: &Map, points: &[[f64; 2]], marks: &Marks) -> Markup {
    let id = view.id("tsne");
    let description = format!(
        "{} as t-SNE places them; every one is in the list below",
        counted(points.len() as u64, "image")
    );
    let told = PlotText { id: &id, title: "Neighbourhoods of the images", description: &description };
    let caption = html! {
        span.title { "Neighbourhoods" }
        span.note { "t-SNE: near marks are similar images; distances between groups mean little" }
    };
    figure(view, map, points, None, told, caption, marks)
}

fn pca(view: &View, map: &Map, marks: &Marks) -> Markup {
    let id = view.id("pca");
    let [first, second] = map.explained.map(percent);
    let description = format!(
        "{} in the first two principal components of their features; every one is in the list below",
        counted(map.pca.len() as u64, "image")
    );
    let told = PlotText { id: &id, title: "Main directions of the images", description: &description };
    let axes = [format!("first component, {first} of the variance"), format!("second component, {second}")];
    let caption = html! {
        span.title { "Main directions" }
        span.note { "PCA: the two directions in which images differ most" }
    };
    figure(view, map, map.pca, Some([&axes[0], &axes[1]]), told, caption, marks)
}

fn figure(
    view: &View,
    map: &Map,
    points: &[[f64; 2]],
    axes: Option<[&str; 2]>,
    told: PlotText,
    caption: Markup,
    marks: &Marks,
) -> Markup {
    let frame = plot::frame(points, axes, told);
    let images = || map.images.iter().map(|&image| &view.evaluation.images[image]);
    let content = html! {
        g.points {
            @for (image, &place) in images().zip(&frame.places) {
                @let (mark, class) = marks.of(image);
                path class=(format!("{class}{}", if image.prediction.is_correct() == Some(false) { " wrong" } else { "" }))
                    d=(mark.path(place)) {}
            }
        }
        (names(view, map, &frame.places))
    };
    html! { figure.plot { figcaption { (caption) } (PreEscaped(frame.with(&content.into_string()))) } }
}

/// Each class at the median of its images; above it if these are so few that the name would hide them.
fn names(view: &View, map: &Map, places: &[(f64, f64)]) -> Markup {
    const FEW: usize = 5;
    const ABOVE: f64 = 9.0;
    let classes = view.report.classes.len();
    let middle = |class: usize| {
        let own =
            map.images.iter().zip(places).filter(|(image, _)| shown_class(view, **image) == Some(class));
        let (mut across, mut down): (Vec<f64>, Vec<f64>) = own.map(|(_, &place)| place).unzip();
        across.sort_by(f64::total_cmp);
        down.sort_by(f64::total_cmp);
        let (x, y) = (*across.get(across.len() / 2)?, *down.get(down.len() / 2)?);
        Some((x, if down.len() < FEW { (y - ABOVE).max(14.0) } else { y }))
    };
    html! {
        @if classes <= NAMED {
            g.names aria-hidden="true" {
                @for class in 0..classes {
                    @if let Some((x, y)) = middle(class) {
                        text x=(format!("{x:.1}")) y=(format!("{y:.1}")) text-anchor="middle" { (view.classes.mark.text(class)) }
                    }
                }
            }
        }
    }
}

fn shown_class(view: &View, image: usize) -> Option<usize> {
    view.evaluation.images[image].prediction.label
}

/// Which class is drawn how.
struct Marks {
    /// Places among the classes that have a mark, the most frequent first if not all have one.
    places: HashMap<usize, usize>,
    /// Whether some image has none of these.
    has_others: bool,
}

impl Marks {
    fn new(view: &View, map: &Map) -> Self {
        let mut counts = vec![0usize; view.report.classes.len()];
        let labels = || map.images.iter().map(|&image| shown_class(view, image));
        labels().flatten().for_each(|class| counts[class] += 1);
        let mut present: Vec<usize> = (0..counts.len()).filter(|&class| counts[class] > 0).collect();
        if present.len() > MARKS {
            present.sort_by_key(|&class| std::cmp::Reverse(counts[class]));
            present.truncate(OWN_MARK);
        }
        let places: HashMap<usize, usize> =
            present.into_iter().enumerate().map(|(place, class)| (class, place)).collect();
        let has_others = labels().any(|class| class.is_none_or(|class| !places.contains_key(&class)));
        Self { places, has_others }
    }

    /// How an image is drawn, and the words by which the page's style and script know it.
    fn of(&self, image: &Image) -> (Mark, String) {
        match image.prediction.label.and_then(|class| self.places.get(&class)) {
            Some(&place) => (Mark::of(place), format!("s{} k{place}", Mark::of(place).series)),
            None => (Mark::of(0), format!("other k{}", self.places.len())),
        }
    }

    fn legend(&self, view: &View) -> Markup {
        let mut classes: Vec<(usize, usize)> =
            self.places.iter().map(|(&class, &place)| (place, class)).collect();
        classes.sort_unstable();
        let swatch = |class: &str, mark: Mark| {
            html! { svg viewBox="-7 -7 14 14" aria-hidden="true" { path class=(class) d=(mark.path((0.0, 0.0))) {} } }
        };
        html! {
            ul.marks aria-label="Classes on the map" {
                @for (place, class) in classes {
                    @let mark = Mark::of(place);
                    li data-mark=(format!("k{place}")) { (swatch(&format!("s{}", mark.series), mark)) (view.short_name(class)) }
                }
                @if self.has_others {
                    li data-mark=(format!("k{}", self.places.len())) { (swatch("other", Mark::of(0))) "no label, or another class" }
                }
            }
        }
    }
}

/// The images in order, for those who read, and for the script to take from.
fn list(view: &View, map: &Map, thumbnail: Thumbnails) -> Markup {
    html! {
        details {
            summary { "The " (counted(map.images.len() as u64, "image")) " of the map" }
            ol.sheet {
                @for &index in map.images {
                    @let image = &view.evaluation.images[index];
                    li {
                        @match thumbnail(image.file, EDGE) {
                            Some(small) => img src=(data_uri(&small)) alt="" loading="lazy";,
                            None => span.missing { "no picture" }
                        }
                        span.what { (what(view, image)) span.path { (view.paths.show(index)) } }
                    }
                }
            }
        }
    }
}

fn what(view: &View, image: &Image) -> Markup {
    let prediction = image.prediction;
    let sure = percent(prediction.confidence().into());
    html! {
        @match (prediction.label, prediction.is_correct()) {
            (Some(label), Some(true)) => { (view.short_name(label)) " " (sure) ", " },
            (Some(label), _) => { (view.short_name(label)) ", predicted as " (view.short_name(prediction.class())) " " (sure) ", " },
            (None, _) => { "no label, predicted as " (view.short_name(prediction.class())) " " (sure) ", " },
        }
    }
}
