//! Files that want to crash the reader or fill the memory.

mod counting;
mod every_step;
mod graphs;
mod images;
