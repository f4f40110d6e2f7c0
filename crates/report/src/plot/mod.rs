//! Plots as SVG.
//!
//! The plotting crate writes colours into the drawing. The page's style sheet finds them there and puts those of the
//! reader's scheme in their place, so the constants here and `style.css` belong together.

mod intervals;
mod lines;
mod map;
mod reliability;

use maud::{PreEscaped, html};
use plotters::coord::Shift;
use plotters::prelude::*;

pub(super) use intervals::{Whisker, intervals};
pub(super) use lines::{Line, lines};
pub(super) use map::{MARKS, Mark, frame};
pub(super) use reliability::{Bar, Dot, reliability};

/// What lines and marks are drawn with, told apart by every kind of colour vision (after Okabe and Ito, and Tol):
/// `--series-0` to `--series-7` on the page.
const SERIES: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 142, 103),
    RGBColor(190, 95, 150),
    RGBColor(160, 110, 0),
    RGBColor(51, 34, 136),
    RGBColor(136, 34, 85),
    RGBColor(90, 90, 90),
];
/// Text and axes: `--muted` on the page.
const TEXT: RGBColor = RGBColor(85, 85, 85);
/// Pixels to the right of an axis: the last label is as wide as `100%`, half of it beyond the axis, and larger on a phone.
const MARGIN_RIGHT: u32 = 26;
/// Lines across the plot: `--rule` on the page.
const GRID: RGBColor = RGBColor(221, 221, 221);

/// What a plot is called and what is read out instead of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlotText<'a> {
    /// An id that nothing else on the page has.
    pub id: &'a str,
    pub title: &'a str,
    pub description: &'a str,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<T> = Result<T, Box<dyn std::error::Error>>;

/// A drawing of this size with a name and a description, and what `draw` makes of it.
fn drawing<T>(told: PlotText, size: (u32, u32), draw: impl FnOnce(&Area) -> Drawn<T>) -> (String, T) {
    let mut svg = String::new();
    let result = {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let result = draw(&root).expect("drawing to memory cannot fail");
        root.present().expect("drawing to memory cannot fail");
        result
    };
    let PlotText { id, title, description } = told;
    let attributes = format!("<svg role=\"img\" aria-labelledby=\"{id}-title {id}-text\" ");
    let names = html! { title id={ (id) "-title" } { (title) } desc id={ (id) "-text" } { (description) } };
    let svg = svg.replacen("<svg ", &attributes, 1).replacen('>', &format!(">{}", names.into_string()), 1);
    (svg, result)
}

/// The same without anything but the picture.
fn plain(told: PlotText, size: (u32, u32), draw: impl FnOnce(&Area) -> Drawn<()>) -> PreEscaped<String> {
    PreEscaped(drawing(told, size, draw).0)
}

/// The colour of a series; there are as many as colours, then they come again.
fn colour(series: usize) -> RGBColor {
    SERIES[series % SERIES.len()]
}

fn small_text() -> TextStyle<'static> {
    ("sans-serif", 12).into_font().color(&TEXT)
}

/// A share of one as an axis names it.
fn share(value: &f64) -> String {
    format!("{:.0}%", 100.0 * value)
}
