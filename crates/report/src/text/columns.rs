//! Cells in columns.

use unicode_width::UnicodeWidthStr;

use super::{clean, cut, left};

/// Where the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Numbers, so that digits stand under each other.
    Right,
}

/// Rows of cells: each column as wide as its widest cell, two spaces before the next, the last cut to what is left of
/// `width`.
///
/// # Panics
/// If a row has another number of cells than there are sides.
pub fn columns(rows: &[Vec<String>], sides: &[Side], width: usize) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| clean(cell)).collect()).collect();
    assert!(rows.iter().all(|row| row.len() == sides.len()), "a cell for each column");
    let mut widths: Vec<usize> = (0..sides.len())
        .map(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or(0))
        .collect();
    if let Some((last, others)) = widths.split_last_mut() {
        let taken: usize = others.iter().map(|width| width + 2).sum();
        // A few letters even where there is no room: a line that wraps is better than one that says nothing.
        *last = (*last).min(width.saturating_sub(taken).max(8));
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(sides).zip(&widths).map(|((cell, side), &width)| match side {
            Side::Left => left(cell, width),
            Side::Right => {
                let cell = cut(cell, width);
                " ".repeat(width - cell.width()) + &cell
            }
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[[&str; 3]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.map(String::from).to_vec()).collect()
    }

    #[test]
    fn cells_stand_below_one_another_and_the_last_is_cut() {
        const SIDES: [Side; 3] = [Side::Left, Side::Right, Side::Left];
        let rows =
            rows(&[["run", "loss", "settings"], ["猫", "0.25", "epochs=5 dropout=0"], ["b\u{1B}c", "", ""]]);
        let want = "run  loss  settings\n猫   0.25  epochs=5 dropout=0\nb\u{FFFD}c\n";
        assert_eq!(columns(&rows, &SIDES, 80), want);
        let want = "run  loss  settings\n猫   0.25  epochs=5 …\nb\u{FFFD}c\n";
        assert_eq!(columns(&rows, &SIDES, 21), want);
        assert!(columns(&rows, &SIDES, 0).contains("epochs=…"));
        assert_eq!(columns(&[], &SIDES, 80), "");
    }
}
