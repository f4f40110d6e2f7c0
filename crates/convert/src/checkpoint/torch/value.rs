//! What a pickle builds, as far as it is read.

use std::fmt;

use super::super::tensors::Element;

/// A thing on the pickle's stack. Compound things stand in the [`Heap`], so that this is small and nothing is nested.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits: its bytes, the lowest first.
    Long(&'a [u8]),
    Float,
    Text(&'a str),
    Global(Global),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Storage(usize),
    Tensor(usize),
}

/// For messages: the kind of thing, and its value where that is short.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Long(_) => f.write_str("a long integer"),
            Self::Float => f.write_str("a float"),
            Self::Text(text) => write!(f, "the text `{}`", shortened(text)),
            Self::Global(_) => f.write_str("a class or a function"),
            Self::Tuple(_) => f.write_str("a tuple"),
            Self::List(_) => f.write_str("a list"),
            Self::Dict(_) => f.write_str("a dictionary"),
            Self::Storage(_) => f.write_str("a storage"),
            Self::Tensor(_) => f.write_str("a tensor"),
        }
    }
}

/// The classes and functions that a pickle may name. None of them is called: each stands for something that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    Storage(Element),
}

impl Global {
    /// For messages.
    pub(super) const KNOWN: &'static str =
        "`collections.OrderedDict`, `torch._utils._rebuild_tensor_v2` and `torch.FloatStorage` and its like";

    pub(super) fn of(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch", name) => Self::Storage(match name {
                "DoubleStorage" => Element::F64,
                "FloatStorage" => Element::F32,
                "HalfStorage" => Element::F16,
                "BFloat16Storage" => Element::Bf16,
                "LongStorage" => Element::I64,
                "IntStorage" => Element::I32,
                "ShortStorage" => Element::I16,
                "CharStorage" => Element::I8,
                "ByteStorage" => Element::U8,
                "BoolStorage" => Element::Bool,
                _ => return None,
            }),
            _ => return None,
        })
    }
}

/// Numbers of one type that stand elsewhere in the file, under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Storage<'a> {
    pub key: &'a str,
    pub element: Element,
    pub count: usize,
}

/// A view into the storage of that index.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub storage: usize,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// Everything compound that a pickle made, by index.
#[derive(Debug, Default)]
pub(super) struct Heap<'a> {
    /// Tuples and lists.
    pub items: Vec<Vec<Value<'a>>>,
    pub dicts: Vec<Vec<(Value<'a>, Value<'a>)>>,
    pub storages: Vec<Storage<'a>>,
    pub tensors: Vec<Tensor>,
}

impl<'a> Heap<'a> {
    pub(super) fn tuple(&mut self, items: Vec<Value<'a>>) -> Value<'a> {
        self.items.push(items);
        Value::Tuple(self.items.len() - 1)
    }

    pub(super) fn list(&mut self) -> Value<'a> {
        self.items.push(vec![]);
        Value::List(self.items.len() - 1)
    }

    pub(super) fn dict(&mut self) -> Value<'a> {
        self.dicts.push(vec![]);
        Value::Dict(self.dicts.len() - 1)
    }

    /// The items of a tuple.
    pub(super) fn of_tuple(&self, value: Value<'a>) -> Option<&[Value<'a>]> {
        match value {
            Value::Tuple(index) => self.items.get(index).map(Vec::as_slice),
            _ => None,
        }
    }

    /// What the text `key` leads to in a dictionary; as in Python the last word counts.
    pub(super) fn entry(&self, dict: Value<'a>, key: &str) -> Option<Value<'a>> {
        let Value::Dict(index) = dict else { return None };
        let pairs = self.dicts.get(index)?;
        pairs.iter().rev().find(|(name, _)| *name == Value::Text(key)).map(|(_, value)| *value)
    }
}

/// A name out of the file, as a message has room for it.
pub(super) fn shortened(name: &str) -> String {
    name.chars().take(60).collect::<String>().escape_debug().to_string()
}
