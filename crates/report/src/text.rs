//! Tables for a terminal.
//!
//! Names may be long, wide (CJK), or hostile: they are cut to the space there is, and what would move the cursor is
//! replaced. Tables that would not fit say what they leave out.

mod columns;

use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub use columns::{Side, columns};
pub use headstart_base::text::{counted, grouped};

pub use headstart_base::text::{short, shortened};

use headstart_evaluate::metrics::Coverage;
use headstart_evaluate::{Averages, ClassMetrics, Metrics};

/// The space that a table may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Columns of the terminal.
    pub width: usize,
    /// Rows, roughly: beyond it a table shows what matters most.
    pub rows: usize,
}

impl Default for Space {
    /// What any terminal has, and a screenful and a half.
    fn default() -> Self {
        Self { width: 80, rows: 40 }
    }
}

/// Precision, recall, F1 and support of each class, and their averages.
///
/// With more classes than fit, those with the lowest F1.
pub fn per_class(metrics: &Metrics, space: Space) -> String {
    const FIGURES: usize = 4 * 11;
    let mut classes: Vec<&ClassMetrics> = metrics.classes.iter().collect();
    let left_out = classes.len().saturating_sub(space.rows);
    if left_out > 0 {
        classes.sort_by(|a, b| a.f1.unwrap_or(2.0).total_cmp(&b.f1.unwrap_or(2.0)));
        classes.truncate(space.rows);
    }
    let longest = classes.iter().map(|class| clean(&class.name).width()).max().unwrap_or(0);
    let width = longest.clamp("weighted average".len(), space.width.saturating_sub(FIGURES).max(16));

    let mut text = row("class", width, ["precision", "recall", "F1", "support"].map(String::from));
    for class in classes {
        let figures = [class.precision, class.recall, class.f1].map(figure);
        let [precision, recall, f1] = figures;
        text += &row(&class.name, width, [precision, recall, f1, class.support.to_string()]);
    }
    if left_out > 0 {
        writeln!(text, "… and {left_out} other classes, none of a lower F1").expect(MEMORY);
    }
    for (name, Averages { precision, recall, f1 }) in
        [("macro average", metrics.macro_average), ("weighted average", metrics.weighted_average)]
    {
        text +=
            &row(name, width, [figure(precision), figure(recall), figure(f1), metrics.scored.to_string()]);
    }
    text
}

/// How much is answered, and how well, when only sure answers count: at the usual thresholds, and the user's own last.
pub fn coverage(metrics: &Metrics, own: Option<&Coverage>) -> String {
    let mut text = String::from("  confidence     images   of all   accuracy\n");
    let line = |Coverage { min_confidence, answered, coverage, accuracy }: &Coverage| {
        let share = format!("{:.1} %", 100.0 * coverage);
        format!(
            "{:>12} {answered:>10} {share:>8} {:>10}",
            format!(">= {min_confidence:.2}"),
            figure(*accuracy)
        )
    };
    for coverage in &metrics.coverage {
        writeln!(text, "{}", line(coverage)).expect(MEMORY);
    }
    if let Some(own) = own {
        write!(text, "{}  asked for", line(own)).expect(MEMORY);
    }
    text
}

/// The confusion matrix: a row for each true class, a column for each prediction.
///
/// Columns bear the names if these fit, else the numbers that stand before the names of the rows. With more classes
/// than fit even so, the most frequent confusions are listed.
pub fn confusion(metrics: &Metrics, space: Space) -> String {
    let names: Vec<String> = metrics.classes.iter().map(|class| clean(&class.name)).collect();
    let longest = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let counts = metrics.confusion.iter().flatten().map(|&count| digits(count)).max().unwrap_or(1);

    let named = longest.max(counts) + 2;
    let corner = longest.max(CORNER.len());
    if names.len() <= space.rows && corner + names.len() * named <= space.width {
        return matrix(metrics, &names, &names, corner, named);
    }
    let numbers: Vec<String> = (1..=names.len()).map(|number| number.to_string()).collect();
    let number = digits(names.len() as u64);
    let cell = counts.max(number) + 1 + usize::from(names.len() <= 12);
    let left = space.width.saturating_sub(names.len() * cell);
    if names.len() <= space.rows && left >= CORNER.len() {
        let corner = (number + 1 + longest).clamp(CORNER.len(), left);
        let rows: Vec<String> =
            numbers.iter().zip(&names).map(|(index, name)| format!("{index:>number$} {name}")).collect();
        return matrix(metrics, &rows, &numbers, corner, cell);
    }
    confused(metrics, &names, space)
}

