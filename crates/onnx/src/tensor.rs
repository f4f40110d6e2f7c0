//! Tensors as numbers: where their elements stand, and what they are.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use half::{bf16, f16};

use super::error::{Error, Result};
use super::proto::{DataLocation, DataType, Tensor};

impl Tensor {
    /// A constant of 32-bit floats.
    ///
    /// # Panics
    /// If `dims` does not multiply to the number of elements.
    pub fn from_f32(name: &str, dims: &[usize], elements: &[f32]) -> Self {
        let raw = elements.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        Self::raw(name, dims, DataType::Float, elements.len(), raw)
    }

    /// A constant of 64-bit floats.
    ///
    /// # Panics
    /// If `dims` does not multiply to the number of elements.
    pub fn from_f64(name: &str, dims: &[usize], elements: &[f64]) -> Self {
        let raw = elements.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        Self::raw(name, dims, DataType::Double, elements.len(), raw)
    }

    /// A constant of 64-bit integers: shapes, axes and the like.
    ///
    /// # Panics
    /// If `dims` does not multiply to the number of elements.
    pub fn from_i64(name: &str, dims: &[usize], elements: &[i64]) -> Self {
        let raw = elements.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        Self::raw(name, dims, DataType::Int64, elements.len(), raw)
    }

    /// A constant of 32-bit integers: the biases of convolutions that compute in integers.
    ///
    /// # Panics
    /// If `dims` does not multiply to the number of elements.
    pub fn from_i32(name: &str, dims: &[usize], elements: &[i32]) -> Self {
        let raw = elements.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        Self::raw(name, dims, DataType::Int32, elements.len(), raw)
    }

    /// A constant of signed bytes: quantised weights.
    ///
    /// # Panics
    /// If `dims` does not multiply to the number of elements.
    pub fn from_i8(name: &str, dims: &[usize], elements: &[i8]) -> Self {
        let raw = elements.iter().map(|&x| x as u8).collect::<Vec<u8>>();
        Self::raw(name, dims, DataType::Int8, elements.len(), raw)
    }

    /// A constant of unsigned bytes: zero points of activations.
    ///
    /// # Panics
    /// If `dims` does not multiply to the number of elements.
    pub fn from_u8(name: &str, dims: &[usize], elements: &[u8]) -> Self {
        Self::raw(name, dims, DataType::Uint8, elements.len(), elements.to_vec())
    }

    fn raw(name: &str, dims: &[usize], data_type: DataType, elements: usize, raw: Vec<u8>) -> Self {
        assert_eq!(
            dims.iter().product::<usize>(),
            elements,
            "constant `{name}`: shape and elements disagree"
        );
        Self {
            name: Some(name.to_owned()),
            dims: dims.iter().map(|&dim| dim as i64).collect(),
            data_type: Some(data_type as i32),
            raw_data: Some(raw.into()),
            ..Self::default()
        }
    }

    /// The element type, `None` if a newer format has more of them.
    pub fn element_type(&self) -> Option<DataType> {
        DataType::try_from(self.data_type()).ok()
    }

