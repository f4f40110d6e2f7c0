//! The names that a classifier tells apart, each with its index.

use std::collections::HashMap;

use super::Error;

/// Class names in the order of their indices.
///
/// A manifest gives them sorted ([`Manifest::classes`](super::Manifest::classes)), so that the order of its rows
/// does not matter; a run keeps the order it was trained with.
#[derive(Debug, Clone)]
pub struct Classes {
    names: Vec<String>,
    indices: HashMap<String, usize>,
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
        Ok(Self { names, indices })
    }

    /// The index of a name.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.indices.get(name).copied()
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
    fn refuses_names_that_cannot_be_told_apart() {
        let Err(Error::ClassName { index: 2, name }) = Classes::new(["cat", "dog", "cat"]) else { panic!() };
        assert_eq!(name, "cat");
        assert!(matches!(Classes::new(["cat", ""]), Err(Error::ClassName { index: 1, .. })));
    }
}
