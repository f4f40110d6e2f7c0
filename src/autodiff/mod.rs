//! (autodiff)
