//! (backbone)