const CORNER: &str = "true \\ predicted";
const MEMORY: &str = "memory can be written to";

fn matrix(metrics: &Metrics, rows: &[String], columns: &[String], corner: usize, cell: usize) -> String {
    let mut text = left(CORNER, corner);
    columns.iter().for_each(|name| text += &right(name, cell));
    text.push('\n');
    for (name, counts) in rows.iter().zip(&metrics.confusion) {
        text += &left(name, corner);
        for &count in counts {
            // Zeros are most of it: they should not hide the rest.
            text += &right(&if count == 0 { "·".into() } else { count.to_string() }, cell);
        }
        text.push('\n');
    }
    text
}

fn confused(metrics: &Metrics, names: &[String], space: Space) -> String {
    const NUMBERS: usize = 2 * 9;
    let pairs = metrics.confusions(space.rows.min(20));
    if pairs.is_empty() {
        return "no image was predicted as another class\n".into();
    }
    let longest =
        pairs.iter().flat_map(|pair| [pair.label, pair.prediction]).map(|class| names[class].width()).max();
    let width = longest.unwrap_or(0).clamp(9, (space.width.saturating_sub(NUMBERS + 2) / 2).max(9));
    let line = |label: &str, prediction: &str, times: &str, of: &str| {
        format!("{}  {}{}{}\n", left(label, width), left(prediction, width), right(times, 9), right(of, 9))
    };
    let mut text = format!("the most frequent confusions of {} classes\n", names.len());
    text += &line("true", "predicted", "times", "of");
    for pair in pairs {
        let (times, of) = (pair.times.to_string(), pair.support.to_string());
        text += &line(&names[pair.label], &names[pair.prediction], &times, &of);
    }
    text
}

fn row(name: &str, width: usize, figures: [String; 4]) -> String {
    let cells: String = figures.iter().map(|figure| right(figure, 11)).collect();
    format!("{}{cells}\n", left(&clean(name), width))
}

fn figure(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.3}"))
}

fn digits(number: u64) -> usize {
    number.to_string().len()
}

/// Padded, or cut, to a width.
fn left(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let padding = width - text.width();
    text + &" ".repeat(padding)
}

/// Padded, or cut, to a width, with at least one space before it.
fn right(text: &str, width: usize) -> String {
    let text = cut(text, width - 1);
    " ".repeat(width - text.width()) + &text
}

fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.into();
    }
    let mut kept = String::new();
    let mut taken = 1;
    for symbol in text.chars() {
        taken += symbol.width().unwrap_or(0);
        if taken > width {
            break;
        }
        kept.push(symbol);
    }
    kept.push('…');
    kept
}