    /// The shape as sizes in memory.
    ///
    /// # Errors
    /// [`Error::Shape`] if a dimension is negative or the product is beyond counting.
    pub fn shape(&self) -> Result<Vec<usize>> {
        let bad = || Error::Shape { tensor: self.name().to_owned(), dims: self.dims.clone() };
        let shape: Vec<usize> = self
            .dims
            .iter()
            .map(|&dim| usize::try_from(dim))
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| bad())?;
        // 16 bytes are the largest element; a tensor's bytes must be countable.
        let bytes = shape.iter().try_fold(16usize, |product, &dim| product.checked_mul(dim));
        bytes.filter(|&bytes| bytes <= isize::MAX as usize).ok_or_else(bad)?;
        Ok(shape)
    }

    /// Whether the elements stand in another file.
    pub fn is_external(&self) -> bool {
        self.data_location == Some(DataLocation::External as i32)
    }

    /// Where the elements stand outside the model file, if they do.
    ///
    /// # Errors
    /// [`Error::ExternalEntry`] for a path that is absolute or leaves the model's folder, or numbers that are none.
    pub fn external(&self) -> Result<Option<External>> {
        if !self.is_external() {
            return Ok(None);
        }
        let entry = |key: &str| {
            self.external_data.iter().find(|entry| entry.key() == key).map(|entry| entry.value().to_owned())
        };
        let bad = |key, value: String, expected| Error::ExternalEntry {
            tensor: self.name().to_owned(),
            key,
            value,
            expected,
        };
        let number = |key: &'static str| match entry(key) {
            None => Ok(None),
            Some(value) => value.parse().map(Some).map_err(|_| bad(key, value, "a number of bytes")),
        };
        let location = entry("location").unwrap_or_default();
        let path = PathBuf::from(&location);
        // Nothing but names: whoever made the file must not choose among all files of this machine.
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if location.is_empty() || location.contains(['\\', '\0']) || !path.components().all(plain) {
            return Err(bad("location", location, "a path inside the model's folder"));
        }
        Ok(Some(External {
            location: path,
            offset: number("offset")?.unwrap_or(0),
            length: number("length")?,
        }))
    }

    /// The elements, wherever they stand; `folder` is that of the model file.
    ///
    /// # Errors
    /// If there are more or fewer bytes or elements than the shape says, or if the file with them cannot be read.
    pub fn elements(&self, folder: &Path) -> Result<Elements<'_>> {
        let count = self.shape()?.iter().product();
        let kind = self.element_type().unwrap_or(DataType::Undefined);
        if let Some(external) = self.external()? {
            let bytes = external.read(self.name(), folder, packed_len(kind, count))?;
            return self.of_raw(kind, count, Cow::Owned(bytes));
        }
        match &self.raw_data {
            Some(raw) => self.of_raw(kind, count, Cow::Borrowed(raw)),
            None => self.of_fields(kind, count),
        }
    }

    /// Find out whether there are as many elements as the shape says, without looking at them; `stepped_over` is the length of raw
    /// data that were not read.
    ///
    /// # Errors
    /// As [`elements`](Self::elements).
    pub(super) fn check(&self, folder: &Path, stepped_over: Option<u64>) -> Result<()> {
        let count = self.shape()?.iter().product();
        let kind = self.element_type().unwrap_or(DataType::Undefined);
        if kind == DataType::Undefined {
            return Err(self.wrong_type("one that ONNX knows"));
        }
        if let Some(external) = self.external()? {
            return external.find(self.name(), folder, packed_len(kind, count)).map(drop);
        }
        match stepped_over.or(self.raw_data.as_ref().map(|raw| raw.len() as u64)) {
            Some(length) => match packed_len(kind, count) {
                Some(expected) => self.expect_length("bytes", expected, length),
                None => Err(self.wrong_type("a type of fixed width")),
            },
            // Several of them share an entry.
            None if packed_len(kind, 8).is_some_and(|bytes| bytes < 8) => Ok(()),
            None => self.expect_length("elements", count as u64, self.fields(kind) as u64),
        }
    }

    /// The bytes of a tensor that stands in another file, as many as its shape asks for.
    ///
    /// # Errors
    /// As [`elements`](Self::elements).
    pub(super) fn external_bytes(&self, folder: &Path) -> Result<Vec<u8>> {
        let count = self.shape()?.iter().product();
        let kind = self.element_type().unwrap_or(DataType::Undefined);
        match self.external()? {
            Some(external) => external.read(self.name(), folder, packed_len(kind, count)),
            None => Ok(vec![]),
        }
    }

    fn of_raw<'a>(&'a self, kind: DataType, count: usize, raw: Cow<'a, [u8]>) -> Result<Elements<'a>> {
        let Some(expected) = packed_len(kind, count) else {
            return Err(self.wrong_type("a type of fixed width"));
        };
        self.expect_length("bytes", expected, raw.len() as u64)?;
        Ok(match kind {
            DataType::Float => Elements::F32(little_endian(&raw, f32::from_le_bytes)),
            DataType::Double => Elements::F64(little_endian(&raw, f64::from_le_bytes)),
            DataType::Float16 => Elements::F16(little_endian(&raw, f16::from_le_bytes)),
            DataType::Bfloat16 => Elements::Bf16(little_endian(&raw, bf16::from_le_bytes)),
            DataType::Int64 => Elements::I64(little_endian(&raw, i64::from_le_bytes)),
            DataType::Int32 => Elements::I32(little_endian(&raw, i32::from_le_bytes)),
            DataType::Int8 => Elements::I8(little_endian(&raw, i8::from_le_bytes)),
            DataType::Uint8 => Elements::U8(raw),
            DataType::Bool => Elements::Bool(raw.iter().map(|&byte| byte != 0).collect()),
            other => Elements::Other(other, raw),
        })
    }

    /// The typed fields; small types travel in `int32_data`.
    fn of_fields(&self, kind: DataType, count: usize) -> Result<Elements<'_>> {
        self.expect_length("elements", count as u64, self.fields(kind) as u64)?;
        Ok(match kind {
            DataType::Float => Elements::F32(self.float_data.clone()),
            DataType::Double => Elements::F64(self.double_data.clone()),
            DataType::Int64 => Elements::I64(self.int64_data.clone()),
            DataType::Int32 => Elements::I32(self.int32_data.clone()),
            DataType::Float16 => Elements::F16(self.narrow(f16::from_bits)?),
            DataType::Bfloat16 => Elements::Bf16(self.narrow(bf16::from_bits)?),
            DataType::Int8 => Elements::I8(self.narrow(|x: i8| x)?),
            DataType::Uint8 => Elements::U8(Cow::Owned(self.narrow(|x: u8| x)?)),
            DataType::Bool => Elements::Bool(self.int32_data.iter().map(|&x| x != 0).collect()),
            _ => return Err(self.wrong_type("a float, an integer of 8, 32 or 64 bits, or a bool")),
        })
    }

    /// How many elements stand in the typed field of `kind`.
    fn fields(&self, kind: DataType) -> usize {
        match kind {
            // Complex numbers are two each.
            DataType::Complex64 => self.float_data.len() / 2,
            DataType::Complex128 => self.double_data.len() / 2,
            DataType::Float => self.float_data.len(),
            DataType::Double => self.double_data.len(),
            DataType::Int64 => self.int64_data.len(),
            DataType::Uint64 | DataType::Uint32 => self.uint64_data.len(),
            DataType::String => self.string_data.len(),
            _ => self.int32_data.len(),
        }
    }

    fn narrow<N: TryFrom<i32>, T>(&self, convert: impl Fn(N) -> T) -> Result<Vec<T>> {
        let one = |(index, &value): (usize, &i32)| match N::try_from(value) {
            Ok(narrow) => Ok(convert(narrow)),
            Err(_) => Err(Error::OutOfRange { tensor: self.name().to_owned(), index, value }),
        };
        self.int32_data.iter().enumerate().map(one).collect()
    }

    fn expect_length(&self, unit: &'static str, expected: u64, found: u64) -> Result<()> {
        if expected == found {
            return Ok(());
        }
        Err(Error::Length { tensor: self.name().to_owned(), unit, expected, found })
    }

    fn wrong_type(&self, expected: &str) -> Error {
        Error::ElementType {
            tensor: self.name().to_owned(),
            expected: expected.to_owned(),
            found: type_name(self.data_type()),
        }
    }
}

