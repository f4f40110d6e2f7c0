//! Where an image comes from.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use headstart_base::files::path_text;
use ndarray::ArrayView3;

use crate::extract::read_image;

/// An image to look at: a file, the bytes of one, or pixels.
///
/// However it comes, the same bytes are the same image, and have the same row in a cache.
///
/// ```
/// use headstart_core::ImageInput;
///
/// let file = ImageInput::from("photos/cat.jpg");
/// let upload = ImageInput::bytes("upload 1", b"the bytes of a JPEG".to_vec());
/// let drawn = ImageInput::pixels("drawing", ndarray::Array3::zeros((48, 64, 3)).view())?;
/// assert_eq!([file.name(), upload.name(), drawn.name()], ["photos/cat.jpg", "upload 1", "drawing"]);
/// # Ok::<(), headstart_core::PixelsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageInput {
    /// A file, read when its turn comes.
    File(PathBuf),
    /// What a file holds. Copies share the memory.
    Bytes {
        /// What messages call it.
        name: String,
        /// All of the file.
        bytes: Bytes,
    },
}

/// Pixels of another shape than `(height, width, 3)`, or none at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pixels have the shape {found:?}, expected (height, width, 3)")]
pub struct PixelsError {
    /// The shape that was given.
    pub found: [usize; 3],
}

impl ImageInput {
    /// The bytes of a file of any format that is decoded.
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self::Bytes { name: name.into(), bytes: bytes.into() }
    }

    /// Pixels `(height, width, 3)`, red first. They are the image that a PPM file of them is.
    ///
    /// # Errors
    /// If they have another shape, or there are none.
    pub fn pixels(name: impl Into<String>, rgb: ArrayView3<'_, u8>) -> Result<Self, PixelsError> {
        let (height, width, channels) = rgb.dim();
        if channels != 3 || height == 0 || width == 0 {
            return Err(PixelsError { found: [height, width, channels] });
        }
        let mut bytes = format!("P6\n{width} {height}\n255\n").into_bytes();
        bytes.reserve_exact(rgb.len());
        match rgb.as_slice() {
            Some(all) => bytes.extend_from_slice(all),
            None => bytes.extend(rgb.iter()),
        }
        Ok(Self::bytes(name, bytes))
    }

    /// What messages call it: the path of a file, as text.
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::File(path) => path_text(path),
            Self::Bytes { name, .. } => name.into(),
        }
    }

    /// Its file, if it has one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Bytes { .. } => None,
        }
    }

    /// What a list of failures calls it.
    pub(crate) fn path_or_name(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Bytes { name, .. } => Path::new(name),
        }
    }

    /// All bytes of the image file.
    pub(crate) fn read(&self) -> io::Result<Bytes> {
        match self {
            Self::File(path) => read_image(path).map(Bytes::from),
            Self::Bytes { bytes, .. } => Ok(bytes.clone()),
        }
    }

    /// How many bytes it takes to read it; those that are there already take none.
    pub(crate) fn size_to_read(&self) -> u64 {
        match self {
            Self::File(path) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Self::Bytes { .. } => 0,
        }
    }
}

/// Files as inputs.
pub fn files<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Vec<ImageInput> {
    paths.into_iter().map(|path| ImageInput::File(path.as_ref().to_owned())).collect()
}

impl From<PathBuf> for ImageInput {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for ImageInput {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&str> for ImageInput {
    fn from(path: &str) -> Self {
        Self::File(path.into())
    }
}

#[cfg(test)]
mod tests {
    use headstart_image::recipe::Resize;
    use headstart_image::{Preprocessor, Recipe, View};
    use ndarray::{Array3, s};

    use super::*;

    #[test]
    fn pixels_come_out_as_they_went_in() {
        let pixels = Array3::from_shape_fn((5, 7, 3), |(y, x, c)| (y * 50 + x * 9 + c) as u8);
        let resize = Resize::Stretch { width: 7, height: 5 };
        let recipe = Recipe { resize, ..Recipe::preset("keras-tf").unwrap() };
        let mut preprocessor = Preprocessor::new(recipe).unwrap();
        let mut seen = |input: &ImageInput| {
            let bytes = input.read().unwrap();
            preprocessor.open(&bytes).unwrap().into_pixels(View::PLAIN).unwrap().rgb.to_vec()
        };
        let input = ImageInput::pixels("all", pixels.view()).unwrap();
        assert_eq!(seen(&input), pixels.as_slice().unwrap());
        // A view of an array has gaps, and may go backwards.
        let turned = ImageInput::pixels("turned", pixels.slice(s![..;-1, .., ..])).unwrap();
        let want: Vec<u8> = pixels.slice(s![..;-1, .., ..]).iter().copied().collect();
        assert_eq!(seen(&turned), want);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for shape in [(4, 4, 1), (4, 4, 4), (0, 4, 3), (4, 0, 3)] {
            let error = ImageInput::pixels("x", Array3::zeros(shape).view()).unwrap_err();
            assert_eq!(error.found, [shape.0, shape.1, shape.2]);
        }
    }
}
