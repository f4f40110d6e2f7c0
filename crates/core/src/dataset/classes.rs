//! The names that a classifier tells apart, each with its index.

use std::collections::HashMap;

use super::{Error, normal_label};

/// Class names in the order of their indices.
///
/// A manifest gives them sorted ([`Manifest::classes`](super::Manifest::classes)), so that the order of its rows
/// does not matter; a run keeps the order, and the spelling, that it was trained with.
#[derive(Debug, Clone)]
pub struct Classes {
    names: Vec<String>,
    indices: HashMap<String, usize>,
    /// The first of each normal form ([`normal_label`]): a run of an earlier version may have names in another one.
    normal: HashMap<String, usize>,
}

impl Classes {
    /// Classes in the order given.
    ///
    /// # Errors
    /// [`Error::ClassName`] for an empty name or one that comes twice.
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, Error> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let mut indices = HashMap::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            if name.is_empty() || indices.insert(name.clone(), index).is_some() {
                return Err(Error::ClassName { index, name: name.clone() });
            }
        }
        let mut normal = HashMap::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            normal.entry(normal_label(name).into_owned()).or_insert(index);
        }
        Ok(Self { names, indices, normal })
    }

    /// The index of a name; of one that is spelt in another normal form too ([`normal_label`]).
    pub fn index(&self, name: &str) -> Option<usize> {
        self.indices.get(name).or_else(|| self.normal.get(&*normal_label(name))).copied()
    }

    /// Whether these are the same classes, in whatever order, and in whatever normal form they are spelt.
    pub fn are(&self, names: &[String]) -> bool {
        let mut places: Vec<_> = names.iter().filter_map(|name| self.index(name)).collect();
        places.sort_unstable();
        places.dedup();
        names.len() == self.len() && places.len() == self.len()
    }

    /// The name at an index.
    ///
    /// # Panics
    /// If `index` is not less than [`len`](Self::len).
    pub fn name(&self, index: usize) -> &str {
        &self.names[index]
    }

    /// All names, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl PartialEq for Classes {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

impl Eq for Classes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_and_finds_names() {
        let classes = Classes::new(["truck", "cat", "ship"]).unwrap();
        assert_eq!(
            (classes.index("truck"), classes.index("ship"), classes.index("Ship")),
            (Some(0), Some(2), None)
        );
        assert_eq!(classes.name(1), "cat");
        assert_eq!(classes.len(), 3);
    }

    #[test]
    fn names_are_found_in_every_normal_form() {
        let kept = Classes::new(["cafe\u{301}", " owl", "zoo"]).unwrap();
        assert_eq!((kept.index("caf\u{E9}"), kept.index("cafe\u{301}")), (Some(0), Some(0)));
        // As a CSV gives it, which has no spaces at the edges of labels.
        assert_eq!((kept.index("owl"), kept.index("Owl")), (Some(1), None));
        assert_eq!(kept.name(0), "cafe\u{301}", "a run's spelling stays");
        let names = |names: [&str; 3]| names.map(String::from);
        assert!(kept.are(&names(["owl", "zoo", "caf\u{E9}"])));
        assert!(!kept.are(&names(["owl", "zoo", "cafe"])) && !kept.are(&names(["owl", "owl", "zoo"])));
        // Where both are classes, each is its own.
        let both = Classes::new(["cafe\u{301}", "caf\u{E9}"]).unwrap();
        assert_eq!((both.index("cafe\u{301}"), both.index("caf\u{E9}")), (Some(0), Some(1)));
    }

    #[test]
    fn refuses_names_that_cannot_be_told_apart() {
        let Err(Error::ClassName { index: 2, name }) = Classes::new(["cat", "dog", "cat"]) else { panic!() };
        assert_eq!(name, "cat");
        assert!(matches!(Classes::new(["cat", ""]), Err(Error::ClassName { index: 1, .. })));
    }
}
