//! Curves over the epochs, drawn with characters.

use super::console::Ink;

/// Of the drawing; four dots each in Braille.
const ROWS: usize = 8;
/// Wider says no more.
const MOST_COLUMNS: usize = 72;
/// Narrower says nothing.
const LEAST_COLUMNS: usize = 12;

/// A figure of each epoch, and what it is called.
pub struct Curve {
    pub name: &'static str,
    pub values: Vec<f64>,
}

/// The curves in one frame, each with its name at its end; nothing if there is no room, or no two epochs.
///
/// The first is solid, the second dashed (in ASCII they are made of other signs), so that colour is not all that
/// differs. `first` is the number of the first epoch.
pub fn draw(curves: &[Curve], first: usize, width: usize, ink: Ink) -> Option<String> {
    let values = || curves.iter().flat_map(|curve| curve.values.iter().copied());
    let epochs = curves.iter().map(|curve| curve.values.len()).max().filter(|&epochs| epochs > 1)?;
    if !values().all(f64::is_finite) {
        return None;
    }
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let scale = [figure(high), figure(low)];
    let margin = scale.iter().map(String::len).max().unwrap_or(0);
    let names = curves.iter().map(|curve| curve.name.len()).max().unwrap_or(0);
    // The axis and the spaces around it and before the names, and the last column, where a terminal may wrap.
    let columns = width.checked_sub(margin + names + 5).filter(|&columns| columns >= LEAST_COLUMNS)?;

    let mut canvas = Canvas::new(columns.min(MOST_COLUMNS), ink);
    let ends: Vec<usize> = curves
        .iter()
        .enumerate()
        .map(|(index, curve)| canvas.plot(index, curve, epochs, low, high))
        .collect();
    let labels = apart(&ends);

    let mut text = String::new();
    for row in 0..ROWS {
        let value = match row {
            0 => &*scale[0],
            _ if row == ROWS - 1 => &*scale[1],
            _ => "",
        };
        text += &format!("{value:>margin$} {} ", if ink.unicode { '│' } else { '|' });
        text += &canvas.row(row);
        for (index, _) in labels.iter().enumerate().filter(|&(_, &at)| at == row) {
            text += &format!(" {}", ink.paint(index, curves[index].name));
        }
        text = text.trim_end().to_owned() + "\n";
    }
    let (first, last) = (format!("epoch {first}"), (first + epochs - 1).to_string());
    let room = canvas.columns.saturating_sub(first.len());
    text += &format!("{:margin$}   {first}{last:>room$}\n", "");
    Some(text)
}

/// As short as it can be told.
fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        0.001..10_000.0 => format!("{value:.3}"),
        _ => format!("{value:.1e}"),
    }
}

/// Rows for the names: those of the curves' ends, but none twice.
fn apart(ends: &[usize]) -> Vec<usize> {
    let mut rows: Vec<usize> = Vec::new();
    for &end in ends {
        let free = (0..ROWS).filter(|row| !rows.contains(row)).min_by_key(|&row| row.abs_diff(end));
        rows.push(free.unwrap_or(end));
    }
    rows
}

/// Cells of dots: two by four in Braille, one in ASCII.
struct Canvas {
    columns: usize,
    ink: Ink,
    /// Bits of each cell's dots, and which curve was there last.
    cells: Vec<(u8, usize)>,
}

impl Canvas {
    fn new(columns: usize, ink: Ink) -> Self {
        Self { columns, ink, cells: vec![(0, 0); columns * ROWS] }
    }

    fn dots(&self) -> (usize, usize) {
        if self.ink.unicode { (2, 4) } else { (1, 1) }
    }

    /// Draw a curve from epoch to epoch; the row in which it ends.
    fn plot(&mut self, index: usize, curve: &Curve, epochs: usize, low: f64, high: f64) -> usize {
        let (wide, tall) = self.dots();
        let (right, bottom) = ((self.columns * wide - 1) as f64, (ROWS * tall - 1) as f64);
        let point = |(epoch, &value): (usize, &f64)| {
            let height = if high > low { (value - low) / (high - low) } else { 0.5 };
            (epoch as f64 / (epochs - 1) as f64 * right, (1.0 - height) * bottom)
        };
        let points: Vec<(f64, f64)> = curve.values.iter().enumerate().map(point).collect();
        for pair in points.windows(2) {
            let [(x, y), (to_x, to_y)] = [pair[0], pair[1]];
            let steps = (to_x - x).abs().max((to_y - y).abs()).ceil().max(1.0);
            for step in 0..=steps as usize {
                let part = step as f64 / steps;
                let dot = |from: f64, to: f64| (from + part * (to - from)).round() as usize;
                self.dot(index, dot(x, to_x), dot(y, to_y));
            }
        }
        points.last().map_or(0, |&(_, y)| y.round() as usize / tall)
    }

    fn dot(&mut self, index: usize, x: usize, y: usize) {
        /// Bits of the dots of a Braille cell, by row and column.
        const BRAILLE: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        let (wide, tall) = self.dots();
        let is_gap = index > 0 && self.ink.unicode && (x / 2) % 2 == 1;
        if !is_gap {
            let (bits, owner) = &mut self.cells[y / tall * self.columns + x / wide];
            *bits |= BRAILLE[y % tall][x % wide];
            *owner = index;
        }
    }

