//! Whether a recipe can be carried out.

use std::fmt;

use super::{Recipe, Resize};
use crate::Error;

impl Recipe {
    /// Find what could not be carried out.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the field: no size or one above 16384, a size that the image would decide, a crop larger than
    /// what it is cut from, a number that is not finite, a divisor or standard deviation of zero or less.
    pub fn check(&self) -> Result<(), Error> {
        self.check_geometry()?;
        positive("divisor", self.divisor)?;
        self.mean.iter().try_for_each(|&mean| finite("mean", mean))?;
        self.std.iter().try_for_each(|&std| positive("std", std))
    }

    fn check_geometry(&self) -> Result<(), Error> {
        match self.resize {
            Resize::Stretch { width, height } => {
                edge("resize", width)?;
                edge("resize", height)?;
            }
            Resize::ShortEdge { edge: short, .. } => edge("resize", short)?,
            Resize::None => {}
        }
        let Some(crop) = self.crop else {
            return match self.resize {
                Resize::Stretch { .. } => Ok(()),
                _ => {
                    Err(problem("crop", "a crop, for without one each image would have its own size", "none"))
                }
            };
        };
        edge("crop", crop.width)?;
        edge("crop", crop.height)?;
        let (widest, highest) = match self.resize {
            Resize::Stretch { width, height } => (width, height),
            Resize::ShortEdge { edge, .. } => (edge, edge),
            Resize::None => return Ok(()),
        };
        if crop.width > widest || crop.height > highest {
            let expected = format!("at most the {widest}x{highest} that resizing leaves");
            return Err(problem("crop", expected, format!("{}x{}", crop.width, crop.height)));
        }
        Ok(())
    }
}

/// No graph takes larger images, and the tensor's length stays far from overflowing.
const MAX_EDGE: u32 = 16_384;

fn edge(field: &'static str, pixels: u32) -> Result<(), Error> {
    match pixels {
        1..=MAX_EDGE => Ok(()),
        _ => Err(problem(field, format!("edges of 1 to {MAX_EDGE} pixels"), pixels)),
    }
}

fn finite(field: &'static str, number: f64) -> Result<(), Error> {
    // Also when narrowed: the arithmetic is in f32.
    if (number as f32).is_finite() { Ok(()) } else { Err(problem(field, "finite numbers", number)) }
}

fn positive(field: &'static str, number: f64) -> Result<(), Error> {
    finite(field, number)?;
    // Narrowed as well: what underflows to zero divides by zero.
    if number as f32 > 0.0 { Ok(()) } else { Err(problem(field, "numbers above 0", number)) }
}

fn problem(field: &'static str, expected: impl Into<String>, found: impl fmt::Display) -> Error {
    Error::Recipe { field, expected: expected.into(), found: found.to_string() }
}
