//! (extract)