/// The usual name of an element type, such as `float32`.
pub fn type_name(data_type: i32) -> String {
    match DataType::try_from(data_type) {
        Ok(DataType::Float) => "float32".to_owned(),
        Ok(DataType::Double) => "float64".to_owned(),
        Ok(kind) => format!("{kind:?}").to_lowercase(),
        Err(_) => format!("type {data_type}"),
    }
}

/// The elements of a tensor in memory, row-major.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Elements<'a> {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
    /// 16-bit floats of IEEE 754.
    F16(Vec<f16>),
    /// 16-bit floats with the exponent of 32-bit ones.
    Bf16(Vec<bf16>),
    /// 64-bit integers with a sign.
    I64(Vec<i64>),
    /// 32-bit integers with a sign.
    I32(Vec<i32>),
    /// 8-bit integers with a sign.
    I8(Vec<i8>),
    /// 8-bit integers without a sign, borrowed where the file has them so.
    U8(Cow<'a, [u8]>),
    /// True or false.
    Bool(Vec<bool>),
    /// The little-endian bytes of a type that nothing here computes with.
    Other(DataType, Cow<'a, [u8]>),
}

impl Elements<'_> {
    /// The elements as 32-bit floats, where they are floats of any width.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        Some(match self {
            Self::F32(x) => x.clone(),
            Self::F64(x) => x.iter().map(|&x| x as f32).collect(),
            Self::F16(x) => x.iter().map(|x| x.to_f32()).collect(),
            Self::Bf16(x) => x.iter().map(|x| x.to_f32()).collect(),
            _ => return None,
        })
    }

    /// The elements as 64-bit integers, where they are integers.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        Some(match self {
            Self::I64(x) => x.clone(),
            Self::I32(x) => x.iter().map(|&x| x.into()).collect(),
            Self::I8(x) => x.iter().map(|&x| x.into()).collect(),
            Self::U8(x) => x.iter().map(|&x| x.into()).collect(),
            _ => return None,
        })
    }
}