    fn row(&self, row: usize) -> String {
        let cells = &self.cells[row * self.columns..][..self.columns];
        let sign = |&(bits, owner): &(u8, usize)| match (bits, self.ink.unicode) {
            (0, _) => " ".to_owned(),
            (_, true) => {
                let sign = char::from_u32(0x2800 + u32::from(bits)).expect("256 Braille patterns from here");
                self.ink.paint(owner, &sign.to_string())
            }
            (_, false) => self.ink.paint(owner, ["*", "o"][owner % 2]),
        };
        cells.iter().map(sign).collect()
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    const PLAIN: Ink = Ink { unicode: false, colour: false };
    const BRAILLE: Ink = Ink { unicode: true, colour: false };

    fn loss(values: &[f64]) -> Curve {
        Curve { name: "loss", values: values.into() }
    }

    fn training(epochs: usize) -> [Curve; 2] {
        let falling = |rate: f64, floor: f64| {
            (0..epochs).map(|epoch| 2.3 * (-rate * epoch as f64).exp() + floor).collect()
        };
        [
            Curve { name: "loss", values: falling(0.2, 0.1) },
            Curve { name: "val_loss", values: falling(0.3, 0.6) },
        ]
    }

    #[test]
    fn a_straight_line_by_hand() {
        // Fifteen columns: two to each epoch, and the last.
        let text = draw(&[loss(&[0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])], 1, 29, PLAIN).unwrap();
        let want = "\
0.800 | *
      |  **
      |    **
      |      **
      |        **
      |          **
      |            **
0.100 |              ** loss
        epoch 1       8
";
        assert_eq!(text, want, "{text}");
    }

    #[test]
    fn braille_by_hand() {
        let text = draw(&[loss(&[1.0, 0.0])], 7, 30, BRAILLE).unwrap();
        let rows: Vec<&str> = text.lines().collect();
        // 32 dots wide and 32 high: from corner to corner, four cells of two dots a row.
        assert!(rows[0].starts_with("1.000 │ ⠑⢄"), "{text}");
        assert!(rows[7].ends_with("⠑⢄ loss"), "{text}");
        assert_eq!(rows[8], "        epoch 7        8");
    }

    #[test]
    fn every_width_is_kept_and_both_curves_are_named() {
        for ink in [PLAIN, BRAILLE] {
            for width in [34, 40, 80, 200] {
                for epochs in [2, 3, 50, 1000] {
                    let text = draw(&training(epochs), 1, width, ink).unwrap();
                    assert!(text.lines().all(|line| line.width() < width), "{width}\n{text}");
                    assert_eq!(text.lines().count(), ROWS + 1);
                    assert_eq!(text.matches(" loss").count(), 1, "{text}");
                    assert_eq!(text.matches(" val_loss").count(), 1, "{text}");
                }
            }
        }
    }

    #[test]
    fn curves_that_end_together_have_their_names_apart() {
        let same = [loss(&[1.0, 0.5]), Curve { name: "val_loss", values: vec![0.9, 0.5] }];
        let text = draw(&same, 1, 60, PLAIN).unwrap();
        assert!(text.lines().nth(7).unwrap().ends_with(" loss"), "{text}");
        assert!(text.lines().nth(6).unwrap().ends_with(" val_loss"), "{text}");
    }

    #[test]
    fn the_second_curve_differs_without_colour() {
        let flat = |name, value| Curve { name, values: vec![value, value] };
        let both = [flat("loss", 0.0), flat("val_loss", 1.0)];
        let plain = draw(&both, 1, 60, PLAIN).unwrap();
        assert!(plain.lines().next().unwrap().contains("ooooo"), "{plain}");
        assert!(plain.lines().nth(7).unwrap().contains("*****"), "{plain}");
        let braille = draw(&both, 1, 60, BRAILLE).unwrap();
        assert!(braille.lines().next().unwrap().contains("⠉ ⠉ ⠉ "), "{braille}");
        assert!(braille.lines().nth(7).unwrap().contains("⣀⣀⣀⣀"), "{braille}");
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        assert!(draw(&[loss(&[1.0])], 1, 80, BRAILLE).is_none(), "one epoch is no curve");
        assert!(draw(&[loss(&[])], 1, 80, BRAILLE).is_none());
        assert!(draw(&[loss(&[1.0, f64::NAN])], 1, 80, BRAILLE).is_none());
        assert!(draw(&[loss(&[1.0, 0.5])], 1, 20, BRAILLE).is_none());
        assert!(draw(&[loss(&[1.0, 0.5])], 1, 0, BRAILLE).is_none());
        let flat = draw(&[loss(&[0.5, 0.5])], 1, 80, BRAILLE).unwrap();
        assert!(flat.contains("0.500 │"), "{flat}");
    }

    #[test]
    fn colours_come_only_where_they_are_wanted() {
        let coloured = draw(&training(9), 1, 80, Ink { unicode: true, colour: true }).unwrap();
        assert!(coloured.contains("\x1b[34m") && coloured.contains("\x1b[33m"));
        assert!(!draw(&training(9), 1, 80, BRAILLE).unwrap().contains('\x1b'));
    }
}
