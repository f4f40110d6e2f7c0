//! The part of libheif's C interface that is used: all of it is there since version 1.19.
//!
//! # Source
//! `heif.h` of libheif, of which names, numbers and layouts are taken.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::{PhantomData, PhantomPinned};

use libloading::Library;

/// Something that only libheif knows the inside of.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Opaque<T> {
    inside: [u8; 0],
    own: PhantomData<(*mut u8, PhantomPinned, T)>,
}

#[derive(Debug)]
pub(super) enum ContextKind {}
#[derive(Debug)]
pub(super) enum HandleKind {}
#[derive(Debug)]
pub(super) enum ImageKind {}
pub(super) type RawContext = Opaque<ContextKind>;
pub(super) type RawHandle = Opaque<HandleKind>;
pub(super) type RawImage = Opaque<ImageKind>;

/// What every call says of how it went.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct HeifStatus {
    pub code: c_int,
    pub subcode: c_int,
    pub message: *const c_char,
}

/// The beginning of `heif_decoding_options`, which libheif makes itself and which only grows at its end.
///
/// Where a version is named, the field is there if `version` is as high.
#[repr(C)]
pub(super) struct Options {
    pub version: u8,
    pub ignore_transformations: u8,
    pub progress: [*mut c_void; 4],
    pub convert_hdr_to_8bit: u8,
    /// From version 3 on.
    pub strict_decoding: u8,
    pub decoder: *const c_char,
    pub colour_conversion: [c_int; 4],
    pub cancel: *mut c_void,
    pub more_colour_conversion: *mut c_void,
    pub ignore_edits: c_int,
    /// From version 8 on, as the next two.
    pub output_profile: *mut ColourProfile,
    pub library_threads: c_int,
    pub codec_threads: c_int,
    pub autocorrect: u8,
    /// From version 10 on.
    pub keep_profile: u8,
}

/// The beginning of `heif_security_limits`, likewise.
#[repr(C)]
pub(super) struct SecurityLimits {
    pub version: u8,
    pub image_pixels: u64,
    pub tiles: u64,
    pub others: [u32; 3],
    pub memory_block: u64,
    pub more: [u32; 4],
    /// From version 2 on.
    pub total_memory: u64,
}

/// The beginning of `heif_color_profile_nclx`.
#[repr(C)]
pub(super) struct ColourProfile {
    pub version: u8,
    pub primaries: c_int,
    pub transfer: c_int,
    pub matrix: c_int,
    pub full_range: u8,
}

pub(super) const HEVC: c_int = 1;
/// As it is coded.
pub(super) const UNDEFINED: c_int = 99;
pub(super) const CHANNELS: [c_int; 3] = [0, 1, 2];
pub(super) const ALPHA: c_int = 6;
pub(super) const YCBCR: c_int = 0;
pub(super) const MONOCHROME: c_int = 2;
pub(super) const UNSUPPORTED_FILE: c_int = 3;
pub(super) const UNSUPPORTED_FEATURE: c_int = 4;
pub(super) const OUT_OF_MEMORY: c_int = 6;
pub(super) const LIMIT_EXCEEDED: c_int = 1000;

/// Declares a struct of functions, and how each is found by its name.
macro_rules! functions {
    ($($field:ident = $name:literal: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// libheif's functions. They may be called for as long as the library is loaded, which is for ever.
        #[derive(Debug, Clone, Copy)]
        pub(super) struct Api {
            $(pub $field: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Api {
            /// Find them, or name the first that is not there.
            pub(super) fn of(library: &Library) -> Result<Self, &'static str> {
                Ok(Self { $($field: find(library, $name)?,)* })
            }
        }
    };
}

functions! {
    init = "heif_init": fn(*mut c_void) -> HeifStatus;
    has_decoder = "heif_have_decoder_for_format": fn(c_int) -> c_int;
    context_new = "heif_context_alloc": fn() -> *mut RawContext;
    context_free = "heif_context_free": fn(*mut RawContext);
    context_threads = "heif_context_set_max_decoding_threads": fn(*mut RawContext, c_int);
    context_limits = "heif_context_get_security_limits": fn(*const RawContext) -> *mut SecurityLimits;
    context_read = "heif_context_read_from_memory_without_copy":
        fn(*mut RawContext, *const c_void, usize, *const c_void) -> HeifStatus;
    primary = "heif_context_get_primary_image_handle": fn(*mut RawContext, *mut *mut RawHandle) -> HeifStatus;
    handle_free = "heif_image_handle_release": fn(*const RawHandle);
    handle_colour_profile = "heif_image_handle_get_nclx_color_profile":
        fn(*const RawHandle, *mut *mut ColourProfile) -> HeifStatus;
    options_new = "heif_decoding_options_alloc": fn() -> *mut Options;
    options_free = "heif_decoding_options_free": fn(*mut Options);
    decode = "heif_decode_image": fn(*const RawHandle, *mut *mut RawImage, c_int, c_int, *const Options) -> HeifStatus;
    image_free = "heif_image_release": fn(*const RawImage);
    colour_space = "heif_image_get_colorspace": fn(*const RawImage) -> c_int;
    chroma = "heif_image_get_chroma_format": fn(*const RawImage) -> c_int;
    width = "heif_image_get_width": fn(*const RawImage, c_int) -> c_int;
    height = "heif_image_get_height": fn(*const RawImage, c_int) -> c_int;
    bits = "heif_image_get_bits_per_pixel_range": fn(*const RawImage, c_int) -> c_int;
    plane = "heif_image_get_plane_readonly": fn(*const RawImage, c_int, *mut c_int) -> *const u8;
    colour_profile = "heif_image_get_nclx_color_profile": fn(*const RawImage, *mut *mut ColourProfile) -> HeifStatus;
    colour_profile_free = "heif_nclx_color_profile_free": fn(*mut ColourProfile);
}

pub(super) const VERSION: &str = "heif_get_version";
pub(super) type GetVersion = unsafe extern "C" fn() -> *const c_char;
pub(super) const LIMITS_OF: &str = "heif_context_get_security_limits";
pub(super) type LimitsOf = unsafe extern "C" fn(*const RawContext) -> *mut SecurityLimits;

/// The function of this name, or the name if there is none. `F` must be the type that libheif gives it.
pub(super) fn find<F: Copy>(library: &Library, name: &'static str) -> Result<F, &'static str> {
    // SAFETY: libheif's functions have the types that stand in this file, and nobody else calls this.
    let found = unsafe { library.get::<F>(format!("{name}\0").as_bytes()) };
    found.map(|found| *found).map_err(|_| name)
}

/// As libheif's own compiler lays them out on a machine of 64 bits.
#[cfg(target_pointer_width = "64")]
const _: () = {
    use std::mem::offset_of;
    assert!(offset_of!(Options, convert_hdr_to_8bit) == 40 && offset_of!(Options, strict_decoding) == 41);
    assert!(offset_of!(Options, codec_threads) == 108 && offset_of!(Options, keep_profile) == 113);
    assert!(offset_of!(SecurityLimits, memory_block) == 40 && offset_of!(SecurityLimits, total_memory) == 64);
};

/// Text that a library in C keeps.
///
/// # Safety
/// `text` must be null or the start of bytes that end with a zero and stay while this runs.
pub(super) unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
