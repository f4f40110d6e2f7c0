//! AV1: a safe wrapper around the decoder's C interface, which is the one that the crate has for one picture.
//!
//! The crate is `re_rav1d`, a fork of `rav1d` (dav1d in Rust, without its assembler): `rav1d` 1.1.0 ends the whole program on
//! many a damaged file, by a panic within a C function, and the fork has that mended.

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;

use re_rav1d::Dav1dResult;
use re_rav1d::include::dav1d::data::Dav1dData;
use re_rav1d::include::dav1d::dav1d::{Dav1dContext, Dav1dLogger, Dav1dSettings};
use re_rav1d::include::dav1d::headers::{
    DAV1D_PIXEL_LAYOUT_I400, DAV1D_PIXEL_LAYOUT_I420, DAV1D_PIXEL_LAYOUT_I422, DAV1D_PIXEL_LAYOUT_I444,
    Dav1dPixelLayout, Dav1dSequenceHeader,
};
use re_rav1d::include::dav1d::picture::Dav1dPicture;
use re_rav1d::src::lib::{
    dav1d_close, dav1d_data_create, dav1d_data_unref, dav1d_default_settings, dav1d_get_picture, dav1d_open,
    dav1d_parse_sequence_header, dav1d_picture_unref, dav1d_send_data,
};

use super::super::alone::alone;
use super::fault::{Fault, Result, damaged, unsupported};
use super::picture::{Chroma, Picture, Plane};
use super::property::Nclx;

/// What the stream says before its first frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// The largest width and height of a frame.
    pub size: (usize, usize),
    pub bits: u8,
    pub chroma: Chroma,
    pub colour: Nclx,
}

impl Header {
    /// Read the header of the stream in `data`.
    ///
    /// # Errors
    /// [`Fault::Damaged`], or [`Fault::Panicked`].
    pub(super) fn of_stream(data: Vec<u8>) -> Result<Self> {
        alone(move || Self::read(&data)).map_err(Fault::Panicked)?
    }

    fn read(data: &[u8]) -> Result<Self> {
        let mut header = MaybeUninit::<Dav1dSequenceHeader>::uninit();
        let start = NonNull::new(data.as_ptr().cast_mut());
        // SAFETY: `header` is room for one, `start` the start of `data.len()` bytes, which are only read.
        let result =
            unsafe { dav1d_parse_sequence_header(NonNull::new(header.as_mut_ptr()), start, data.len()) };
        if result.0 != 0 {
            return damaged("the AV1 data have no sequence header");
        }
        // SAFETY: it was filled in, for that went well.
        Self::of(unsafe { header.assume_init_ref() })
    }

    fn of(header: &Dav1dSequenceHeader) -> Result<Self> {
        let colour = Nclx {
            primaries: header.pri as u16,
            matrix: header.mtrx as u16,
            full_range: header.color_range != 0,
        };
        let size = (header.max_width as usize, header.max_height as usize);
        Ok(Self { size, bits: 8 + 2 * header.hbd, chroma: chroma(header.layout)?, colour })
    }
}

fn chroma(layout: Dav1dPixelLayout) -> Result<Chroma> {
    match layout {
        DAV1D_PIXEL_LAYOUT_I400 => Ok(Chroma::Grey),
        DAV1D_PIXEL_LAYOUT_I420 => Ok(Chroma::C420),
        DAV1D_PIXEL_LAYOUT_I422 => Ok(Chroma::C422),
        DAV1D_PIXEL_LAYOUT_I444 => Ok(Chroma::C444),
        other => unsupported(format!("AV1 of the layout {other}")),
    }
}

/// The decoder.
struct Decoder(Option<Dav1dContext>);

/// Data on the way into it.
struct Data(Dav1dData);

/// A decoded frame, which belongs to the decoder's memory until it is dropped.
pub(super) struct Frame {
    picture: Dav1dPicture,
    header: Header,
}

/// Decode the first frame that `data` show, on one thread, while this one waits.
///
/// No frame of more than `pixels` pixels is begun.
///
/// # Errors
/// [`Fault::Damaged`], or [`Fault::Panicked`].
pub(super) fn decode(data: Vec<u8>, operating_point: u8, pixels: u64) -> Result<Frame> {
    alone(move || first_frame(&data, operating_point, pixels)).map_err(Fault::Panicked)?
}

fn first_frame(data: &[u8], operating_point: u8, pixels: u64) -> Result<Frame> {
    let header = Header::read(data)?;
    let mut decoder = Decoder::open(operating_point, pixels)?;
    let mut data = Data::copy(data)?;
    // A stream of one picture gives it at once, or after it is told that nothing follows.
    for _ in 0..4 {
        if !data.is_empty() {
            decoder.send(&mut data)?;
        }
        if let Some(picture) = decoder.picture()? {
            let frame = Frame { picture, header };
            let params = &frame.picture.p;
            let same_kind = params.bpc == i32::from(header.bits) && chroma(params.layout)? == header.chroma;
            return if same_kind { Ok(frame) } else { damaged("the AV1 data change their kind") };
        }
    }
    damaged("the AV1 data hold no picture")
}