/// A place in a file beside the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// Relative to the model's folder, and inside it.
    pub location: PathBuf,
    /// Where the data begin in the file, in bytes.
    pub offset: u64,
    /// To the end of the file if it is not told.
    pub length: Option<u64>,
}

impl External {
    /// The file, and how many bytes of it are the tensor's.
    fn find(&self, tensor: &str, folder: &Path, wanted: Option<u64>) -> Result<(File, u64)> {
        let path = folder.join(&self.location);
        let failed =
            |source: io::Error| Error::External { tensor: tensor.to_owned(), path: path.clone(), source };
        let file = File::open(&path).map_err(failed)?;
        let there = file.metadata().map_err(failed)?.len().saturating_sub(self.offset);
        let length = self.length.or(wanted).unwrap_or(there);
        if let Some(expected) = wanted.filter(|&wanted| wanted != length) {
            return Err(Error::Length { tensor: tensor.to_owned(), unit: "bytes", expected, found: length });
        }
        if there < length {
            return Err(Error::Short { tensor: tensor.to_owned(), path, expected: length, found: there });
        }
        Ok((file, length))
    }

    fn read(&self, tensor: &str, folder: &Path, wanted: Option<u64>) -> Result<Vec<u8>> {
        let (mut file, found) = self.find(tensor, folder, wanted)?;
        let path = folder.join(&self.location);
        let failed =
            |source: io::Error| Error::External { tensor: tensor.to_owned(), path: path.clone(), source };
        file.seek(SeekFrom::Start(self.offset)).map_err(failed)?;
        let mut bytes = vec![0; found as usize];
        file.read_exact(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }
}

/// Bytes that `count` elements take; types of fewer than eight bits are packed without gaps.
fn packed_len(kind: DataType, count: usize) -> Option<u64> {
    use DataType as T;
    let bits = match kind {
        T::Undefined | T::String => return None,
        T::Uint2 | T::Int2 => 2,
        T::Uint4 | T::Int4 | T::Float4e2m1 => 4,
        T::Float6e2m3 | T::Float6e3m2 => 6,
        T::Bool | T::Int8 | T::Uint8 => 8,
        T::Float8e4m3fn | T::Float8e4m3fnuz | T::Float8e5m2 | T::Float8e5m2fnuz | T::Float8e8m0 => 8,
        T::Int16 | T::Uint16 | T::Float16 | T::Bfloat16 => 16,
        T::Int32 | T::Uint32 | T::Float => 32,
        T::Int64 | T::Uint64 | T::Double | T::Complex64 => 64,
        T::Complex128 => 128,
    };
    Some((count as u128 * bits).div_ceil(8) as u64)
}

fn little_endian<const N: usize, T>(raw: &[u8], convert: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = raw.as_chunks::<N>();
    chunks.iter().map(|&chunk| convert(chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::proto::StringStringEntry;
    use super::*;

    fn here() -> &'static Path {
        Path::new(".")
    }

    fn external(location: &str, extra: &[(&str, &str)]) -> Tensor {
        let entry =
            |key: &str, value: &str| StringStringEntry { key: Some(key.into()), value: Some(value.into()) };
        let mut external_data = vec![entry("location", location)];
        external_data.extend(extra.iter().map(|(key, value)| entry(key, value)));
        Tensor {
            name: Some("w".into()),
            dims: vec![2],
            data_type: Some(DataType::Float as i32),
            data_location: Some(DataLocation::External as i32),
            external_data,
            ..Tensor::default()
        }
    }

    #[test]
    fn raw_and_typed_fields_give_the_same() {
        let raw = Tensor::from_f32("w", &[2], &[1.5, -2.0]);
        assert_eq!(raw.elements(here()).unwrap(), Elements::F32(vec![1.5, -2.0]));
        let typed = Tensor { float_data: vec![1.5, -2.0], raw_data: None, ..raw };
        assert_eq!(typed.elements(here()).unwrap(), Elements::F32(vec![1.5, -2.0]));
        let halves = Tensor {
            int32_data: vec![0x3e00, 0xc000],
            float_data: vec![],
            data_type: Some(DataType::Float16 as i32),
            ..typed
        };
        assert_eq!(halves.elements(here()).unwrap().to_f32(), Some(vec![1.5, -2.0]));
    }

    #[test]
    fn lengths_are_checked() {
        let mut tensor = Tensor::from_f32("w", &[2], &[1.5, -2.0]);
        tensor.dims = vec![3];
        assert!(matches!(tensor.elements(here()), Err(Error::Length { expected: 12, found: 8, .. })));
        tensor.dims = vec![i64::MAX, i64::MAX];
        assert!(matches!(tensor.elements(here()), Err(Error::Shape { .. })));
        tensor.dims = vec![-2];
        assert!(matches!(tensor.elements(here()), Err(Error::Shape { .. })));
        let byte =
            Tensor { int32_data: vec![256], data_type: Some(DataType::Uint8 as i32), ..Tensor::default() };
        assert!(matches!(byte.elements(here()), Err(Error::OutOfRange { value: 256, .. })));
    }

    #[test]
    fn external_data_are_found_beside_the_model() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = [9.0f32, 1.5, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        std::fs::write(folder.path().join("w.bin"), bytes).unwrap();
        let tensor = external("w.bin", &[("offset", "4"), ("length", "8")]);
        assert_eq!(tensor.elements(folder.path()).unwrap(), Elements::F32(vec![1.5, -2.0]));
        let short = external("w.bin", &[("offset", "8")]);
        assert!(matches!(short.elements(folder.path()), Err(Error::Short { expected: 8, found: 4, .. })));
        let missing = external("none.bin", &[]);
        assert!(matches!(missing.elements(folder.path()), Err(Error::External { .. })));
    }

    #[test]
    fn external_data_never_leave_the_folder() {
        for location in ["../w.bin", "/etc/hostname", "a/../../w.bin", "", "a\\..\\w.bin"] {
            let error = external(location, &[]).external().unwrap_err();
            assert!(matches!(error, Error::ExternalEntry { key: "location", .. }), "{location}");
        }
        assert!(external("sub/w.bin", &[]).external().unwrap().is_some());
        assert!(external("w.bin", &[("offset", "-1")]).external().is_err());
    }
}
