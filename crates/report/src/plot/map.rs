//! The frame of a map, where its points lie in it, and what marks they can have.

use plotters::prelude::*;

use super::{GRID, PlotText, SERIES, drawing, small_text};

const SIZE: (u32, u32) = (480, 440);

/// Colours and shapes, each with the next of the other: so many marks differ.
pub(crate) const MARKS: usize = SERIES.len() * SHAPES;
const SHAPES: usize = 5;

/// How a class is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Number of the colour.
    pub series: usize,
    shape: usize,
}

impl Mark {
    /// That of the class with this place among those that have one of their own.
    pub(crate) fn of(place: usize) -> Self {
        Self { series: place % SERIES.len(), shape: place % SHAPES }
    }

    /// Its outline around a point, as the data of an SVG path.
    pub(crate) fn path(self, (x, y): (f64, f64)) -> String {
        match self.shape {
            0 => format!("M{:.1} {y:.1}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", x - 4.0),
            1 => format!("M{:.1} {:.1}h7v7h-7z", x - 3.5, y - 3.5),
            2 => format!("M{x:.1} {:.1}l5 8.6h-10z", y - 5.7),
            3 => format!("M{x:.1} {:.1}l5 5l-5 5l-5 -5z", y - 5.0),
            _ => format!("M{:.1} {:.1}h3v3h3v3h-3v3h-3v-3h-3v-3h3z", x - 1.5, y - 4.5),
        }
    }
}

/// An empty map.
pub(crate) struct Frame {
    /// The drawing, of which the end is still to be written: see [`Frame::with`].
    svg: String,
    /// Where each point lies in it.
    pub places: Vec<(f64, f64)>,
}

impl Frame {
    /// The drawing with `content` in it.
    pub(crate) fn with(&self, content: &str) -> String {
        let end = self.svg.rfind("</svg>").expect("a drawing ends");
        format!("{}{content}{}", &self.svg[..end], &self.svg[end..])
    }
}

/// A frame around `points`, of which only the positions to each other mean anything; `axes` says what the directions are,
/// if they are something.
pub(crate) fn frame(points: &[[f64; 2]], axes: Option<[&str; 2]>, told: PlotText) -> Frame {
    let (svg, places) = drawing(told, SIZE, |root| {
        let range = |axis: usize| {
            let values = || points.iter().map(|point| point[axis]);
            let (low, high) =
                (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
            // Room at the edges; and a range at all, where all lie on one line.
            let margin = ((high - low) * 0.05).max(1e-9);
            low - margin..high + margin
        };
        let mut builder = ChartBuilder::on(root);
        builder.margin(6);
        if axes.is_some() {
            builder.x_label_area_size(26).y_label_area_size(26);
        }
        let mut chart = builder.build_cartesian_2d(range(0), range(1))?;
        let [x, y] = axes.unwrap_or_default();
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(GRID)
            .axis_desc_style(small_text())
            .x_labels(0)
            .y_labels(0)
            .x_desc(x)
            .y_desc(y)
            .draw()?;
        let (across, down) = chart.plotting_area().get_pixel_range();
        let (x_range, y_range) = (range(0), range(1));
        let part =
            |value: f64, range: &std::ops::Range<f64>| (value - range.start) / (range.end - range.start);
        let place = |point: &[f64; 2]| {
            (
                f64::from(across.start) + part(point[0], &x_range) * f64::from(across.end - across.start),
                f64::from(down.end) - part(point[1], &y_range) * f64::from(down.end - down.start),
            )
        };
        Ok(points.iter().map(place).collect())
    });
    Frame { svg, places }
}
