//! Files made by hand, honest ones and hostile ones.

use super::super::{Error, Tensors, parse};

/// A pickle under construction.
#[derive(Clone)]
struct Pickle(Vec<u8>);

impl Pickle {
    fn new() -> Self {
        Self(vec![0x80, 2])
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        self.raw(b"X").raw(&(text.len() as u32).to_le_bytes()).raw(text.as_bytes())
    }

    fn int(self, number: i32) -> Self {
        self.raw(b"J").raw(&number.to_le_bytes())
    }

    fn ints(self, numbers: &[i32]) -> Self {
        let begun = self.raw(b"(");
        numbers.iter().fold(begun, |pickle, &number| pickle.int(number)).raw(b"t")
    }

    fn storage(self, kind: &str, key: &str, count: i32) -> Self {
        let named = self.raw(b"(").text("storage").raw(format!("ctorch\n{kind}\n").as_bytes());
        named.text(key).text("cpu").int(count).raw(b"NtQ")
    }

    fn tensor(self, key: &str, count: i32, offset: i32, shape: &[i32], strides: &[i32]) -> Self {
        let call = self.raw(b"ctorch._utils\n_rebuild_tensor_v2\n(").storage("FloatStorage", key, count);
        call.int(offset).ints(shape).ints(strides).raw(b"\x89}tR")
    }

    fn end(self) -> Vec<u8> {
        self.raw(b".").0
    }
}

/// `OrderedDict(w=…)` with the attributes that PyTorch gives it.
fn dictionary(tensor: impl Fn(Pickle) -> Pickle) -> Vec<u8> {
    let begun = Pickle::new().raw(b"ccollections\nOrderedDict\n)R(").text("w");
    tensor(begun).raw(b"u}").text("_metadata").raw(b"}sb").end()
}

const MAGIC: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// A file of the older format: `object`, then `storages` by name.
fn legacy(object: &[u8], storages: &[(&str, i64, Vec<u8>)]) -> Vec<u8> {
    let system = Pickle::new().raw(b"}").text("little_endian").raw(b"\x88s").end();
    let list = storages.iter().fold(Pickle::new().raw(b"]("), |list, (key, ..)| list.text(key));
    let mut file = [MAGIC, &Pickle::new().int(1001).end(), &system, object, &list.raw(b"e").end()].concat();
    for (_, count, bytes) in storages {
        file.extend(count.to_le_bytes());
        file.extend(bytes);
    }
    file
}

fn six() -> Vec<u8> {
    (0..6u8).flat_map(|number| f32::from(number).to_le_bytes()).collect()
}

/// The same matrix of two rows in storage order and turned, as PyTorch keeps what came from TensorFlow.
fn whole() -> Vec<u8> {
    legacy(&dictionary(|pickle| pickle.tensor("7", 6, 0, &[2, 3], &[1, 2])), &[("7", 6, six())])
}

/// A ZIP archive of stored files.
fn archive(files: &[(&str, &[u8])], method: u16) -> Vec<u8> {
    let (mut file, mut directory) = (vec![], vec![]);
    for (name, bytes) in files {
        let sizes = [bytes.len() as u32, bytes.len() as u32].map(u32::to_le_bytes).concat();
        let at = (file.len() as u32).to_le_bytes();
        let name_length = (name.len() as u16).to_le_bytes();
        // Version, flags, method, time, date, checksum; sizes; lengths of name and further fields.
        let common = [&[20, 0, 0, 0][..], &method.to_le_bytes(), &[0; 8], &sizes, &name_length].concat();
        file.extend([b"PK\x03\x04", &common[..], &[3, 0], name.as_bytes(), b"FB\0", bytes].concat());
        directory.extend([b"PK\x01\x02\x14\0", &common[..], &[0; 12], &at, name.as_bytes()].concat());
    }
    let (count, at) = ((files.len() as u16).to_le_bytes(), (file.len() as u32).to_le_bytes());
    let length = (directory.len() as u32).to_le_bytes();
    file.extend(directory);
    file.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &length, &at, &[0, 0]].concat());
    file
}

fn archived(object: &[u8], storage: &[u8], method: u16) -> Vec<u8> {
    let files = [("net/data.pkl", object), ("net/byteorder", b"little"), ("net/data/7", storage)];
    archive(&files, method)
}

fn refusal(file: Vec<u8>) -> String {
    parse(file).unwrap_err().to_string()
}

