use image::metadata::Orientation;

use super::decode::{Header, Space, decode};
use super::guard::guarded;
use super::heif::Heif;
use super::normalise::Table;
use super::recipe::{Decode, Exif, Recipe, Resize};
use super::resample::{Part, Resampler, Size};
use super::view::{View, Window, crops_of};
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
    /// For the views that are crops.
    crops: Recipe,
    limits: Limits,
    heif: Heif,
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
    mirrored: Vec<u8>,
    resized: Vec<u8>,
}

/// A decoded image, from which any number of views can be had.
#[derive(Debug)]
pub struct Opened<'p, 'b> {
    source: Source<'p, 'b>,
    table: &'p Table,
    resampler: &'p mut Resampler,
    buffers: &'p mut Buffers,
    decoded: Decoded,
    image: Image,
}

/// What views are made from.
#[derive(Debug, Clone, Copy)]
struct Source<'p, 'b> {
    bytes: &'b [u8],
    recipe: &'p Recipe,
    crops: &'p Recipe,
    limits: &'p Limits,
    heif: &'p Heif,
}

/// The image as it lies in the buffers.
#[derive(Debug, Clone, Copy)]
struct Image {
    /// Width and height of the upright image, had all of it been decoded.
    whole: Size,
    /// Width and height of what was decoded, upright.
    size: Size,
    /// What it was decoded for: a scale that serves one size is another than that for the next.
    resize: Resize,
    /// Whether it had to be turned to be upright.
    turned: bool,
    /// Whether the mirrored one is there too.
    mirrored: bool,
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
    /// How the image is to be turned, as a number of EXIF's, 1 to 8; 1, which is upright, if nothing says so. Whether it was
    /// applied is the recipe's choice.
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
        let (limits, heif) = (Limits::default(), Heif::default());
        let (resampler, buffers) = (Resampler::default(), Buffers::default());
        Ok(Self { crops: crops_of(&recipe), recipe, limits, heif, table, resampler, buffers })
    }

    /// The same with other limits.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same with another libheif, for HEIC.
    pub fn with_heif(self, heif: Heif) -> Self {
        Self { heif, ..self }
    }

    /// The recipe that is carried out, with [`Recipe::decoder`] filled in: this is the one for a fingerprint.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Decode the image in `bytes`, which are a file's, and turn it upright if the recipe says so: once for all views, but
    /// for a JPEG that is scaled meanwhile, of which crops may need another scale.
    ///
    /// # Errors
    /// Every variant of [`Error`] but those about recipes and [`Error::TooSmall`]; the preprocessor stays usable, also after a
    /// panic, which is [`Error::Panicked`].
    pub fn open<'b>(&mut self, bytes: &'b [u8]) -> Result<Opened<'_, 'b>, Error> {
        let Self { recipe, crops, limits, heif, table, resampler, buffers } = self;
        let (decoded, image) = guarded(|| buffers.load(bytes, recipe, limits, heif))?;
        let source = Source { bytes, recipe, crops, limits, heif };
        Ok(Opened { source, table, resampler, buffers, decoded, image })
    }

    /// Decode, turn, resize and crop the image in `bytes`, which are a file's: its plain view.
    ///
    /// # Errors
    /// Every variant of [`Error`] but those about recipes; the preprocessor stays usable.
    pub fn pixels(&mut self, bytes: &[u8]) -> Result<Pixels<'_>, Error> {
        self.open(bytes)?.into_pixels(View::PLAIN)
    }

    /// Turn the image in `bytes` into a tensor of [`Recipe::input_shape`], in `out`: that of its plain view.
    ///
    /// # Errors
    /// As [`pixels`](Self::pixels); `out` is then unchanged.
    ///
    /// # Panics
    /// If `out` is not [`Recipe::len`] long.
    pub fn run(&mut self, bytes: &[u8], out: &mut [f32]) -> Result<Decoded, Error> {
        let mut image = self.open(bytes)?;
        image.tensor(View::PLAIN, out)?;
        Ok(image.decoded)
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

impl<'p> Opened<'p, '_> {
    /// What the file was like.
    pub fn decoded(&self) -> Decoded {
        self.decoded
    }

    /// Turn a view of the image into a tensor of [`Recipe::input_shape`], in `out`.
    ///
    /// # Errors
    /// As [`into_pixels`](Self::into_pixels); `out` is then unchanged.
    ///
    /// # Panics
    /// If `out` is not [`Recipe::len`] long.
    pub fn tensor(&mut self, view: View, out: &mut [f32]) -> Result<(), Error> {
        assert_eq!(out.len(), self.source.recipe.len(), "the output takes one image");
        guarded(|| {
            let (rgb, _) = self.buffers.prepare(view, self.source, &mut self.image, self.resampler)?;
            #[cfg(test)]
            super::guard::trap::spring(self.source.bytes, "normalising");
            self.table.fill(rgb, out);
            Ok(())
        })
    }

    /// Mirror, resize and crop the image as view and recipe say.
    ///
    /// # Errors
    /// [`Error::TooSmall`], [`Error::TooLarge`] for a ribbon whose longer edge explodes, or [`Error::Panicked`].
    pub fn into_pixels(self, view: View) -> Result<Pixels<'p>, Error> {
        let Self { source, mut image, resampler, buffers, decoded, .. } = self;
        let (rgb, (width, height)) = guarded(move || buffers.prepare(view, source, &mut image, resampler))?;
        Ok(Pixels { rgb, width, height, decoded })
    }
}

