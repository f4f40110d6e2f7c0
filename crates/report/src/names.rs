//! Long names, cut so that what tells them apart is seen.

use std::borrow::Cow;
use std::collections::HashMap;

use maud::{Markup, html};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Stands for what is left out.
const GAP: &str = "…";
/// Beyond this not even the tooltip is whole: a label may have 100,000 letters, and stands on the page many times.
const LONGEST_TITLE: usize = 1_000;
/// Rounds of looking for names that are still alike; each adds a place to most of them.
const ROUNDS: usize = 8;

/// Names from outside, as the page shows them.
pub(super) struct Names<'a> {
    whole: Vec<&'a str>,
    shown: Vec<Cow<'a, str>>,
}

impl<'a> Names<'a> {
    /// Names in at most `longest` columns each. Different names differ after the cut too.
    pub(crate) fn new<S: AsRef<str>>(names: &'a [S], longest: usize) -> Self {
        let whole: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let shown = distinct(&whole, longest);
        Self { whole, shown }
    }

    /// The same for paths, without the folders that all of them have in common.
    pub(crate) fn of_paths(paths: impl Iterator<Item = &'a str>, longest: usize) -> Self {
        let whole: Vec<&str> = paths.collect();
        let folder = common_folder(&whole);
        let rest: Vec<&str> = whole.iter().map(|path| &path[folder..]).collect();
        let shown = distinct(&rest, longest);
        Self { whole, shown }
    }

    /// One of them as plain text.
    pub(crate) fn text(&self, index: usize) -> &str {
        &self.shown[index]
    }

    /// One of them on the page, kept from turning the direction of what stands beside it; the whole of it is a tooltip.
    pub(crate) fn show(&self, index: usize) -> Markup {
        let (whole, shown) = (self.whole[index], self.text(index));
        if whole == shown {
            return html! { bdi { (shown) } };
        }
        html! { bdi title=(self.title(index)) { (shown) } }
    }

    /// The whole name, for a tooltip.
    pub(crate) fn title(&self, index: usize) -> Cow<'a, str> {
        let whole = self.whole[index];
        if whole.len() <= LONGEST_TITLE {
            whole.into()
        } else {
            cut(&clusters(whole), LONGEST_TITLE, &[]).into()
        }
    }
}

/// The length in bytes of the folders that all paths begin with, separator included.
fn common_folder(paths: &[&str]) -> usize {
    let Some((first, others)) = paths.split_first() else { return 0 };
    let common = others.iter().fold(first.len(), |common, path| {
        first.bytes().zip(path.bytes()).take(common).take_while(|(a, b)| a == b).count()
    });
    first.as_bytes()[..common].iter().rposition(|byte| matches!(byte, b'/' | b'\\')).map_or(0, |at| at + 1)
}

/// Each name in at most `longest` columns. Names that would look alike are cut around the place where they differ;
/// should that not be enough, they have numbers.
fn distinct<'a>(names: &[&'a str], longest: usize) -> Vec<Cow<'a, str>> {
    let parts: Vec<Vec<&str>> = names.iter().map(|name| clusters(name)).collect();
    let is_long = |index: usize| names[index].width() > longest;
    let mut places: Vec<Vec<usize>> = vec![vec![]; names.len()];
    let show = |index: usize, places: &[usize]| -> Cow<'a, str> {
        if is_long(index) { cut(&parts[index], longest, places).into() } else { names[index].into() }
    };
    let mut shown: Vec<Cow<str>> = (0..names.len()).map(|index| show(index, &[])).collect();
    for round in 0..=ROUNDS {
        for group in alike(names, &shown) {
            let place = first_difference(&group, &parts);
            let mut known: Vec<&str> = vec![];
            for index in group.into_iter().filter(|&index| is_long(index)) {
                if round == ROUNDS {
                    // Names such as 1,000 and 1,001 times the same letter.
                    let number = known.iter().position(|&name| name == names[index]).unwrap_or(known.len());
                    known.push(names[index]);
                    shown[index] = format!("{} ({})", shown[index], number + 1).into();
                } else if let Err(at) = places[index].binary_search(&place) {
                    places[index].insert(at, place);
                    shown[index] = show(index, &places[index]);
                }
            }
        }
    }
    shown
}

/// Groups of names that differ, and do not look so.
fn alike(names: &[&str], shown: &[Cow<str>]) -> Vec<Vec<usize>> {
    let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, text) in shown.iter().enumerate() {
        groups.entry(text).or_default().push(index);
    }
    let differ = |group: &Vec<usize>| group.iter().any(|&index| names[index] != names[group[0]]);
    groups.into_values().filter(differ).collect()
}

/// The first place at which some of them differ.
fn first_difference(group: &[usize], parts: &[Vec<&str>]) -> usize {
    let first = &parts[group[0]];
    let common = |other: &Vec<&str>| first.iter().zip(other).take_while(|(a, b)| a == b).count();
    let lengths = group.iter().map(|&index| &parts[index]).filter(|other| *other != first).map(common);
    lengths.min().unwrap_or(0)
}

