//! Confidence against accuracy, and how many images there are of each confidence.

use maud::PreEscaped;
use plotters::prelude::*;

use super::{Area, Drawn, GRID, MARGIN_RIGHT, PlotText, TEXT, colour, plain, share, small_text};

const SIZE: (u32, u32) = (480, 400);
/// Of the height, for the counts below.
const COUNTS: u32 = 110;

/// Radius in pixels of the point that stands for the most images, and of the smallest.
const RADII: (f64, f64) = (7.0, 3.0);

/// Images of nearly the same confidence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dot {
    /// Their mean confidence.
    pub confidence: f64,
    /// The part of them that is right, and between what it may lie by chance.
    pub accuracy: f64,
    pub interval: (f64, f64),
    pub count: u64,
}

/// How many images a range of confidence has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bar {
    /// The range, from 0 to 1.
    pub range: (f64, f64),
    pub count: u64,
}

/// `before` are the same images before the confidences were corrected, if they were.
pub(crate) fn reliability(dots: &[Dot], before: &[Dot], bars: &[Bar], told: PlotText) -> PreEscaped<String> {
    plain(told, SIZE, |root| {
        let (above, below) = root.split_vertically(SIZE.1 - COUNTS);
        draw_accuracies(&above, dots, before)?;
        draw_counts(&below, bars)
    })
}

fn draw_accuracies(area: &Area, dots: &[Dot], before: &[Dot]) -> Drawn<()> {
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(MARGIN_RIGHT)
        .x_label_area_size(22)
        .y_label_area_size(54)
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .label_style(small_text())
        .axis_desc_style(small_text())
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&share)
        .y_label_formatter(&share)
        .y_desc("right")
        .draw()?;
    chart.draw_series(DashedLineSeries::new([(0.0, 0.0), (1.0, 1.0)], 3, 4, TEXT.stroke_width(1)))?;

    let (now, then) = (colour(0), colour(1));
    let most = dots.iter().chain(before).map(|dot| dot.count).max().unwrap_or(1) as f64;
    // The area goes with the number of images.
    let radius = |dot: &Dot| (RADII.0 * (dot.count as f64 / most).sqrt()).max(RADII.1).round() as u32;
    // No line from point to point: what lies between them is not known, and chance would draw a zigzag.
    chart.draw_series(
        before
            .iter()
            .map(|dot| TriangleMarker::new((dot.confidence, dot.accuracy), radius(dot) + 1, then.filled())),
    )?;
    chart.draw_series(dots.iter().map(|dot| {
        let ends = [(dot.confidence, dot.interval.0), (dot.confidence, dot.interval.1)];
        PathElement::new(ends, now.stroke_width(1))
    }))?;
    chart.draw_series(
        dots.iter().map(|dot| Circle::new((dot.confidence, dot.accuracy), radius(dot), now.filled())),
    )?;
    Ok(())
}

fn draw_counts(area: &Area, bars: &[Bar]) -> Drawn<()> {
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0).max(1) as f64;
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_top(2)
        .margin_right(MARGIN_RIGHT)
        .x_label_area_size(40)
        .y_label_area_size(54)
        .build_cartesian_2d(0.0..1.0, 0.0..most * 1.05)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(GRID)
        .label_style(small_text())
        .axis_desc_style(small_text())
        .x_labels(6)
        .y_labels(2)
        .x_label_formatter(&share)
        .y_label_formatter(&|count| format!("{count:.0}"))
        .x_desc("confidence")
        .y_desc("images")
        .draw()?;
    chart.draw_series(bars.iter().filter(|bar| bar.count > 0).map(|bar| {
        let ((left, right), height) = (bar.range, bar.count as f64);
        let gap = 0.08 * (right - left);
        Rectangle::new([(left + gap, 0.0), (right - gap, height)], colour(0).filled())
    }))?;
    Ok(())
}
