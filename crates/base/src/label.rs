//! Labels as text: when two are the same, and when two look the same.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The form in which labels are kept and compared: Unicode's normal form C, without spaces at the edges. `é` as one
/// character and as `e` with an accent are the same label, as macOS writes the one in names of files and others the other.
pub fn normal_label(label: &str) -> Cow<'_, str> {
    let label = label.trim();
    if is_nfc_quick(label.chars()) == IsNormalized::Yes {
        return label.into();
    }
    // A space may come to stand at an edge: some characters are normalised to a space and an accent, but none to the other
    // order, so one pass is enough.
    label.nfc().collect::<String>().into()
}

/// In what two labels differ that a reader may take for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// `Cat` and `cat`.
    Case,
    /// `big cat` and `big  cat`, or another kind of space.
    Spaces,
    /// A character that nobody sees, such as a space without width.
    Invisible,
    /// Letters of several alphabets, or of several widths, that look alike.
    Letters,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Case => "in case",
            Self::Spaces => "in spaces",
            Self::Invisible => "in characters that cannot be seen",
            Self::Letters => "in letters that look alike",
        })
    }
}

/// What a label looks like, so that labels that can be taken for one another have the same: without case, further spaces,
/// invisible characters and alphabets.
pub fn skeleton(label: &str) -> String {
    let plain: String = label.nfkc().filter(|&c| !is_invisible(c)).flat_map(char::to_lowercase).collect();
    spaced(&plain).chars().map(latin).collect()
}

/// How two labels of one skeleton differ.
pub fn difference(a: &str, b: &str) -> Difference {
    let visible = |text: &str| text.chars().filter(|&c| !is_invisible(c)).collect::<String>();
    let lower = str::to_lowercase;
    if lower(a) == lower(b) {
        Difference::Case
    } else if spaced(&lower(a)) == spaced(&lower(b)) {
        Difference::Spaces
    } else if spaced(&lower(&visible(a))) == spaced(&lower(&visible(b))) {
        Difference::Invisible
    } else {
        Difference::Letters
    }
}

/// A label for a message about labels that look alike: what cannot be seen, and letters of other alphabets where that is the
/// difference, stand as `\u{…}`.
pub fn shown(label: &str, difference: Difference) -> String {
    let hide = |c: char| {
        is_invisible(c)
            || (c.is_whitespace() && c != ' ')
            || (difference == Difference::Letters && !c.is_ascii())
    };
    label.chars().map(|c| if hide(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// Groups of labels that look alike, each with how its members differ from the first; sorted.
pub fn lookalikes<'l>(labels: impl Iterator<Item = &'l str>) -> Vec<(Difference, Vec<&'l str>)> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    labels.for_each(|label| groups.entry(skeleton(label)).or_default().push(label));
    let several = groups.into_values().filter(|group| group.len() > 1);
    several.map(|group| (difference(group[0], group[1]), group)).collect()
}

fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Characters that are there and show nothing: controls, marks of width 0, marks of direction, soft hyphens, variants.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}')
        || (c.is_control() && !c.is_whitespace())
}

/// The Latin letter that a small Greek or Cyrillic one looks like.
fn latin(c: char) -> char {
    match c {
        'а' | 'α' => 'a',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' => 'e',
        'һ' => 'h',
        'і' | 'ι' | 'ı' => 'i',
        'ј' | 'ϳ' => 'j',
        'к' | 'κ' => 'k',
        'м' => 'm',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'ν' | 'ѵ' => 'v',
        'х' | 'χ' => 'x',
        'у' | 'υ' => 'y',
        'в' | 'β' => 'b',
        'н' => 'h',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_label_in_two_normal_forms_is_one() {
        assert_eq!(normal_label("cafe\u{301}"), "caf\u{E9}");
        assert_eq!(normal_label(" caf\u{E9}\n"), "caf\u{E9}");
        assert!(matches!(normal_label("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn differences_have_names() {
        for (a, b, want) in [
            ("Cat", "cat", Difference::Case),
            ("big cat", "big  cat", Difference::Spaces),
            ("big cat", "Big\u{A0}cat", Difference::Spaces),
            ("cat", "c\u{200B}at", Difference::Invisible),
            ("cat", "\u{FEFF}cat", Difference::Invisible),
            ("cat", "c\u{430}t", Difference::Letters),
            ("cat", "\u{FF43}at", Difference::Letters),
        ] {
            assert_eq!(skeleton(a), skeleton(b), "{b:?}");
            assert_eq!(difference(a, b), want, "{b:?}");
            assert_ne!(shown(a, want), shown(b, want), "{b:?}");
        }
        for (a, b) in [("cat", "cats"), ("1", "2"), ("caf\u{E9}", "cafe")] {
            assert_ne!(skeleton(a), skeleton(b));
        }
    }

    proptest! {
        /// Whatever labels look alike, a message about them never shows two equal words.
        #[test]
        fn what_looks_alike_is_told_apart(
            label in "[a-z\u{E9}]{1,4}( [A-Z]{1,3})?",
            from in 0usize..8,
            extra in prop::sample::select(vec!["\u{200B}", "\u{AD}", "\u{A0}", " ", "\u{2003}", "\u{1}", "\t"]),
        ) {
            let chars: Vec<char> = label.chars().collect();
            let place = from % (chars.len() + 1);
            let mut other: String = chars[..place].iter().collect();
            other.push_str(extra);
            other.extend(&chars[place..]);
            let (a, b) = (normal_label(&label), normal_label(&other));
            if a != b && skeleton(&a) == skeleton(&b) {
                let kind = difference(&a, &b);
                prop_assert_ne!(shown(&a, kind), shown(&b, kind));
            }
        }

        #[test]
        fn the_normal_form_is_one_for_all_forms(label in "\\PC{0,12}") {
            let normal = normal_label(&label).into_owned();
            prop_assert_eq!(&normal_label(&normal), &normal);
            let apart: String = label.nfd().collect();
            prop_assert_eq!(&normal_label(&apart), &normal);
            let together: String = label.nfc().collect();
            prop_assert_eq!(&normal_label(&together), &normal);
        }
    }
}
