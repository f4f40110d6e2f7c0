//! Line plots as SVG.
//!
//! The plotting crate writes colours into the drawing. The page's style sheet finds them there and puts those of the
//! reader's scheme in their place, so the constants here and `style.css` belong together.

use plotters::prelude::*;

/// The first line: `--blue` on the page.
const FIRST: RGBColor = RGBColor(0, 114, 178);
/// The second line: `--orange` on the page.
const SECOND: RGBColor = RGBColor(213, 94, 0);
/// Text and axes: `--muted` on the page.
const TEXT: RGBColor = RGBColor(85, 85, 85);
/// Lines across the plot: `--rule` on the page.
const GRID: RGBColor = RGBColor(221, 221, 221);

const SIZE: (u32, u32) = (480, 260);

/// A line: its points from left to right.
pub(super) struct Line {
    pub points: Vec<(f64, f64)>,
    /// The first line is blue and solid, the second orange and dashed, so that colour is not all that differs.
    pub is_second: bool,
}

/// Lines over epochs.
///
/// `label` is read out instead of the drawing. `ceiling` ends the vertical axis where values cannot lie above.
pub(super) fn lines(lines: &[Line], label: &str, ceiling: Option<f64>) -> String {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&root, lines, ceiling).expect("drawing to memory cannot fail");
    }
    let label = maud::html! { (label) }.into_string();
    svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{label}\" "), 1)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw(root: &Area, lines: &[Line], ceiling: Option<f64>) -> Result<(), Box<dyn std::error::Error>> {
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
        .margin_right(14)
        .x_label_area_size(34)
        .y_label_area_size(46)
        .build_cartesian_2d(1.0..last, heights)?;
    let style = ("sans-serif", 12).into_font().color(&TEXT);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .label_style(style.clone())
        .axis_desc_style(style)
        .x_desc("epoch")
        .x_labels(8)
        .y_labels(5)
        .x_label_formatter(&|epoch| if epoch.fract() == 0.0 { format!("{epoch}") } else { String::new() })
        .y_label_formatter(&move |&height| match ceiling {
            Some(_) => format!("{:.0}%", 100.0 * height),
            None => format!("{}", (height * 1e6).round() / 1e6),
        })
        .draw()?;

    for line in lines {
        let colour = if line.is_second { SECOND } else { FIRST };
        let style = colour.stroke_width(2);
        let points = line.points.iter().copied();
        if line.is_second {
            chart.draw_series(DashedLineSeries::new(points, 6, 4, style))?;
        } else {
            chart.draw_series(LineSeries::new(points, style))?;
        }
        // Where training ended; and all there is of a single epoch.
        chart.draw_series(line.points.last().map(|&point| Circle::new(point, 4, colour.filled())))?;
    }
    root.present()?;
    Ok(())
}
