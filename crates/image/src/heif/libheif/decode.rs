//! One image through libheif: each thing that it makes is owned here, and given back.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ptr;
use std::slice;

use super::super::fault::{Fault, Result, damaged, unsupported};
use super::super::picture::{Chroma, Picture, Plane};
use super::super::property::Nclx;
use super::api::{
    ALPHA, Api, CHANNELS, ColourProfile, HeifStatus, LIMIT_EXCEEDED, MONOCHROME, OUT_OF_MEMORY, Options,
    RawContext, RawHandle, RawImage, UNDEFINED, UNSUPPORTED_FEATURE, UNSUPPORTED_FILE, YCBCR, text,
};
use super::library::Libheif;
use crate::{Error, Limits};

/// A file that is open in libheif, which reads from the bytes for as long.
struct Context<'b> {
    api: Api,
    raw: *mut RawContext,
    bytes: PhantomData<&'b [u8]>,
}

/// An image in it.
struct Handle<'c> {
    api: Api,
    raw: *mut RawHandle,
    context: PhantomData<&'c ()>,
}

/// What the file says of an image's colours.
struct Profile {
    api: Api,
    raw: *mut ColourProfile,
}

/// How an image is to be decoded.
struct DecodingOptions<'p> {
    api: Api,
    raw: *mut Options,
    profile: PhantomData<&'p Profile>,
}

/// A decoded image.
pub(crate) struct Decoded {
    api: Api,
    raw: *mut RawImage,
}

/// Decode the primary image of a file, as it is coded: not turned, not cropped, in its own planes.
///
/// # Errors
/// [`Fault::Damaged`], [`Fault::Unsupported`] or [`Fault::TooLarge`], in libheif's own words.
pub(crate) fn decode(library: &Libheif, bytes: &[u8], limits: &Limits) -> Result<Decoded> {
    let context = Context::open(library, bytes, limits)?;
    let handle = context.primary()?;
    let profile = handle.colour_profile();
    handle.decode(&DecodingOptions::as_coded(library, profile.as_ref())?)
}

fn check(outcome: HeifStatus) -> Result<()> {
    if outcome.code == 0 {
        return Ok(());
    }
    // SAFETY: libheif's messages are static, or belong to what is still open here.
    let message = unsafe { text(outcome.message) };
    match outcome.code {
        OUT_OF_MEMORY => Err(too_large(message)),
        _ if outcome.subcode == LIMIT_EXCEEDED => Err(too_large(message)),
        UNSUPPORTED_FILE | UNSUPPORTED_FEATURE => {
            unsupported(format!("something that libheif does not decode ({message})"))
        }
        _ => damaged(format!("libheif: {message}")),
    }
}

fn too_large(message: String) -> Fault {
    Fault::TooLarge(Error::TooLarge {
        found: format!("libheif says: {message}"),
        allowed: "fewer bytes".into(),
    })
}

impl<'b> Context<'b> {
    fn open(library: &Libheif, bytes: &'b [u8], limits: &Limits) -> Result<Self> {
        let api = library.api;
        // SAFETY: it takes nothing and makes a context, or null.
        let raw = unsafe { (api.context_new)() };
        if raw.is_null() {
            return Err(too_large("no memory for a context".into()));
        }
        let context = Self { api, raw, bytes: PhantomData };
        // SAFETY: `raw` is a context until `context` is dropped.
        unsafe {
            // On this thread: images are decoded side by side as it is.
            (api.context_threads)(raw, 0);
            // Its limits may be changed in place.
            if let Some(own) = (api.context_limits)(raw).as_mut() {
                own.image_pixels = limits.pixels;
                own.memory_block = limits.memory;
                if own.version >= 2 {
                    own.total_memory = limits.memory;
                }
            }
        }
        let data = bytes.as_ptr().cast::<c_void>();
        // SAFETY: `data` are as many bytes, and stay while the context does, which borrows them.
        check(unsafe { (api.context_read)(raw, data, bytes.len(), ptr::null()) })?;
        Ok(context)
    }

    fn primary(&self) -> Result<Handle<'_>> {
        let mut raw = ptr::null_mut();
        // SAFETY: the context is open, and `raw` is room for a handle.
        check(unsafe { (self.api.primary)(self.raw, &raw mut raw) })?;
        Ok(Handle { api: self.api, raw, context: PhantomData })
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        // SAFETY: made by libheif, and not used again.
        unsafe { (self.api.context_free)(self.raw) };
    }
}

impl Handle<'_> {
    fn colour_profile(&self) -> Option<Profile> {
        let mut raw = ptr::null_mut();
        // SAFETY: the handle is open, and `raw` is room for a pointer.
        let outcome = unsafe { (self.api.handle_colour_profile)(self.raw, &raw mut raw) };
        (outcome.code == 0 && !raw.is_null()).then_some(Profile { api: self.api, raw })
    }

    fn decode(&self, options: &DecodingOptions<'_>) -> Result<Decoded> {
        let mut raw = ptr::null_mut();
        // SAFETY: handle and options are open, and `raw` is room for an image.
        let outcome = unsafe { (self.api.decode)(self.raw, &raw mut raw, UNDEFINED, UNDEFINED, options.raw) };
        check(outcome)?;
        if raw.is_null() {
            return damaged("libheif gave no image");
        }
        Ok(Decoded { api: self.api, raw })
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        // SAFETY: made by libheif, and not used again.
        unsafe { (self.api.handle_free)(self.raw) };
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        // SAFETY: made by libheif, and not used again.
        unsafe { (self.api.colour_profile_free)(self.raw) };
    }
}

