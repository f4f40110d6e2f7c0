//! Values that are found out when they are first needed.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// A value that is known, or that takes time to find out: then it is found out when it is first asked for, and once for all clones.
///
/// ```
/// use headstart_base::later::Later;
///
/// let folders = Later::new(|| vec!["/usr/lib/python3/dist-packages"]);
/// assert_eq!(folders.len(), 1);
/// ```
pub struct Later<T>(Arc<LazyLock<T, Find<T>>>);

type Find<T> = Box<dyn FnOnce() -> T + Send>;

impl<T> Later<T> {
    /// What `find` finds.
    pub fn new(find: impl FnOnce() -> T + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(find))))
    }
}

impl<T: Send + 'static> From<T> for Later<T> {
    fn from(value: T) -> Self {
        Self::new(|| value)
    }
}

impl<T: Default + Send + 'static> Default for Later<T> {
    fn default() -> Self {
        Self::from(T::default())
    }
}

impl<T> Clone for Later<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Later<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// It finds nothing out.
impl<T> fmt::Debug for Later<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn it_is_found_out_once_and_only_if_it_is_asked_for() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let later = Later::new(move || count.fetch_add(1, Ordering::Relaxed) + 7);
        let clone = later.clone();
        assert_eq!((format!("{later:?}").as_str(), asked.load(Ordering::Relaxed)), ("Later", 0));
        assert_eq!((*clone, *later, asked.load(Ordering::Relaxed)), (7, 7, 1));
    }
}