/// An error number that asks for more data, or to take a picture first.
const AGAIN: i32 = -libc_eagain();

/// The decoder takes it from the C library of the system.
const fn libc_eagain() -> i32 {
    if cfg!(any(target_vendor = "apple", target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))
    {
        35
    } else {
        11
    }
}

fn check(Dav1dResult(number): Dav1dResult) -> Result<bool> {
    match number {
        0 => Ok(true),
        AGAIN => Ok(false),
        number => damaged(format!("the AV1 data do not decode (error {number})")),
    }
}

impl Decoder {
    fn open(operating_point: u8, pixels: u64) -> Result<Self> {
        let mut settings = MaybeUninit::<Dav1dSettings>::uninit();
        let place = NonNull::new(settings.as_mut_ptr()).expect("the address of a variable");
        // SAFETY: `place` is room for the settings, which are filled in.
        let mut settings = unsafe {
            dav1d_default_settings(place);
            settings.assume_init()
        };
        // On this thread alone: images are decoded side by side as it is.
        (settings.n_threads, settings.max_frame_delay) = (1, 1);
        (settings.operating_point, settings.all_layers) = (operating_point.min(31).into(), 0);
        settings.frame_size_limit = u32::try_from(pixels).unwrap_or(u32::MAX);
        // SAFETY: without a function there is nothing that could be called in a wrong way.
        settings.logger = unsafe { Dav1dLogger::new(None, None) };
        let mut decoder = Self(None);
        // SAFETY: both point to values of the right type, which outlive the call.
        let result = unsafe { dav1d_open(NonNull::new(&raw mut decoder.0), NonNull::new(&raw mut settings)) };
        check(result)?;
        Ok(decoder)
    }

    /// Give it data; what it does not take yet stays in `data`.
    fn send(&mut self, data: &mut Data) -> Result<()> {
        // SAFETY: the context is open until `self` is dropped, and `data` were made by `dav1d_data_create`.
        let result = unsafe { dav1d_send_data(self.0, NonNull::new(&raw mut data.0)) };
        check(result).map(drop)
    }

    /// A picture, if one is ready.
    fn picture(&mut self) -> Result<Option<Dav1dPicture>> {
        let mut picture = Dav1dPicture::default();
        // SAFETY: the context is open until `self` is dropped, and `picture` is room for one.
        let result = unsafe { dav1d_get_picture(self.0, NonNull::new(&raw mut picture)) };
        Ok(check(result)?.then_some(picture))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the context is open, or none, and is not used again.
        unsafe { dav1d_close(NonNull::new(&raw mut self.0)) };
    }
}

impl Data {
    fn copy(bytes: &[u8]) -> Result<Self> {
        let mut data = Self(Dav1dData::default());
        // SAFETY: `data` is room for one.
        let start = unsafe { dav1d_data_create(NonNull::new(&raw mut data.0), bytes.len()) };
        if start.is_null() || bytes.is_empty() {
            return damaged("the AV1 data are empty");
        }
        // SAFETY: `start` begins as many bytes as were asked for, which nobody else has.
        unsafe { start.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(data)
    }

    fn is_empty(&self) -> bool {
        self.0.sz == 0
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        // SAFETY: made by `dav1d_data_create`, or empty.
        unsafe { dav1d_data_unref(NonNull::new(&raw mut self.0)) };
    }
}

// SAFETY: what a picture points to is counted by atomic numbers, and only read once the decoder has handed it out.
unsafe impl Send for Frame {}

impl Frame {
    /// Its planes.
    pub(super) fn picture(&self) -> Result<Picture<'_>> {
        let Header { bits, chroma, colour, .. } = self.header;
        let size = (self.picture.p.w as usize, self.picture.p.h as usize);
        let first = self.plane(0, size)?;
        let planes = match chroma {
            Chroma::Grey => [first; 3],
            _ => [first, self.plane(1, chroma.plane(size))?, self.plane(2, chroma.plane(size))?],
        };
        Ok(Picture { size, bits, chroma, colour, planes, alpha: None })
    }

    fn plane(&self, index: usize, size: (usize, usize)) -> Result<Plane<'_>> {
        let stride = self.picture.stride[index.min(1)];
        let (Some(start), Ok(stride)) = (self.picture.data[index], usize::try_from(stride)) else {
            return damaged("the decoder gave a picture without pixels");
        };
        // SAFETY: the decoder's own allocator has made `height` rows of `stride` bytes at `start`, which stay until the
        // picture is dropped, and nothing writes into a picture that was handed out.
        let bytes = unsafe { slice::from_raw_parts(start.as_ptr().cast::<u8>(), stride * size.1) };
        Plane::new(bytes, stride, size, self.header.bits)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: the picture came from `dav1d_get_picture` and is not used again.
        unsafe { dav1d_picture_unref(NonNull::new(&raw mut self.picture)) };
    }
}