impl<'p> DecodingOptions<'p> {
    /// Nothing turned, cropped or converted; `profile` is the file's own.
    fn as_coded(library: &Libheif, profile: Option<&'p Profile>) -> Result<Self> {
        let api = library.api;
        // SAFETY: it takes nothing and makes options, or null.
        let raw = unsafe { (api.options_new)() };
        // SAFETY: if it is not null it is options that nobody else has.
        let Some(options) = (unsafe { raw.as_mut() }) else {
            return Err(too_large("no memory for options".into()));
        };
        options.ignore_transformations = 1;
        options.convert_hdr_to_8bit = 0;
        if options.version >= 3 {
            options.strict_decoding = 1;
        }
        if options.version >= 8 {
            (options.library_threads, options.codec_threads) = (1, 1);
            // Otherwise the planes are converted to BT.601 in the full range, and say so.
            options.output_profile = profile.map_or(ptr::null_mut(), |profile| profile.raw);
        }
        if options.version >= 10 {
            options.keep_profile = 1;
        }
        Ok(Self { api, raw, profile: PhantomData })
    }
}

impl Drop for DecodingOptions<'_> {
    fn drop(&mut self) {
        // SAFETY: made by libheif, and not used again.
        unsafe { (self.api.options_free)(self.raw) };
    }
}

impl Decoded {
    /// Its planes. `nclx` is what the container says of their colours; libheif's own word, which it has from there or from
    /// the coded data, goes over that, for some versions convert the planes.
    ///
    /// # Errors
    /// [`Fault::Unsupported`] if they are of a kind that is not known here.
    pub(crate) fn picture(&self, nclx: Option<Nclx>) -> Result<Picture<'_>> {
        // SAFETY: the image is there until `self` is dropped.
        let (space, chroma) = unsafe { ((self.api.colour_space)(self.raw), (self.api.chroma)(self.raw)) };
        let chroma = match (space, chroma) {
            (MONOCHROME, _) | (YCBCR, 0) => Chroma::Grey,
            (YCBCR, 1) => Chroma::C420,
            (YCBCR, 2) => Chroma::C422,
            (YCBCR, 3) => Chroma::C444,
            _ => return unsupported(format!("pixels of libheif's kind {space}.{chroma}")),
        };
        let bits = self.bits(CHANNELS[0])?;
        let size = self.size(CHANNELS[0])?;
        let first = self.plane(CHANNELS[0], size, bits)?;
        let planes = match chroma {
            Chroma::Grey => [first; 3],
            _ => {
                let colours = chroma.plane(size);
                [first, self.plane(CHANNELS[1], colours, bits)?, self.plane(CHANNELS[2], colours, bits)?]
            }
        };
        // SAFETY: as above.
        let has_alpha = unsafe { (self.api.width)(self.raw, ALPHA) } > 0;
        let alpha = has_alpha.then(|| self.plane(ALPHA, size, bits)).transpose()?;
        // What nobody says is BT.601 in the limited range, as HEVC has it.
        let unsaid = Nclx { primaries: 2, matrix: 2, full_range: false };
        let colour = self.colour().or(nclx).unwrap_or(unsaid);
        Ok(Picture { size, bits, chroma, colour, planes, alpha })
    }

    fn bits(&self, channel: c_int) -> Result<u8> {
        // SAFETY: as above.
        let bits = unsafe { (self.api.bits)(self.raw, channel) };
        if (8..=16).contains(&bits) { Ok(bits as u8) } else { unsupported(format!("samples of {bits} bits")) }
    }

    fn size(&self, channel: c_int) -> Result<(usize, usize)> {
        // SAFETY: as above.
        let size = unsafe { ((self.api.width)(self.raw, channel), (self.api.height)(self.raw, channel)) };
        match (usize::try_from(size.0), usize::try_from(size.1)) {
            (Ok(width @ 1..), Ok(height @ 1..)) => Ok((width, height)),
            _ => damaged("libheif gave an image without pixels"),
        }
    }

    /// A channel, which must be of this size and depth.
    fn plane(&self, channel: c_int, size: (usize, usize), bits: u8) -> Result<Plane<'_>> {
        if self.size(channel)? != size || self.bits(channel)? != bits {
            return unsupported("planes that differ in size or depth");
        }
        let mut stride = 0;
        // SAFETY: as above, and `stride` is room for a number.
        let start = unsafe { (self.api.plane)(self.raw, channel, &raw mut stride) };
        let stride = usize::try_from(stride).unwrap_or(0);
        let row = size.0 * if bits > 8 { 2 } else { 1 };
        if start.is_null() || stride < row {
            return damaged("libheif gave a plane without pixels");
        }
        // SAFETY: libheif has `height` rows of `stride` bytes there; of the last one no more is taken than is used. They
        // stay, and nothing writes to them, until the image is dropped.
        let bytes = unsafe { slice::from_raw_parts(start, stride * (size.1 - 1) + row) };
        Plane::new(bytes, stride, size, bits)
    }

    /// What libheif says of the planes' colours.
    fn colour(&self) -> Option<Nclx> {
        let mut profile = ptr::null_mut();
        // SAFETY: as above, and `profile` is room for a pointer.
        let outcome = unsafe { (self.api.colour_profile)(self.raw, &raw mut profile) };
        // SAFETY: if it is not null it is a profile that libheif made for us.
        let found = unsafe { profile.as_ref() }?;
        let (primaries, matrix) = (found.primaries as u16, found.matrix as u16);
        let colour = Nclx { primaries, matrix, full_range: found.full_range != 0 };
        // SAFETY: it is ours to free, and not used again.
        unsafe { (self.api.colour_profile_free)(profile) };
        (outcome.code == 0).then_some(colour)
    }
}

impl Drop for Decoded {
    fn drop(&mut self) {
        // SAFETY: made by libheif, and not used again.
        unsafe { (self.api.image_free)(self.raw) };
    }
}
