use image::metadata::Orientation;

use super::decode::{Header, Space, decode};
use super::normalise::Table;
use super::recipe::{Decode, Exif, Recipe};
use super::resample::{Part, Resampler};
use super::{Error, Format, Limits, orient, resize};

/// The JPEG decoder, with its version: the one step whose bytes no reference prescribes.
///
/// A fact for [`Recipe::decoder`]. It is our own, and its pixels are those of libjpeg-turbo's "islow" transform; the
/// number goes up whenever one of them changes.
pub const DECODER: &str = "headstart islow 1";

/// Carries out a [`Recipe`].
///
/// Buffers are kept from image to image: have one for each decoding thread.
#[derive(Debug)]
pub struct Preprocessor {
    recipe: Recipe,
    limits: Limits,
    table: Table,
    resampler: Resampler,
    buffers: Buffers,
}

/// The image on its way; each step reads one and writes the next.
#[derive(Debug, Default)]
struct Buffers {
    decoding: Space,
    decoded: Vec<u8>,
    upright: Vec<u8>,
    resized: Vec<u8>,
}

/// An image that is ready but for the normalisation: `height` rows of `width` RGB pixels.
#[derive(Debug, Clone, Copy)]
pub struct Pixels<'a> {
    /// Three bytes a pixel, rows without padding.
    pub rgb: &'a [u8],
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// What the file was like.
    pub decoded: Decoded,
}

/// Facts about a decoded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Its format.
    pub format: Format,
    /// Pixels across, as stored.
    pub width: u32,
    /// Pixels down, as stored.
    pub height: u32,
    /// The EXIF orientation, 1 to 8; 1, which is upright, if there is none. Whether it was applied is the recipe's choice.
    pub orientation: u8,
}

impl Preprocessor {
    /// Make ready for `recipe`, with the default [`Limits`].
    ///
    /// # Errors
    /// As [`Recipe::check`].
    pub fn new(recipe: Recipe) -> Result<Self, Error> {
        recipe.check()?;
        let table = Table::new(&recipe);
        let recipe = Recipe { decoder: Some(DECODER.to_owned()), ..recipe };
        let (limits, resampler, buffers) = (Limits::default(), Resampler::default(), Buffers::default());
        Ok(Self { recipe, limits, table, resampler, buffers })
    }

    /// The same with other limits.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The recipe that is carried out, with [`Recipe::decoder`] filled in: this is the one for a fingerprint.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Decode, turn, resize and crop the image in `bytes`, which are a file's.
    ///
    /// # Errors
    /// Every variant of [`Error`] but those about recipes; the preprocessor stays usable.
    pub fn pixels(&mut self, bytes: &[u8]) -> Result<Pixels<'_>, Error> {
        let Self { recipe, limits, resampler, buffers, .. } = self;
        buffers.prepare(bytes, recipe, limits, resampler)
    }

    /// Turn the image in `bytes` into a tensor of [`Recipe::input_shape`], in `out`.
    ///
    /// # Errors
    /// As [`pixels`](Self::pixels); `out` is then unchanged.
    ///
    /// # Panics
    /// If `out` is not [`Recipe::len`] long.
    pub fn run(&mut self, bytes: &[u8], out: &mut [f32]) -> Result<Decoded, Error> {
        assert_eq!(out.len(), self.recipe.len(), "the output takes one image");
        let Self { recipe, limits, table, resampler, buffers } = self;
        let pixels = buffers.prepare(bytes, recipe, limits, resampler)?;
        table.fill(pixels.rgb, out);
        Ok(pixels.decoded)
    }

    /// Normalise pixels that are already of the recipe's size, three bytes each, red first.
    ///
    /// # Panics
    /// If `rgb` and `out` are not both [`Recipe::len`] long.
    pub fn normalise(&self, rgb: &[u8], out: &mut [f32]) {
        assert_eq!(out.len(), self.recipe.len(), "the output takes one image");
        self.table.fill(rgb, out);
    }
}

impl Buffers {
    /// All steps but the last; a function of its own so that the table stays free to be borrowed.
    fn prepare(
        &mut self,
        bytes: &[u8],
        recipe: &Recipe,
        limits: &Limits,
        resampler: &mut Resampler,
    ) -> Result<Pixels<'_>, Error> {
        let Buffers { decoding, decoded, upright: turned, resized } = self;
        let orientation = |header: &Header| match recipe.exif {
            Exif::Apply => header.orientation,
            Exif::Ignore => Orientation::NoTransforms,
        };
        let target = |header: &Header| {
            let stored = (header.width as usize, header.height as usize);
            resize::target(recipe, orient::turned(stored, orientation(header)), limits)
        };
        let wanted = |header: &Header| match recipe.decode {
            Decode::Full => None,
            // What cannot be resized is an error below, once it is known to be an image.
            Decode::Scaled => Some(orient::turned(target(header).ok()?, orientation(header))),
        };
        let (format, header) = decode(bytes, recipe.alpha, limits, wanted, decoding, decoded)?;
        let facts = Decoded {
            format,
            width: header.width,
            height: header.height,
            orientation: header.orientation.to_exif(),
        };

        let (mut rgb, mut size): (&[u8], _) = (decoded, header.decoded);
        if orientation(&header) != Orientation::NoTransforms {
            size = orient::upright(rgb, size, orientation(&header), turned);
            rgb = turned;
        }
        let target = target(&header)?;
        let part = resize::part(recipe.crop.as_ref(), target);
        if size != target || part != Part::whole(target) {
            resampler.resize(rgb, size, target, part, recipe.filter, resized);
            (rgb, size) = (resized, part.size);
        }
        Ok(Pixels { rgb, width: size.0, height: size.1, decoded: facts })
    }
}