fn floats(tensors: &Tensors, name: &str) -> Vec<f32> {
    tensors.floats(name).unwrap().unwrap()
}

#[test]
fn both_formats_give_the_same_tensors() {
    let object = dictionary(|pickle| pickle.tensor("7", 6, 0, &[2, 3], &[1, 2]));
    for file in [whole(), archived(&object, &six(), 0)] {
        let tensors = parse(file).unwrap();
        assert_eq!(tensors.names().collect::<Vec<_>>(), ["w"]);
        assert_eq!(tensors.shape("w"), Some(&[2, 3][..]));
        assert_eq!(floats(&tensors, "w"), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    }
}

#[test]
fn tensors_may_share_a_storage_and_stand_deeper() {
    let inner = |pickle: Pickle| {
        let pickle = pickle.raw(b"}(").text("a").tensor("7", 6, 4, &[2], &[1]);
        pickle.text("b").tensor("7", 6, 0, &[], &[]).text("epoch").int(3).raw(b"u")
    };
    let tensors = parse(legacy(&dictionary(inner), &[("7", 6, six())])).unwrap();
    assert_eq!(tensors.names().collect::<Vec<_>>(), ["w.a", "w.b"]);
    assert_eq!((floats(&tensors, "w.a"), floats(&tensors, "w.b")), (vec![4.0, 5.0], vec![0.0]));
}

#[test]
fn nothing_is_called() {
    let system = b"cos\nsystem\nX\x05\0\0\0touch\x85R.";
    let hostile = Pickle::new().raw(system).0;
    for file in [hostile.clone(), legacy(&hostile, &[]), archived(&hostile, &[], 0)] {
        let words = refusal(file);
        assert!(words.contains("asks for `os.system`") && words.contains("_rebuild_tensor_v2"), "{words}");
    }
    // As protocol 4 names things, and hidden in a value that nobody needs.
    let new = Pickle::new().text("builtins").text("eval").raw(b"\x93)R.").0;
    assert!(refusal(legacy(&new, &[])).contains("`builtins.eval`"));
    let within = dictionary(|pickle| pickle.raw(b"cposix\nsystem\n)R"));
    assert!(refusal(legacy(&within, &[])).contains("`posix.system`"));
    // `INST`, `OBJ`, `NEWOBJ` and extensions would call as well.
    for opcode in [b'i', b'o', 0x81, 0x92, 0x82] {
        let file = legacy(&Pickle::new().raw(&[b'(', opcode]).end(), &[]);
        let error = parse(file).unwrap_err();
        assert!(matches!(error, Error::Opcode { found, .. } if found == opcode), "{error}");
    }
    // A name with what a terminal would obey.
    let colours = Pickle::new().raw(b"c\x1b[31m\nx\n.").0;
    assert!(!refusal(legacy(&colours, &[])).contains('\x1b'));
}

#[test]
fn what_is_known_is_not_called_with_anything_else() {
    let table: [(&[u8], &str); 9] = [
        (b"ccollections\nOrderedDict\n]\x85R.", "expected an empty dictionary"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n)R.", "expected an empty dictionary, or a tensor"),
        (b"ctorch\nFloatStorage\n)R.", "expected an empty dictionary"),
        (b"NQ.", "expected the name of a whole storage, found None"),
        (b"K\x01}b.", "expected attributes of a dictionary, found 1"),
        (b"h\x07.", "expected something that was remembered"),
        (b"t.", "expected a mark"),
        (b"](K\x01K\x02u.", "expected a list or a dictionary to fill"),
        (b"(\x85.", "expected an item of a tuple, found nothing"),
    ];
    for (object, expected) in table {
        let words = refusal(legacy(&Pickle::new().raw(object).0, &[]));
        assert!(words.contains(expected), "{words}");
    }
}

#[test]
fn lengths_are_held_against_the_file() {
    let one = |count, offset, shape: &[i32], strides: &[i32]| {
        let object = dictionary(|pickle| pickle.tensor("7", count, offset, shape, strides));
        legacy(&object, &[("7", i64::from(count), six())])
    };
    assert!(refusal(one(i32::MAX, 0, &[6], &[1])).contains("expected 2147483647 F32, found 24 bytes"));
    assert!(refusal(one(6, 0, &[7], &[1])).contains("tensor `w`"));
    assert!(refusal(one(6, 1, &[2, 3], &[3, 1])).contains("tensor `w`"), "beyond the end by one");
    assert!(refusal(one(6, 0, &[2, 2], &[i32::MAX, i32::MAX])).contains("tensor `w`"));
    assert!(refusal(one(6, 0, &[i32::MAX; 8], &[0; 8])).contains("tensor `w`"));
    assert!(refusal(one(6, 0, &[1; 9], &[1; 9])).contains("more than 8 axes"));
    assert!(refusal(one(6, 0, &[-1], &[1])).contains("expected a size, found -1"));
    assert!(refusal(one(6, 0, &[6], &[-1])).contains("expected a size, found -1"));
    assert!(refusal(one(5, 0, &[5], &[1])).contains("expected the end of the file"), "a number too many");

    let object = dictionary(|pickle| pickle.tensor("7", 6, 0, &[6], &[1]));
    assert!(refusal(legacy(&object, &[("7", 5, six())])).contains("expected 6 numbers, found 5"));
    assert!(refusal(legacy(&object, &[("7", -1, six())])).contains("found -1"));
    assert!(refusal(legacy(&object, &[])).contains("for tensor `w`, found nothing"));
    assert!(refusal(legacy(&object, &[("8", 6, six())])).contains("found the text `8`"));
    assert!(refusal(archived(&object, &six()[..20], 0)).contains("expected 20 bytes"));
    // A text and a memo of four billion.
    assert!(refusal(legacy(b"X\xff\xff\xff\xff.", &[])).contains("within a pickle"));
    assert!(parse(legacy(b"}r\xff\xff\xff\xff.", &[])).is_err());
}

#[test]
fn steps_are_counted() {
    let endless = Pickle::new().raw(&b")".repeat(2_000_000)).end();
    assert!(refusal(legacy(&endless, &[])).contains("steps in the pickle"));
    // A dictionary in itself, and a tuple in a tuple in a tuple: nothing goes all the way down.
    let itself = Pickle::new().raw(b"}q\0").text("d").raw(b"h\0s").end();
    assert!(refusal(legacy(&itself, &[])).contains("a dictionary without any"));
    let deep = Pickle::new().raw(b")").raw(&b"\x85".repeat(500_000)).end();
    assert!(refusal(legacy(&deep, &[])).contains("found a list"));
}

#[test]
fn other_files_are_told_apart() {
    assert!(refusal(vec![]).contains("an empty file"));
    assert!(refusal(b"{}".to_vec()).contains("something else"));
    assert!(refusal(Pickle::new().int(3).end()).contains("a Python pickle of another kind"));
    let big = [
        MAGIC,
        &Pickle::new().int(1001).end(),
        &Pickle::new().raw(b"}").text("little_endian").raw(b"\x89s").end(),
    ];
    assert!(refusal(big.concat()).contains("`little_endian` to be true, found false"));
    assert!(refusal(archive(&[("a.txt", b"a")], 0)).contains("one `data.pkl`"));
    let object = dictionary(|pickle| pickle.tensor("7", 6, 0, &[6], &[1]));
    assert!(refusal(archived(&object, &six(), 8)).contains("compressed"));
    let order = [("n/data.pkl", &object[..]), ("n/byteorder", b"big")];
    assert!(refusal(archive(&order, 0)).contains("`byteorder`"));
}

/// Wherever a file ends too early, and whatever single byte of it is another one, there is an error or a tensor, and no panic.
#[test]
fn no_damage_is_more_than_an_error() {
    let object = dictionary(|pickle| pickle.tensor("7", 6, 0, &[2, 3], &[1, 2]));
    for file in [whole(), archived(&object, &six(), 0)] {
        for length in 0..file.len() {
            assert!(parse(file[..length].to_vec()).is_err(), "cut to {length} bytes");
        }
        for at in 0..file.len() {
            for change in [0x01, 0x80, 0xff, file[at]] {
                let mut damaged = file.clone();
                damaged[at] ^= change;
                if let Ok(tensors) = parse(damaged) {
                    let names: Vec<&str> = tensors.names().collect();
                    for name in names {
                        let read = tensors.floats(name);
                        assert!(
                            matches!(read, Ok(Some(_)) | Err(Error::Tensor { .. })),
                            "byte {at}: {read:?}"
                        );
                    }
                }
            }
        }
    }
}
