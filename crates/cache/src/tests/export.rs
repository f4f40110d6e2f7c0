//! Files for other programs, read back by other people's readers; `tests/library/read_export.rs` has Python's.

use std::fs;

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use safetensors::SafeTensors;

use super::*;

const DIM: usize = 700;

/// More rows than one chunk has.
fn store(root: &Path) -> (Store, Vec<(Key, View)>) {
    let mut store = store_at(root, DIM);
    write(&store, &[0..2000, 2000..4000]);
    store.refresh().unwrap();
    // Another order than that of the segments, and one image twice.
    let ids: Vec<_> = (0..3000).map(|i| id(i * 7 % 4000)).chain([id(5)]).collect();
    (store, ids)
}

fn entries(ids: &[(Key, View)]) -> Vec<Entry<'_>> {
    let entry = |(i, (key, _)): (usize, &(Key, View))| Entry {
        path: ["a,\"b\".png", "grün/ä.jpg", "x"][i % 3],
        label: [Some("dog"), Some("cat"), None, Some("cat")][i % 4],
        split: (i % 2 == 0).then_some("train"),
        key: *key,
    };
    ids.iter().enumerate().map(entry).collect()
}

fn exported(name: &str, format: Format) -> (tempfile::TempDir, Vec<(Key, View)>, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let (store, ids) = store(root.path());
    let output = root.path().join(name);
    let mut told = 0;
    let selection = store.select(&ids).unwrap();
    let files = export(&selection, &entries(&ids), format, &output, false, &mut |rows| told += rows).unwrap();
    assert_eq!((told, &files[0]), (ids.len(), &output));
    if let [_, csv] = &files[..] {
        check_csv(csv, &ids);
    }
    (root, ids, output)
}

fn check_csv(path: &Path, ids: &[(Key, View)]) {
    let mut csv = csv::Reader::from_path(path).unwrap();
    assert_eq!(csv.headers().unwrap(), vec!["path", "label", "split", "key"]);
    let rows: Vec<_> = csv.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), ids.len());
    for (row, entry) in rows.iter().zip(entries(ids)) {
        let key = entry.key.to_string();
        assert_eq!(row, vec![entry.path, entry.label.unwrap_or(""), entry.split.unwrap_or(""), &key]);
    }
}

/// That these are the features of all rows, one after the other.
fn check_numbers(numbers: impl Iterator<Item = f32>, ids: &[(Key, View)]) {
    assert!(numbers.eq(features(ids, DIM)), "features differ");
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

#[test]
fn npy_has_its_header_and_the_numbers() {
    let (_root, ids, path) = exported("f.npy", Format::Npy);
    let bytes = fs::read(path).unwrap();
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((&bytes[..8], start % 64, bytes[start - 1]), (&b"\x93NUMPY\x01\x00"[..], 0, b'\n'));
    let header = std::str::from_utf8(&bytes[10..start]).unwrap().trim_end();
    assert_eq!(header, "{'descr': '<f4', 'fortran_order': False, 'shape': (3001, 700), }");
    check_numbers(floats(&bytes[start..]), &ids);
}

#[test]
fn safetensors_are_read_by_their_own_crate() {
    let (_root, ids, path) = exported("f.safetensors", Format::Safetensors);
    let bytes = fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap()["classes"], "[\"cat\",\"dog\"]");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let (features, labels) = (tensors.tensor("features").unwrap(), tensors.tensor("labels").unwrap());
    assert_eq!((features.shape(), labels.shape()), (&[3001, DIM][..], &[3001][..]));
    check_numbers(floats(features.data()), &ids);
    let labels = labels.data().as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes));
    assert!(labels.eq([1, 0, -1, 0].into_iter().cycle().take(3001)));
}

