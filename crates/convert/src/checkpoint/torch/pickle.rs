//! The few steps of Python's pickle machine that build a dictionary of tensors.
//!
//! A pickle is a program for a machine with a stack and a memo. This machine knows no classes and no modules, and calls
//! nothing: an opcode, a name or an argument that is not listed here ends it. Each step makes at most one thing of a few
//! bytes, and steps are counted, so what it needs is bounded whatever the file says.
//!
//! Source: CPython, `Lib/pickletools.py`; PyTorch, `torch/serialization.py` and `torch/_utils.py`.

use std::collections::HashMap;

use super::super::error::{Error, Result};
use super::cursor::Cursor;
use super::value::{Global, Heap, Storage, Tensor, Value, shortened};

/// A network of three hundred tensors takes ten thousand steps.
const STEPS: usize = 1_000_000;
/// More than any tensor of a network has.
const AXES: usize = 8;
const WITHIN: &str = "a pickle";

/// A machine with what it has built so far.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    cursor: Cursor<'a>,
    stack: Vec<Value<'a>>,
    /// Heights of the stack where a mark lies.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    pub heap: Heap<'a>,
    steps: usize,
}

impl<'a> Pickle<'a> {
    /// A machine for the pickle that begins at byte `at` of `bytes`.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self {
            cursor: Cursor::new(bytes, at),
            stack: vec![],
            marks: vec![],
            memo: HashMap::new(),
            heap: Heap::default(),
            steps: 0,
        }
    }

    /// Behind what was read.
    pub(super) fn at(&self) -> usize {
        self.cursor.at
    }

    /// Go on to the next end of a pickle, and return what it built; a file may hold one pickle after another.
    pub(super) fn load(&mut self) -> Result<Value<'a>> {
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
        loop {
            self.steps += 1;
            if self.steps > STEPS {
                return Err(Error::Limit { what: "steps in the pickle", limit: STEPS });
            }
            let at = self.cursor.at;
            let [opcode] = self.cursor.array(WITHIN)?;
            if opcode == b'.' {
                return self.pop("something that was built");
            }
            self.step(at, opcode)?;
        }
    }

    /// `opcode` stood at byte `at`.
    fn step(&mut self, at: usize, opcode: u8) -> Result<()> {
        let value = match opcode {
            // The version and the length of a frame say nothing that is needed.
            0x80 => return self.cursor.take(1, WITHIN).map(drop),
            0x95 => return self.cursor.take(8, WITHIN).map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(());
            }
            b'q' | b'r' | 0x94 => return self.remember(opcode),
            b'a' | b'e' | b's' | b'u' => return self.fill(opcode),
            b'b' => return self.set_state(),
            b'h' | b'j' => self.recall(opcode)?,
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' | b'M' | b'J' | 0x8a | b'G' => self.number(opcode)?,
            b'X' | 0x8c => self.text(opcode)?,
            b')' => self.heap.tuple(vec![]),
            b'}' => self.heap.dict(),
            b']' => self.heap.list(),
            b't' | 0x85..=0x87 => self.tuple(opcode)?,
            b'c' | 0x93 => self.global(at, opcode)?,
            b'R' => self.reduce()?,
            b'Q' => self.persistent()?,
            found => return Err(Error::Opcode { at, found }),
        };
        self.stack.push(value);
        Ok(())
    }

    fn number(&mut self, opcode: u8) -> Result<Value<'a>> {
        Ok(match opcode {
            b'K' => Value::Int(self.cursor.array::<1>(WITHIN)?[0].into()),
            b'M' => Value::Int(u16::from_le_bytes(self.cursor.array(WITHIN)?).into()),
            b'J' => Value::Int(i32::from_le_bytes(self.cursor.array(WITHIN)?).into()),
            b'G' => {
                self.cursor.take(8, WITHIN)?;
                Value::Float
            }
            _ => {
                let [length] = self.cursor.array(WITHIN)?;
                let bytes = self.cursor.take(length.into(), WITHIN)?;
                // Two's complement, as short as it can be.
                let fill = if bytes.last().is_some_and(|&high| high >= 0x80) { 0xff } else { 0 };
                let mut wide = [fill; 8];
                match wide.get_mut(..bytes.len()) {
                    None => Value::Long(bytes),
                    Some(low) => {
                        low.copy_from_slice(bytes);
                        Value::Int(i64::from_le_bytes(wide))
                    }
                }
            }
        })
    }

    fn text(&mut self, opcode: u8) -> Result<Value<'a>> {
        let length = match opcode {
            b'X' => u32::from_le_bytes(self.cursor.array(WITHIN)?) as usize,
            _ => self.cursor.array::<1>(WITHIN)?[0].into(),
        };
        let bytes = self.cursor.take(length, WITHIN)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Value::Text(text)),
            Err(_) => self.wrong("text in UTF-8", "other bytes"),
        }
    }

    fn tuple(&mut self, opcode: u8) -> Result<Value<'a>> {
        let items = match opcode {
            b't' => self.above_mark()?,
            opcode => {
                let mut items = vec![];
                for _ in 0x85..=opcode {
                    items.push(self.pop("an item of a tuple")?);
                }
                items.reverse();
                items
            }
        };
        Ok(self.heap.tuple(items))
    }

    fn global(&mut self, at: usize, opcode: u8) -> Result<Value<'a>> {
        let (module, name) = if opcode == b'c' {
            let module = self.cursor.line(WITHIN)?;
            let name = self.cursor.line(WITHIN)?;
            (String::from_utf8_lossy(module), String::from_utf8_lossy(name))
        } else {
            let name = self.pop("the name of a class or a function")?;
            match (self.pop("the name of a module")?, name) {
                (Value::Text(module), Value::Text(name)) => (module.into(), name.into()),
                (other, _) => return self.wrong("the names of a module and something in it", other),
            }
        };
        let known = Global::of(&module, &name).map(Value::Global);
        known.ok_or_else(|| Error::Global {
            at,
            name: shortened(&format!("{module}.{name}")),
            known: Global::KNOWN,
        })
    }

    /// The two calls that are known, without calling anything.
    fn reduce(&mut self) -> Result<Value<'a>> {
        let arguments = self.pop("the arguments of a call")?;
        let function = self.pop("what is called")?;
        let Some(arguments) = self.heap.of_tuple(arguments) else {
            return self.wrong("a tuple of arguments", arguments);
        };
        match (function, arguments) {
            (Value::Global(Global::OrderedDict), []) => Ok(self.heap.dict()),
            // Whether it is trained and what hooks it has is nothing to us.
            (
                Value::Global(Global::RebuildTensor),
                &[Value::Storage(storage), Value::Int(offset), shape, strides, ..],
            ) => {
                let offset = self.size(Value::Int(offset))?;
                let (shape, strides) = (self.sizes(shape)?, self.sizes(strides)?);
                self.heap.tensors.push(Tensor { storage, offset, shape, strides });
                Ok(Value::Tensor(self.heap.tensors.len() - 1))
            }
            _ => self.wrong(
                "an empty dictionary, or a tensor of a storage, an offset, a shape and strides",
                function,
            ),
        }
    }

    /// `("storage", type, key, place, count)`, and in the older format `None` behind it: the whole storage, not a part.
    fn persistent(&mut self) -> Result<Value<'a>> {
        let id = self.pop("the name of a storage")?;
        let (key, element, count) = match self.heap.of_tuple(id) {
            Some(
                &[
                    Value::Text("storage"),
                    Value::Global(Global::Storage(element)),
                    Value::Text(key),
                    Value::Text(_),
                    count,
                    ref whole @ ..,
                ],
            ) if matches!(whole, [] | [Value::None]) => (key, element, count),
            _ => return self.wrong("the name of a whole storage", id),
        };
        let count = self.size(count)?;
        self.heap.storages.push(Storage { key, element, count });
        Ok(Value::Storage(self.heap.storages.len() - 1))
    }

    /// Items into the list, or pairs into the dictionary, that lies below them.
    fn fill(&mut self, opcode: u8) -> Result<()> {
        let items = match opcode {
            b'a' => vec![self.pop("an item of a list")?],
            b's' => {
                let value = self.pop("a value of a dictionary")?;
                vec![self.pop("a key of a dictionary")?, value]
            }
            _ => self.above_mark()?,
        };
        match (opcode, self.stack.last().copied()) {
            (b'a' | b'e', Some(Value::List(index))) => self.heap.items[index].extend(items),
            (b's' | b'u', Some(Value::Dict(index))) => {
                let (pairs, odd) = items.as_chunks::<2>();
                if !odd.is_empty() {
                    return self.wrong("a value for each key", "one key more");
                }
                self.heap.dicts[index].extend(pairs.iter().map(|&[key, value]| (key, value)));
            }
            (_, Some(other)) => return self.wrong("a list or a dictionary to fill", other),
            (_, None) => return self.wrong("a list or a dictionary to fill", "nothing"),
        }
        Ok(())
    }

    /// A dictionary may have attributes, such as the version of each module; they are left out.
    fn set_state(&mut self) -> Result<()> {
        let state = self.pop("attributes")?;
        match (self.stack.last().copied(), state) {
            (Some(Value::Dict(_)), Value::Dict(_)) => Ok(()),
            (Some(other), _) => self.wrong("attributes of a dictionary", other),
            (None, _) => self.wrong("attributes of a dictionary", "nothing"),
        }
    }

    fn remember(&mut self, opcode: u8) -> Result<()> {
        let index = match opcode {
            0x94 => self.memo.len() as u32,
            opcode => self.index(opcode == b'q')?,
        };
        match self.stack.last() {
            Some(&value) => {
                self.memo.insert(index, value);
                Ok(())
            }
            None => self.wrong("something to remember", "nothing"),
        }
    }

    fn recall(&mut self, opcode: u8) -> Result<Value<'a>> {
        let index = self.index(opcode == b'h')?;
        match self.memo.get(&index) {
            Some(&value) => Ok(value),
            None => self.wrong("something that was remembered", format_args!("number {index}")),
        }
    }

    fn index(&mut self, short: bool) -> Result<u32> {
        Ok(if short {
            self.cursor.array::<1>(WITHIN)?[0].into()
        } else {
            u32::from_le_bytes(self.cursor.array(WITHIN)?)
        })
    }

    fn pop(&mut self, expected: &'static str) -> Result<Value<'a>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return self.wrong(expected, "nothing");
        }
        Ok(self.stack.pop().expect("it is higher than its floor"))
    }

    fn above_mark(&mut self) -> Result<Vec<Value<'a>>> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => self.wrong("a mark below the items", "none"),
        }
    }

    fn size(&self, value: Value<'a>) -> Result<usize> {
        match value {
            Value::Int(number) if number >= 0 => Ok(number as usize),
            other => self.wrong("a size", other),
        }
    }

    fn sizes(&self, value: Value<'a>) -> Result<Vec<usize>> {
        match self.heap.of_tuple(value) {
            Some(items) if items.len() <= AXES => items.iter().map(|&item| self.size(item)).collect(),
            Some(_) => Err(Error::Limit { what: "axes of a tensor", limit: AXES }),
            None => self.wrong("a tuple of sizes", value),
        }
    }

    fn wrong<T>(&self, expected: &'static str, found: impl std::fmt::Display) -> Result<T> {
        Err(Error::Structure { at: self.cursor.at, expected, found: found.to_string() })
    }
}