/// A name without what moves the cursor, colours the terminal, or turns the direction of the text.
pub fn clean(name: &str) -> String {
    let moves = |symbol: char| {
        symbol.is_control()
            || matches!(symbol, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    name.chars().map(|symbol| if moves(symbol) { char::REPLACEMENT_CHARACTER } else { symbol }).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// Ten examples of each class; every third class loses three of them to the next.
    fn metrics(names: &[String]) -> Metrics {
        let classes = names.len();
        let labels: Vec<usize> = (0..classes * 10).map(|index| index / 10).collect();
        let mut probabilities = Array2::zeros((labels.len(), classes));
        for (index, &label) in labels.iter().enumerate() {
            let wrong = label % 3 == 0 && index % 10 < 3;
            probabilities[(index, (label + usize::from(wrong)) % classes)] = 1.0;
        }
        let labels: Vec<Option<usize>> = labels.into_iter().map(Some).collect();
        Metrics::of(probabilities.view(), &labels, names).unwrap()
    }

    fn numbered(stem: &str, count: usize) -> Vec<String> {
        (0..count).map(|number| format!("{stem} {number}")).collect()
    }

    fn widest(text: &str) -> usize {
        text.lines().map(|line| line.width()).max().unwrap()
    }

    #[test]
    fn two_classes_in_full() {
        let names = ["cat".to_owned(), "dog".to_owned()];
        let space = Space::default();
        let want = "true \\ predicted  cat  dog\n\
                    cat                 7    3\n\
                    dog                 ·   10\n";
        assert_eq!(confusion(&metrics(&names), space), want);
        let want = "class             precision     recall         F1    support\n\
                    cat                   1.000      0.700      0.824         10\n\
                    dog                   0.769      1.000      0.870         10\n\
                    macro average         0.885      0.850      0.847         20\n\
                    weighted average      0.885      0.850      0.847         20\n";
        assert_eq!(per_class(&metrics(&names), space), want);
    }

    #[test]
    fn long_names_give_way_to_numbers() {
        let names = numbered("a rather long name of a class that nobody can tell from the next", 10);
        for width in [80, 100] {
            let text = confusion(&metrics(&names), Space { width, rows: 40 });
            assert!(widest(&text) <= width, "{text}");
            assert_eq!(text.lines().count(), 11);
            assert!(text.lines().next().unwrap().ends_with("   9  10"), "{text}");
            assert!(text.lines().nth(4).unwrap().starts_with(" 4 a rather long name"), "{text}");
            assert!(widest(&per_class(&metrics(&names), Space { width, rows: 40 })) <= width);
        }
    }

    #[test]
    fn a_thousand_classes_are_cut_to_what_matters() {
        let metrics = metrics(&numbered("class", 1000));
        let text = confusion(&metrics, Space::default());
        assert_eq!(text.lines().count(), 22);
        let cells: Vec<&str> = text.lines().nth(3).unwrap().split_whitespace().collect();
        assert_eq!(cells, ["class", "3", "class", "4", "3", "10"]);
        let text = per_class(&metrics, Space::default());
        assert_eq!(text.lines().count(), 1 + 40 + 1 + 2);
        assert!(text.contains("… and 960 other classes, none of a lower F1\n"), "{text}");
        // Class 0 loses three examples, and gets three of class 999.
        let cells: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(cells, ["class", "0", "0.700", "0.700", "0.700", "10"], "the lowest F1 comes first");
    }

    #[test]
    fn what_is_undefined_is_a_dash() {
        let names = ["a", "b", "c"].map(String::from);
        let probabilities = ndarray::array![[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]];
        let metrics = Metrics::of(probabilities.view(), &[Some(0), Some(1)], &names).unwrap();
        let text = per_class(&metrics, Space::default());
        let cells: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(cells[2], ["b", "-", "0.000", "0.000", "1"]);
        assert_eq!(cells[3], ["c", "-", "-", "-", "0"]);
    }

    #[test]
    fn names_cannot_disturb_the_terminal() {
        let names = ["\u{1B}[31mred\n".to_owned(), "猫猫猫猫".to_owned(), "\u{202E}left".to_owned()];
        let text =
            confusion(&metrics(&names), Space::default()) + &per_class(&metrics(&names), Space::default());
        assert!(!text.contains('\u{1B}') && !text.contains('\u{202E}'));
        let matrix = confusion(&metrics(&names), Space::default());
        assert!(matrix.lines().all(|line| line.width() == widest(&matrix)), "{matrix}");
        assert_eq!(cut("猫猫猫猫", 6), "猫猫…");
    }

    #[test]
    fn the_narrowest_terminal_is_no_panic() {
        for width in [0, 1, 10, 20, 40] {
            for classes in [2, 10, 100] {
                let metrics = metrics(&numbered("class", classes));
                let space = Space { width, rows: 5 };
                assert!(!confusion(&metrics, space).is_empty() && !per_class(&metrics, space).is_empty());
            }
        }
    }
}
