//! Confidence against accuracy, and how many images there are of each confidence.

use maud::PreEscaped;
use plotters::prelude::*;

use super::{Area, Drawn, GRID, TEXT, Told, colour, plain, share, small_text};

const SIZE: (u32, u32) = (480, 400);
/// Of the height, for the counts below.
const COUNTS: u32 = 110;

/// The images of one range of confidence.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Dot {
    /// The range, from 0 to 1.
    pub range: (f64, f64),
    /// Their mean confidence.
    pub confidence: f64,
    /// The part of them that is right, and between what it may lie by chance.
    pub accuracy: f64,
    pub interval: (f64, f64),
    pub count: u64,
}

/// `before` are the same images before the confidences were corrected, if they were.
pub(in crate::report) fn reliability(dots: &[Dot], before: &[Dot], told: Told) -> PreEscaped<String> {
    plain(told, SIZE, |root| {
        let (above, below) = root.split_vertically(SIZE.1 - COUNTS);
        draw_accuracies(&above, dots, before)?;
        draw_counts(&below, dots)
    })
}

fn draw_accuracies(area: &Area, dots: &[Dot], before: &[Dot]) -> Drawn<()> {
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(14)
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
    let line = |dots: &[Dot]| dots.iter().map(|dot| (dot.confidence, dot.accuracy)).collect::<Vec<_>>();
    chart.draw_series(DashedLineSeries::new(line(before), 6, 4, then.stroke_width(2)))?;
    chart.draw_series(line(before).into_iter().map(|at| TriangleMarker::new(at, 5, then.filled())))?;
    chart.draw_series(dots.iter().map(|dot| {
        let ends = [(dot.confidence, dot.interval.0), (dot.confidence, dot.interval.1)];
        PathElement::new(ends, now.stroke_width(1))
    }))?;
    chart.draw_series(LineSeries::new(line(dots), now.stroke_width(2)))?;
    chart.draw_series(line(dots).into_iter().map(|at| Circle::new(at, 4, now.filled())))?;
    Ok(())
}

fn draw_counts(area: &Area, dots: &[Dot]) -> Drawn<()> {
    let most = dots.iter().map(|dot| dot.count).max().unwrap_or(0).max(1) as f64;
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_top(2)
        .margin_right(14)
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
    chart.draw_series(dots.iter().map(|dot| {
        let ((left, right), height) = (dot.range, dot.count as f64);
        let gap = 0.08 * (right - left);
        Rectangle::new([(left + gap, 0.0), (right - gap, height)], colour(0).filled())
    }))?;
    Ok(())
}
