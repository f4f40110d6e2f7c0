//! Images that are in a data set more than once, and what that does to figures.
//!
//! Two examples are copies of one image if they have the same key, whatever their files are called: a second file with the same
//! bytes, a link, or another spelling of the same path. A head that is trained on one copy knows the other by heart, so a figure
//! on the other tells nothing of new images. Pictures that are only nearly the same are found by
//! comparing their features.

use std::collections::HashMap;
use std::hash::Hash;

/// Which examples are copies of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies {
    /// The examples of each different image, in the order in which the images first come.
    groups: Vec<Vec<usize>>,
    /// The image of each example, as a place in `groups`.
    image_of: Vec<usize>,
}

/// An image that is labelled in two ways: two examples of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contradiction {
    /// The first example of the image.
    pub first: usize,
    /// The first one with another label.
    pub second: usize,
}

impl Copies {
    /// Examples with the same key are copies.
    pub fn of<K: Eq + Hash>(keys: &[K]) -> Self {
        let mut known = HashMap::with_capacity(keys.len());
        let (mut groups, mut image_of) = (Vec::<Vec<usize>>::new(), Vec::with_capacity(keys.len()));
        for (example, key) in keys.iter().enumerate() {
            let image = *known.entry(key).or_insert_with(|| {
                groups.push(vec![]);
                groups.len() - 1
            });
            groups[image].push(example);
            image_of.push(image);
        }
        Self { groups, image_of }
    }

    /// So many examples of which none is a copy.
    pub fn none(examples: usize) -> Self {
        Self {
            groups: (0..examples).map(|example| vec![example]).collect(),
            image_of: (0..examples).collect(),
        }
    }

    /// Examples.
    pub fn len(&self) -> usize {
        self.image_of.len()
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.image_of.is_empty()
    }

    /// The examples of each different image, in the order in which the images first come.
    pub fn images(&self) -> &[Vec<usize>] {
        &self.groups
    }

    /// The image of an example, as a place in [`images`](Self::images).
    ///
    /// # Panics
    /// If there is no such example.
    pub fn image_of(&self, example: usize) -> usize {
        self.image_of[example]
    }

    /// Examples that show an image which an earlier example shows too.
    pub fn repeated(&self) -> usize {
        self.len() - self.groups.len()
    }

    /// The images whose examples do not all have one label, in order.
    ///
    /// # Panics
    /// If there are not as many labels as examples.
    pub fn contradictions<L: PartialEq>(&self, labels: &[L]) -> Vec<Contradiction> {
        assert_eq!(self.len(), labels.len(), "a label for each example");
        let contradiction = |group: &Vec<usize>| {
            let first = group[0];
            let second = group[1..].iter().copied().find(|&other| labels[other] != labels[first])?;
            Some(Contradiction { first, second })
        };
        self.groups.iter().filter_map(contradiction).collect()
    }
}

/// The examples whose key is among these others, each with the place of the first such key: images that were trained on, for
/// instance.
pub fn shared<K: Eq + Hash>(keys: &[K], others: &[K]) -> Vec<(usize, usize)> {
    let mut first = HashMap::with_capacity(others.len());
    for (place, key) in others.iter().enumerate() {
        first.entry(key).or_insert(place);
    }
    keys.iter().enumerate().filter_map(|(example, key)| Some((example, *first.get(key)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_examples_of_one_key() {
        let copies = Copies::of(&["x", "y", "x", "z", "y", "x"]);
        assert_eq!(copies.images(), [vec![0, 2, 5], vec![1, 4], vec![3]]);
        assert_eq!((copies.len(), copies.repeated(), copies.image_of(4)), (6, 3, 1));
        assert_eq!(Copies::of(&[1, 2, 3]), Copies::none(3));
        assert!(Copies::of::<u8>(&[]).is_empty());
    }

    #[test]
    fn one_image_under_two_labels_is_a_contradiction_told_once() {
        let copies = Copies::of(&["x", "y", "x", "z", "y", "x"]);
        assert_eq!(copies.contradictions(&[0, 1, 0, 2, 1, 0]), []);
        let found = copies.contradictions(&[0, 1, 0, 2, 0, 3]);
        assert_eq!(found, [Contradiction { first: 0, second: 5 }, Contradiction { first: 1, second: 4 }]);
    }

    #[test]
    fn what_two_sets_share_is_told_with_the_first_of_the_others() {
        assert_eq!(shared(&["a", "b", "c", "b"], &["b", "x", "b", "c"]), [(1, 0), (2, 3), (3, 0)]);
        assert_eq!(shared(&["a"], &[]), []);
    }
}
