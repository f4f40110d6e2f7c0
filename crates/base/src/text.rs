//! Numbers and names as people read them.

use std::borrow::Cow;

/// A whole number with commas between the thousands: `25,583,592`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what is counted: `1 image`, `2,000 images`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {}", grouped(number), of(number, noun))
}

/// What is counted, alone: `image` of 1, else `images`.
pub fn of(number: u64, noun: &str) -> String {
    const SIBILANTS: [&str; 5] = ["s", "x", "z", "ch", "sh"];
    // The end of `epoch` is spoken as a k.
    let is_sibilant =
        |noun: &str| SIBILANTS.iter().any(|end| noun.ends_with(end)) && !noun.ends_with("epoch");
    let vowel_before_y = |stem: &str| stem.ends_with(['a', 'e', 'i', 'o', 'u']);
    match noun.strip_suffix('y') {
        _ if number == 1 => noun.to_owned(),
        Some(stem) if !vowel_before_y(stem) => format!("{stem}ies"),
        None if is_sibilant(noun) => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

/// The shape of an array, as NumPy writes it: `(64, 2048)`, `(64)`.
pub fn dims<T: std::fmt::Display>(shape: &[T]) -> String {
    let sizes: Vec<String> = shape.iter().map(T::to_string).collect();
    format!("({})", sizes.join(", "))
}

/// Names for a message: as many as fit a line or two, then how many more there are.
pub fn listed(names: &[String]) -> String {
    const SHOWN: usize = 12;
    if names.is_empty() {
        return "none".into();
    }
    let mut text =
        names.iter().take(SHOWN).map(|name| format!("`{}`", short(name))).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text += &format!(" and {} more", names.len() - SHOWN);
    }
    text
}

/// Letters of a name that a line of text has room for.
const LONGEST: usize = 80;
/// What stands in quotes, or is one word, is a path as long as paths can reasonably be, or it is shortened.
const LONGEST_QUOTED: usize = 400;

/// A name as it is printed: one of a hundred thousand letters loses its middle.
pub fn short(name: &str) -> Cow<'_, str> {
    const END: usize = 15;
    let letters = name.chars().count();
    if letters <= LONGEST {
        return name.into();
    }
    let begin: String = name.chars().take(LONGEST - END - 1).collect();
    let end: String = name.chars().skip(letters - END).collect();
    format!("{begin}…{end}").into()
}

/// A message in which no quoted name and no word is so long that the rest is lost in it.
pub fn shortened(line: &str) -> String {
    let too_long = |text: &str| text.len() > LONGEST_QUOTED && text.chars().count() > LONGEST_QUOTED;
    if !too_long(line) {
        return line.to_owned();
    }
    let cut = |text: &str| if too_long(text) { short(text).into_owned() } else { text.to_owned() };
    let words = |text: &str| text.split(' ').map(cut).collect::<Vec<_>>().join(" ");
    let parts = line.split('`').enumerate();
    parts
        .map(|(place, part)| if place % 2 == 1 { cut(part) } else { words(part) })
        .collect::<Vec<_>>()
        .join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..1000).map(|n| format!("class{n}")).collect();
        assert_eq!(listed(&[]), "none");
        assert_eq!(listed(&names[..2]), "`class0`, `class1`");
        assert!(listed(&names).ends_with("`class11` and 988 more"));
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(
            [0, 1, 2, 2000].map(|n| counted(n, "image")),
            ["0 images", "1 image", "2 images", "2,000 images"]
        );
        for (noun, many) in [
            ("class", "classes"),
            ("batch", "batches"),
            ("epoch", "epochs"),
            ("copy", "copies"),
            ("day", "days"),
        ] {
            assert_eq!((of(1, noun), of(2, noun)), (noun.to_owned(), many.to_owned()));
        }
    }

    #[test]
    fn shapes_are_no_lists_of_rust() {
        assert_eq!(
            (dims(&[64, 2048]), dims(&[64]), dims::<usize>(&[])),
            ("(64, 2048)".into(), "(64)".into(), "()".into())
        );
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(short("cat"), "cat");
        let long = format!("begin{}end", "é".repeat(100_000));
        assert_eq!(short(&long).chars().count(), 80);
        assert!(short(&long).starts_with("beginé") && short(&long).ends_with("éend"));
        assert!(listed(std::slice::from_ref(&long)).chars().count() <= 82);
        let path = format!("folder/{}.jpg", "x".repeat(380));
        for line in [format!("`{path}`: no such file"), "a word ".repeat(1000), String::new()] {
            assert_eq!(shortened(&line), line);
        }
        let line = shortened(&format!("label `{long}` is not among `a b`, {long} or `{long}`"));
        assert!(line.chars().count() < 300, "{line}");
        assert!(
            line.starts_with("label `begin") && line.contains("end` is not among `a b`, begin"),
            "{line}"
        );
        let spaced = "a b ".repeat(30_000);
        assert!(shortened(&format!("`{spaced}` is a label")).ends_with("` is a label"));
        assert!(shortened(&format!("`{spaced}` is a label")).chars().count() < 120);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
