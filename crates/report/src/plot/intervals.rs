//! Figures with their intervals, one below the other.

use maud::PreEscaped;
use plotters::prelude::*;

use super::{Drawn, GRID, MARGIN_RIGHT, PlotText, colour, plain, share, small_text};

const WIDTH: u32 = 480;
const ROW: u32 = 26;

/// A figure from 0 to 1, and from where to where it may lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whisker {
    pub value: f64,
    pub interval: Option<[f64; 2]>,
    pub series: usize,
}

/// A row for each, the first on top; names stand beside the drawing.
pub(crate) fn intervals(rows: &[Whisker], told: PlotText) -> PreEscaped<String> {
    let size = (WIDTH, ROW * rows.len() as u32 + 40);
    plain(told, size, |root| {
        let ends = |row: &Whisker| row.interval.map_or([row.value, row.value], |ends| ends);
        let lowest = rows.iter().map(|row| ends(row)[0]).fold(1.0, f64::min);
        let highest = rows.iter().map(|row| ends(row)[1]).fold(0.0, f64::max);
        let (low, high) = ((lowest * 20.0).floor() / 20.0, (highest * 20.0).ceil() / 20.0);
        let (low, high) = ((low - 0.0).max(0.0), high.max(low + 0.05));
        draw(root, rows, (low, high))
    })
}

fn draw(root: &super::Area, rows: &[Whisker], (low, high): (f64, f64)) -> Drawn<()> {
    let count = rows.len() as f64;
    let mut chart = ChartBuilder::on(root)
        .margin(4)
        .margin_left(MARGIN_RIGHT)
        .margin_right(MARGIN_RIGHT)
        .x_label_area_size(30)
        .build_cartesian_2d(low..high, 0.0..count)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .label_style(small_text())
        .x_labels(6)
        .x_label_formatter(&share)
        .draw()?;
    for (place, row) in rows.iter().enumerate() {
        let height = count - place as f64 - 0.5;
        let colour = colour(row.series);
        if let Some([from, to]) = row.interval {
            let line = [(from, height), (to, height)];
            chart.draw_series([PathElement::new(line, colour.stroke_width(2))])?;
            let ticks = [from, to].map(|end| [(end, height - 0.18), (end, height + 0.18)]);
            chart.draw_series(ticks.map(|tick| PathElement::new(tick, colour.stroke_width(2))))?;
        }
        chart.draw_series([Circle::new((row.value, height), 5, colour.filled())])?;
    }
    Ok(())
}