/// What a reader takes for one letter: a mark goes with the letter before it, and joined emoji stay together.
fn clusters(text: &str) -> Vec<&str> {
    const JOINER: char = '\u{200D}';
    let is_tone = |symbol: char| ('\u{1F3FB}'..='\u{1F3FF}').contains(&symbol);
    let mut starts = vec![];
    let mut last = JOINER;
    for (at, symbol) in text.char_indices() {
        let goes_on = at > 0 && (symbol.width() == Some(0) || last == JOINER || is_tone(symbol));
        if !goes_on {
            starts.push(at);
        }
        last = symbol;
    }
    starts.push(text.len());
    starts.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect()
}

/// The beginning, what is around these places, and the end, in at most `longest` columns.
fn cut(parts: &[&str], longest: usize, places: &[usize]) -> String {
    let pieces = places.len() + 2;
    let room = (longest.saturating_sub(pieces - 1) / pieces).max(1);
    let mut is_kept = vec![false; parts.len()];
    keep(parts, 0..parts.len(), room, &mut is_kept);
    keep(parts, (0..parts.len()).rev(), room, &mut is_kept);
    for &place in places {
        // A little of what is before it as well: a number is read from its first digit.
        let from = place.saturating_sub(room / 2);
        keep(parts, from..parts.len(), room, &mut is_kept);
    }
    let mut text = String::new();
    for (part, &is_kept) in parts.iter().zip(&is_kept) {
        if is_kept {
            text += part;
        } else if !text.ends_with(GAP) {
            text += GAP;
        }
    }
    text
}

fn keep(parts: &[&str], order: impl Iterator<Item = usize>, room: usize, is_kept: &mut [bool]) {
    let mut width = 0;
    for index in order {
        width += parts[index].width().max(1);
        if width > room {
            return;
        }
        is_kept[index] = true;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn shown(names: &[&str], longest: usize) -> Vec<String> {
        distinct(names, longest).into_iter().map(Cow::into_owned).collect()
    }

    #[test]
    fn what_differs_is_seen_wherever_it_is() {
        let begin = "the same words at the beginning of every one ";
        let end = " and the same words at the end of every one.png";
        let middle: Vec<String> = (0..20).map(|number| format!("{begin}{number:04}{end}")).collect();
        let names: Vec<&str> = middle.iter().map(String::as_str).collect();
        for (number, text) in shown(&names, 30).iter().enumerate() {
            assert!(text.contains(&format!("{:02}", number)), "{text}");
            assert!(text.width() <= 30 && text.starts_with("the s") && text.ends_with("e.png"), "{text}");
        }
        assert_eq!(shown(&["short", "and shorter"], 30), ["short", "and shorter"]);
        assert_eq!(shown(&["a name that is cut in the middle"], 11), ["a nam…iddle"]);
    }

    #[test]
    fn letters_and_joined_emoji_are_not_torn() {
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(clusters(&format!("e\u{301}{family}👍🏽x")), ["e\u{301}", family, "👍🏽", "x"]);
        let name = family.repeat(9);
        assert_eq!(shown(&[&name], 9), [format!("{0}{0}…{0}{0}", family)]);
        assert_eq!(clusters(""), Vec::<&str>::new());
    }

    #[test]
    fn common_folders_are_left_out_and_names_of_files_are_not() {
        let shown = |paths: &[&str]| {
            let names = Names::of_paths(paths.iter().copied(), 40);
            (0..paths.len()).map(|index| names.text(index).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(shown(&["data/test/1.png", "data/test/12.png"]), ["1.png", "12.png"]);
        assert_eq!(shown(&["data/train/1.png", "data/test/1.png"]), ["train/1.png", "test/1.png"]);
        assert_eq!(shown(&["data/ä.png", "data/ö.png"]), ["ä.png", "ö.png"], "cut between letters");
        assert_eq!(shown(&["a\\b\\1.png", "a\\b\\2.png"]), ["1.png", "2.png"]);
        assert_eq!(shown(&["data/one.png"]), ["one.png"]);
        assert_eq!(shown(&["one.png", "one.png"]), ["one.png", "one.png"]);
        assert_eq!(shown(&[]), Vec::<String>::new());
    }

    #[test]
    fn a_label_of_a_hundred_thousand_letters_does_not_fill_the_page() {
        let names = ["x".repeat(100_000), "x".repeat(100_001)];
        let names = Names::new(&names, 60);
        assert!(names.show(0).into_string().len() < 2_000);
    }

    proptest! {
        #[test]
        fn different_names_stay_different(
            names in proptest::collection::vec("[ab…]{0,3}(the same and long|the other and long)?[ab0-9é👨‍]{0,40}", 1..30),
            longest in 5usize..40,
        ) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let shown = distinct(&names, longest);
            let different: HashSet<&str> = names.iter().copied().collect();
            let seen: HashSet<&str> = shown.iter().map(AsRef::as_ref).collect();
            prop_assert_eq!(seen.len(), different.len(), "{:?}", shown);
        }
    }
}
