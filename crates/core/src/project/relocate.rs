//! Manifests that are named in a run or an evaluation, found again from wherever a command is given.

use std::path::PathBuf;

use super::Error;
use crate::dataset::Candidate;

/// What was found under names that were written down.
pub(super) struct Found<T> {
    /// What was read there.
    pub(super) read: T,
    pub(super) paths: Vec<PathBuf>,
    /// Whether it is what was written down, as far as could be looked at; else it has changed, or is something else.
    pub(super) is_same: bool,
    /// Whether it lies where it lay; else it merely has the same relative name.
    pub(super) is_known: bool,
}

/// The first of these candidates that is what is looked for, else the first one. `None` if there are none.
///
/// # Errors
/// If the first one cannot be read, and no other is what is looked for.
pub(super) fn find<T>(
    candidates: Vec<Candidate>,
    read: impl Fn(&[PathBuf]) -> Result<T, Error>,
    is_same: impl Fn(&T) -> bool,
) -> Result<Option<Found<T>>, Error> {
    let mut first = None;
    for Candidate { paths, known } in candidates {
        let read = read(&paths);
        let is_same = read.as_ref().is_ok_and(&is_same);
        let found = read.map(|read| Found { read, paths, is_same, is_known: known });
        if is_same {
            return found.map(Some);
        }
        first.get_or_insert(found);
    }
    first.transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(path: &str, known: bool) -> Candidate {
        Candidate { paths: vec![path.into()], known }
    }

    fn found(candidates: Vec<Candidate>, wanted: &str) -> Result<Option<(String, bool, bool)>, Error> {
        let read = |paths: &[PathBuf]| {
            let name = paths[0].display().to_string();
            if name == "damaged" { Err(Error::NothingHeldOut) } else { Ok(name) }
        };
        let found = find(candidates, read, |name| name == wanted)?;
        Ok(found.map(|found| (found.read, found.is_same, found.is_known)))
    }

    #[test]
    fn what_is_looked_for_comes_before_what_is_likelier() {
        let all = || vec![candidate("damaged", true), candidate("b", true), candidate("c", false)];
        assert_eq!(found(all(), "c").unwrap(), Some(("c".into(), true, false)));
        assert_eq!(found(all()[1..].to_vec(), "x").unwrap(), Some(("b".into(), false, true)));
        assert!(matches!(found(all(), "x"), Err(Error::NothingHeldOut)));
        assert_eq!(found(vec![], "x").unwrap(), None);
    }
}