fn check_table(batches: &[arrow_array::RecordBatch], ids: &[(Key, View)]) {
    let mut wanted = entries(ids).into_iter();
    for batch in batches {
        let texts = |column: &str| batch.column_by_name(column).unwrap().as_string::<i32>().clone();
        let [paths, labels, splits, keys] = ["path", "label", "split", "key"].map(texts);
        for row in 0..batch.num_rows() {
            let want = wanted.next().expect("no more rows than there are");
            assert_eq!((paths.value(row), keys.value(row)), (want.path, want.key.to_string().as_str()));
            let text = |column: &arrow_array::StringArray| column.iter().nth(row).unwrap().map(str::to_owned);
            assert_eq!(
                (text(&labels), text(&splits)),
                (want.label.map(Into::into), want.split.map(Into::into))
            );
        }
    }
    assert!(wanted.next().is_none(), "rows are missing");
    let lists = batches.iter().map(|batch| batch.column_by_name("features").unwrap().as_fixed_size_list());
    check_numbers(lists.flat_map(|list| list.values().as_primitive::<Float32Type>().values().to_vec()), ids);
}

#[test]
fn arrow_files_are_read_by_arrow() {
    let (_root, ids, path) = exported("f.arrow", Format::Arrow);
    let file = fs::File::open(path).unwrap();
    let batches: Vec<_> =
        arrow_ipc::reader::FileReader::try_new(file, None).unwrap().map(Result::unwrap).collect();
    assert!(batches.len() > 1, "written in pieces");
    check_table(&batches, &ids);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_is_read_by_its_own_crate() {
    let (_root, ids, path) = exported("f.parquet", Format::Parquet);
    let file = fs::File::open(path).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    check_table(&batches, &ids);
}

#[test]
fn a_file_is_replaced_only_on_request_and_never_half_written() {
    let root = tempfile::tempdir().unwrap();
    let (store, ids) = store(root.path());
    let (selection, entries) = (store.select(&ids).unwrap(), entries(&ids));
    let folder = root.path().join("out");
    fs::create_dir(&folder).unwrap();
    let output = folder.join("f.npy");
    let write = |overwrite| export(&selection, &entries, Format::Npy, &output, overwrite, &mut |_| {});
    fs::write(folder.join("f.csv"), "mine").unwrap();
    assert!(matches!(write(false), Err(Error::Exists { path }) if path == folder.join("f.csv")));
    assert_eq!(fs::read(folder.join("f.csv")).unwrap(), b"mine");
    write(true).unwrap();
    check_csv(&folder.join("f.csv"), &ids);

    // Damage in a later chunk: what was written before it is not left behind.
    let batch = store.segments()[0].batches[0].clone();
    let segment = store.segments()[0].path.clone();
    let before = fs::read(&output).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[batch.end - 4 * 2000 - 3 * 4 * DIM + 8] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let damaged = Store::open_dir(store.dir()).unwrap();
    let selection = damaged.select(&ids[..2995]).unwrap();
    let failed = export(&selection, &entries[..2995], Format::Npy, &output, true, &mut |_| {});
    assert!(matches!(failed, Err(Error::BadRow { .. })), "{failed:?}");
    assert_eq!(fs::read(&output).unwrap(), before);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "nothing is left beside it");
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let root = tempfile::tempdir().unwrap();
    let (store, ids) = store(root.path());
    let selection = store.select(&ids[..1]).unwrap();
    for (format, name) in [(Format::Npy, "f.npy"), (Format::Arrow, "f.arrow")] {
        let output = Path::new("/proc").join(name);
        let error = export(&selection, &entries(&ids[..1]), format, &output, false, &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn extensions_name_formats() {
    let of = |name: &str| Format::of(Path::new(name));
    assert_eq!(of("a.b.npy"), Some(Format::Npy));
    #[cfg(feature = "parquet")]
    assert_eq!(of("a.PARQUET"), Some(Format::Parquet));
    assert_eq!((of("a.feather"), of("a.arrow")), (Some(Format::Arrow), Some(Format::Arrow)));
    assert_eq!((of("a.safetensors"), of("a.csv"), of("npy")), (Some(Format::Safetensors), None, None));
}
