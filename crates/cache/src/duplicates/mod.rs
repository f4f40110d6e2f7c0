//! Images that are in a data set more than once: the same file, or nearly the same picture.
//!
//! Two files are the same if their keys are; two pictures are nearly the same if their features point in nearly the same
//! direction. Every image is compared with every other, so the work grows with the square of their number: see [`near`].

mod near;

use std::collections::HashMap;
use std::ops::Range;

use serde::Serialize;

use super::{Key, Progress, Result, Selection};

/// Two rows of a selection that show the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pair {
    /// The earlier of the two, as a position in the selection.
    pub a: usize,
    /// The later of the two, as a position in the selection.
    pub b: usize,
    /// Of the angle between their features; 1 for the same file.
    pub cosine: f32,
    /// Whether the files are the same, byte for byte.
    pub identical: bool,
    /// All that hang together by pairs have one number, from 0.
    pub group: usize,
}

/// The pairs of [`duplicates`] that lie across two parts, and no others.
///
/// Rows of one part are not compared with each other, so the work grows with the product of the parts' sizes: to have
/// that, rows of a part stand together.
///
/// # Errors
/// As [`duplicates`].
///
/// # Panics
/// If there are not as many parts as rows.
pub fn leaks(
    selection: &Selection,
    parts: &[usize],
    threshold: f32,
    on_progress: impl FnMut(Progress),
) -> Result<Vec<Pair>> {
    let mut pairs = find(selection, parts, threshold, Among::Parts, on_progress)?;
    pairs.retain(|pair| parts[pair.a] != parts[pair.b]);
    number_groups(&mut pairs, selection.len());
    Ok(pairs)
}

/// Finds the rows that show the same: identical files first, then by falling cosine. It uses the
/// [`Threads`](headstart_base::machine::Threads) that it runs on.
///
/// `parts[i]` is the part of the data that row `i` belongs to, such as training or test. Of files that are identical one stands
/// for all in its part, so a group of `k` gives `k - 1` pairs within a part, and one for any two parts that it has files in.
///
/// # Errors
/// [`Error::BadRow`](super::Error::BadRow); [`Error::TooManyPairs`](super::Error::TooManyPairs) beyond ten million: the threshold is too low for such data.
///
/// # Panics
/// If there are not as many parts as rows.
pub fn duplicates(
    selection: &Selection,
    parts: &[usize],
    threshold: f32,
    on_progress: impl FnMut(Progress),
) -> Result<Vec<Pair>> {
    let mut pairs = find(selection, parts, threshold, Among::All, on_progress)?;
    number_groups(&mut pairs, selection.len());
    Ok(pairs)
}

/// Which rows are compared.
#[derive(Clone, Copy, PartialEq)]
enum Among {
    All,
    /// Blocks of rows that are all of one part are not compared; what else is found within a part stays.
    Parts,
}

/// The pairs in order, not in groups yet.
fn find(
    selection: &Selection,
    parts: &[usize],
    threshold: f32,
    among: Among,
    mut on_progress: impl FnMut(Progress),
) -> Result<Vec<Pair>> {
    assert_eq!(selection.len(), parts.len(), "one part for each row");
    let images = images(selection, parts);
    let mut pairs = vec![];
    for image in &images {
        image.identical(|a, b| pairs.push(pair(a, b, 1.0, true)));
    }
    let firsts: Vec<usize> = images.iter().map(|image| image.stand_ins[0]).collect();
    let wanted = |left: Range<usize>, right: Range<usize>| {
        let of = |range: Range<usize>| {
            images[range].iter().flat_map(|image| &image.stand_ins).map(|&row| parts[row])
        };
        let mut present = of(left).chain(of(right));
        let first = present.next();
        among == Among::All || present.any(|part| Some(part) != first)
    };
    for (i, j, cosine) in near::pairs(selection, &firsts, threshold, &wanted, &mut on_progress)? {
        for &a in &images[i].stand_ins {
            pairs.extend(images[j].stand_ins.iter().map(|&b| pair(a.min(b), a.max(b), cosine, false)));
        }
    }
    pairs.sort_by(|p, q| {
        q.identical.cmp(&p.identical).then(q.cosine.total_cmp(&p.cosine)).then((p.a, p.b).cmp(&(q.a, q.b)))
    });
    Ok(pairs)
}

fn pair(a: usize, b: usize, cosine: f32, identical: bool) -> Pair {
    Pair { a, b, cosine, identical, group: 0 }
}

/// All rows of one key.
struct Image {
    /// The first row in each part.
    stand_ins: Vec<usize>,
    /// The others, each with the one that stands for it.
    others: Vec<(usize, usize)>,
}

impl Image {
    fn identical(&self, mut found: impl FnMut(usize, usize)) {
        for (place, &a) in self.stand_ins.iter().enumerate() {
            self.stand_ins[place + 1..].iter().for_each(|&b| found(a, b));
        }
        self.others.iter().for_each(|&(a, b)| found(a, b));
    }
}

/// In the order in which they first come.
fn images(selection: &Selection, parts: &[usize]) -> Vec<Image> {
    let mut numbers = HashMap::<Key, usize>::with_capacity(parts.len());
    let mut images: Vec<Image> = vec![];
    for (position, part) in parts.iter().enumerate() {
        // Without an id, which a shortened file leaves, a row is like no other, and gathering it is the error.
        let known = selection.id(position).map(|(key, _)| *numbers.entry(key).or_insert(images.len()));
        match known.and_then(|number| images.get_mut(number)) {
            Some(image) => match image.stand_ins.iter().find(|&&row| parts[row] == *part) {
                Some(&stand_in) => image.others.push((stand_in, position)),
                None => image.stand_ins.push(position),
            },
            None => images.push(Image { stand_ins: vec![position], others: vec![] }),
        }
    }
    images
}

/// Gives all that hang together the same number, in order of their first pair.
fn number_groups(pairs: &mut [Pair], rows: usize) {
    let mut parent: Vec<usize> = (0..rows).collect();
    for pair in pairs.iter() {
        let (a, b) = (root(&mut parent, pair.a), root(&mut parent, pair.b));
        parent[a.max(b)] = a.min(b);
    }
    let mut numbers = HashMap::new();
    for pair in pairs {
        let next = numbers.len();
        pair.group = *numbers.entry(root(&mut parent, pair.a)).or_insert(next);
    }
}

fn root(parent: &mut [usize], mut row: usize) -> usize {
    while parent[row] != row {
        parent[row] = parent[parent[row]];
        row = parent[row];
    }
    row
}
