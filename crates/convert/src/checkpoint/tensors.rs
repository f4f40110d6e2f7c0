//! Tensors by name, as they lie in a file.

use std::collections::BTreeMap;

use half::{bf16, f16};

use super::error::{Error, Result};

/// The type of the numbers in a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Element {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl Element {
    /// Bytes of one number.
    pub fn width(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }
}

/// A tensor that looks into a storage: element `(i, j, …)` is number `offset + i * strides[0] + j * strides[1] + …` of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The type of the storage's numbers.
    pub element: Element,
    /// The first byte of the storage.
    pub start: usize,
    /// Numbers in the storage.
    pub count: usize,
    /// The number that is the tensor's first.
    pub offset: usize,
    /// Sizes of the axes.
    pub shape: Vec<usize>,
    /// Numbers from one element of an axis to its next.
    pub strides: Vec<usize>,
}

impl View {
    /// Elements of the tensor, if all of them are inside the storage, which is inside `bytes`, and none has to be told twice.
    fn elements(&self, bytes: usize) -> Option<usize> {
        let elements = self.shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size))?;
        let end = self.count.checked_mul(self.element.width())?.checked_add(self.start)?;
        let inside = end <= bytes && elements <= self.count && self.strides.len() == self.shape.len();
        if elements == 0 {
            return inside.then_some(0);
        }
        let axes = self.shape.iter().zip(&self.strides);
        let last = axes.into_iter().try_fold(self.offset, |last, (&size, &stride)| {
            (size - 1).checked_mul(stride).and_then(|step| last.checked_add(step))
        })?;
        (inside && last < self.count).then_some(elements)
    }

    /// The places of the elements in their storage, the last axis fastest.
    fn places(&self, elements: usize) -> Vec<usize> {
        let mut places = Vec::with_capacity(elements);
        if elements > 0 {
            places.push(self.offset);
        }
        for (&size, &stride) in self.shape.iter().zip(&self.strides) {
            let step = |&place: &usize| (0..size).map(move |index| place + index * stride);
            places = places.iter().flat_map(step).collect();
        }
        places
    }
}

/// The tensors of one file.
#[derive(Debug)]
pub struct Tensors {
    bytes: Vec<u8>,
    views: BTreeMap<String, View>,
}

impl Tensors {
    /// The tensors `views` of the file `bytes`.
    ///
    /// # Errors
    /// [`Error::Tensor`] for one that is not inside its storage.
    pub fn new(bytes: Vec<u8>, views: BTreeMap<String, View>) -> Result<Self> {
        for (name, view) in &views {
            if view.elements(bytes.len()).is_none() {
                let View { count, offset, shape, strides, .. } = view;
                return Err(Error::Tensor {
                    tensor: name.clone(),
                    expected: "each element to be one of its storage",
                    found: format!(
                        "shape {shape:?}, strides {strides:?} and offset {offset} in {count} numbers"
                    ),
                });
            }
        }
        Ok(Self { bytes, views })
    }