impl Buffers {
    /// Decode as much as this recipe needs, and turn it upright.
    fn load(
        &mut self,
        bytes: &[u8],
        recipe: &Recipe,
        limits: &Limits,
        heif: &Heif,
    ) -> Result<(Decoded, Image), Error> {
        let Buffers { decoding, decoded, upright, .. } = self;
        let orientation = |header: &Header| match recipe.exif {
            Exif::Apply => header.orientation,
            Exif::Ignore => Orientation::NoTransforms,
        };
        let whole = |header: &Header| {
            orient::turned((header.width as usize, header.height as usize), orientation(header))
        };
        let wanted = |header: &Header| match recipe.decode {
            Decode::Full => None,
            // What cannot be resized is an error of the view, once it is known to be an image.
            Decode::Scaled => {
                let target = resize::target(recipe, whole(header), limits).ok()?;
                Some(orient::turned(target, orientation(header)))
            }
        };
        let (format, header) = decode(bytes, recipe.alpha, (limits, heif), wanted, decoding, decoded)?;
        let facts = Decoded {
            format,
            width: header.width,
            height: header.height,
            orientation: header.orientation.to_exif(),
        };
        let turned = orientation(&header) != Orientation::NoTransforms;
        #[cfg(test)]
        super::guard::trap::spring(bytes, "turning");
        let size = match turned {
            true => orient::upright(decoded, header.decoded, orientation(&header), upright),
            false => header.decoded,
        };
        let image = Image { whole: whole(&header), size, resize: recipe.resize, turned, mirrored: false };
        Ok((facts, image))
    }

    /// All steps after decoding but the last.
    fn prepare(
        &mut self,
        view: View,
        source: Source<'_, '_>,
        image: &mut Image,
        resampler: &mut Resampler,
    ) -> Result<(&[u8], Size), Error> {
        let recipe = if view.window == Window::Own { source.recipe } else { source.crops };
        let target = resize::target(recipe, image.whole, source.limits)?;
        // A view is the same whatever else is looked at, so it is decoded at the scale that it has alone.
        if recipe.decode == Decode::Scaled && image.resize != recipe.resize {
            *image = self.load(source.bytes, recipe, source.limits, source.heif)?.1;
        }
        let Buffers { decoded, upright, mirrored, resized, .. } = self;
        let mut rgb: &[u8] = if image.turned { upright } else { decoded };
        if view.flipped {
            if !image.mirrored {
                orient::upright(rgb, image.size, Orientation::FlipHorizontal, mirrored);
                image.mirrored = true;
            }
            rgb = mirrored;
        }
        #[cfg(test)]
        super::guard::trap::spring(source.bytes, "resizing");
        let part = view.window.part(recipe.crop.as_ref(), target);
        if image.size == target && part == Part::whole(target) {
            return Ok((rgb, target));
        }
        resampler.resize(rgb, image.size, target, part, recipe.filter, resized);
        Ok((resized, part.size))
    }
}
