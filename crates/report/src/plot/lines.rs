//! Lines over epochs.

use maud::PreEscaped;
use plotters::prelude::*;

use super::{Area, Drawn, GRID, MARGIN_RIGHT, PlotText, colour, plain, share, small_text};

const SIZE: (u32, u32) = (480, 260);

/// A line: its points from left to right.
pub(crate) struct Line {
    pub points: Vec<(f64, f64)>,
    /// Which of several it is: each has a colour and a dash of its own, so that colour is not all that differs.
    pub series: usize,
}

/// Lines over epochs. `ceiling` ends the vertical axis where values cannot lie above.
pub(crate) fn lines(lines: &[Line], told: PlotText, ceiling: Option<f64>) -> PreEscaped<String> {
    plain(told, SIZE, |root| draw(root, lines, ceiling))
}

fn draw(root: &Area, lines: &[Line], ceiling: Option<f64>) -> Drawn<()> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let last = points().map(|point| point.0).fold(2.0, f64::max);
    let lowest = points().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let highest = points().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    // A loss starts at zero; an accuracy ends at one, and begins at the tenth below the lowest.
    let heights = match ceiling {
        Some(ceiling) => ((lowest * 10.0).floor() / 10.0).min(ceiling - 0.1).max(0.0)..ceiling,
        None => 0.0..(highest * 1.08).max(1e-6),
    };

    let mut chart = ChartBuilder::on(root)
        .margin(8)
        .margin_right(MARGIN_RIGHT)
        .x_label_area_size(40)
        .y_label_area_size(46)
        .build_cartesian_2d(1.0..last, heights)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .label_style(small_text())
        .axis_desc_style(small_text())
        .x_desc("epoch")
        .x_labels(8)
        .y_labels(5)
        .x_label_formatter(&|epoch| if epoch.fract() == 0.0 { format!("{epoch}") } else { String::new() })
        .y_label_formatter(&move |height| match ceiling {
            Some(_) => share(height),
            None => format!("{}", (height * 1e6).round() / 1e6),
        })
        .draw()?;

    for line in lines {
        let colour = colour(line.series);
        let style = colour.stroke_width(2);
        let points = line.points.iter().copied();
        match dash(line.series) {
            None => chart.draw_series(LineSeries::new(points, style))?,
            Some((dash, gap)) => chart.draw_series(DashedLineSeries::new(points, dash, gap, style))?,
        };
        // Where training ended; and all there is of a single epoch.
        chart.draw_series(line.points.last().map(|&point| Circle::new(point, 4, colour.filled())))?;
    }
    Ok(())
}

/// Long, short and dotted by turns; the first is solid.
fn dash(series: usize) -> Option<(u32, u32)> {
    [None, Some((6, 4)), Some((2, 4)), Some((12, 4))][series % 4]
}