    /// All names, in the order of the alphabet.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.views.keys().map(String::as_str)
    }

    /// The shape of a tensor, if there is one of this name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.views.get(name).map(|view| view.shape.as_slice())
    }

    /// The numbers of the tensor called `name`, the last axis fastest; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Tensor`] if they are not floats, or not numbers at all (infinite, or NaN).
    pub fn floats(&self, name: &str) -> Result<Option<Vec<f32>>> {
        let Some(view) = self.views.get(name) else { return Ok(None) };
        let wrong = |expected, found| Error::Tensor { tensor: name.to_owned(), expected, found };
        let elements = view.elements(self.bytes.len()).expect("`new` looked at every view");
        let storage = &self.bytes[view.start..view.start + view.count * view.element.width()];
        let floats: Vec<f32> = match view.element {
            Element::F32 => gather(view, elements, storage, f32::from_le_bytes),
            Element::F64 => gather(view, elements, storage, |bytes| f64::from_le_bytes(bytes) as f32),
            Element::F16 => gather(view, elements, storage, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Element::Bf16 => gather(view, elements, storage, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            other => return Err(wrong("floats", format!("{other:?}"))),
        };
        match floats.iter().find(|number| !number.is_finite()) {
            Some(number) => Err(wrong("numbers", number.to_string())),
            None => Ok(Some(floats)),
        }
    }
}

fn gather<const N: usize>(
    view: &View,
    elements: usize,
    storage: &[u8],
    convert: impl Fn([u8; N]) -> f32,
) -> Vec<f32> {
    let (numbers, _) = storage.as_chunks::<N>();
    view.places(elements).into_iter().map(|place| convert(numbers[place])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(shape: &[usize], strides: &[usize], offset: usize) -> View {
        let (shape, strides) = (shape.to_vec(), strides.to_vec());
        View { element: Element::I8, start: 2, count: 12, offset, shape, strides }
    }

    fn tensors(view: View) -> Result<Tensors> {
        Tensors::new(vec![0; 14], BTreeMap::from([("w".to_owned(), view)]))
    }

    #[test]
    fn strides_may_come_in_any_order() {
        assert_eq!(view(&[2, 3], &[3, 1], 1).places(6), [1, 2, 3, 4, 5, 6]);
        assert_eq!(view(&[2, 3], &[1, 2], 0).places(6), [0, 2, 4, 1, 3, 5]);
        assert_eq!(view(&[2, 1, 3], &[1, 99, 4], 0).places(6), [0, 4, 8, 1, 5, 9]);
        assert_eq!(view(&[], &[], 7).places(1), [7], "a number alone");
        assert!(view(&[4, 0], &[1, 1], 0).places(0).is_empty());
    }

    #[test]
    fn what_is_outside_the_storage_is_refused() {
        assert!(tensors(view(&[3, 4], &[1, 3], 0)).is_ok());
        assert!(tensors(view(&[0, 5], &[9, 9], 12)).is_ok(), "nothing of nothing");
        for (shape, strides, offset) in [
            (&[3, 4][..], &[1, 3][..], 1),
            (&[3, 4], &[4, 2], 0),
            (&[13], &[0], 0),
            (&[2], &[usize::MAX], 0),
            (&[1], &[1], usize::MAX),
            (&[usize::MAX, usize::MAX], &[1, 1], 0),
            (&[2, 2], &[1], 0),
        ] {
            let error = tensors(view(shape, strides, offset)).unwrap_err();
            assert!(matches!(&error, Error::Tensor { tensor, .. } if tensor == "w"), "{error}");
        }
        let short = View { count: 13, ..view(&[1], &[1], 0) };
        assert!(tensors(short).is_err(), "the storage goes beyond the file");
    }

    #[test]
    fn floats_of_each_kind_come_as_f32_and_nothing_else_does() {
        let one = |element, bytes: &[u8]| {
            let view = View { element, start: 0, count: 1, offset: 0, shape: vec![], strides: vec![] };
            Tensors::new(bytes.to_vec(), BTreeMap::from([("w".to_owned(), view)])).unwrap().floats("w")
        };
        assert_eq!(one(Element::F32, &1.5f32.to_le_bytes()).unwrap(), Some(vec![1.5]));
        assert_eq!(one(Element::F64, &1.5f64.to_le_bytes()).unwrap(), Some(vec![1.5]));
        assert_eq!(one(Element::F16, &f16::from_f32(1.5).to_le_bytes()).unwrap(), Some(vec![1.5]));
        assert_eq!(one(Element::Bf16, &bf16::from_f32(1.5).to_le_bytes()).unwrap(), Some(vec![1.5]));
        assert!(one(Element::I64, &[0; 8]).is_err());
        assert!(one(Element::F32, &f32::NAN.to_le_bytes()).is_err());
        assert!(one(Element::F64, &1e300f64.to_le_bytes()).is_err(), "too large for 32 bits");
        assert_eq!(tensors(view(&[1], &[1], 0)).unwrap().floats("other").unwrap(), None);
    }
}
