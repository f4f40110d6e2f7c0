use std::borrow::Cow;
use std::fs::{self, File};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt16Type, UInt32Type};
use ndarray::{Array2, s};

use super::*;

#[test]
fn what_was_appended_is_gathered() {
    for storage in [Storage::F32, Storage::F16] {
        let root = tempfile::tempdir().unwrap();
        let mut store = Store::create_or_open(root.path(), "net", &fingerprint_of(40, storage)).unwrap();
        write(&store, &[0..5, 5..6]);
        assert!(store.is_empty(), "not before a refresh");
        store.refresh().unwrap();
        assert_eq!((store.len(), count_right(&store, &ids(0..7))), (6, 6));
        assert_eq!(store.find(&id(0).0, 1), None, "another view");
        let again = Store::open(root.path(), &fingerprint_of(40, storage)).unwrap().unwrap();
        assert_eq!((again.len(), again.storage()), (6, storage));
        let want = [id(4), id(0), id(4)];
        let rows = want.map(|(key, view)| again.find(&key, view).unwrap());
        let mut out = Array2::zeros((3, 40));
        again.gather(&rows, &mut out.view_mut()).unwrap();
        assert_eq!(out, features(&want, 40));
        // Rows that are not contiguous.
        let mut wide = Array2::zeros((3, 80));
        again.gather(&rows, &mut wide.slice_mut(s![.., ..;2])).unwrap();
        assert_eq!(wide.slice(s![.., ..;2]), out);
        assert!(matches!(again.gather(&rows[1..], &mut out.view_mut()), Err(Error::Shape { .. })));
        assert_eq!(again.ids().count(), 6);
    }
}

#[test]
fn rows_are_borrowed_from_the_mapped_file() {
    let root = tempfile::tempdir().unwrap();
    let mut store = store_at(root.path(), 7);
    write(&store, &[0..3, 3..10]);
    store.refresh().unwrap();
    for (key, view) in ids(0..10) {
        assert!(matches!(store.row(store.find(&key, view).unwrap()), Ok(Cow::Borrowed(_))));
    }
}

#[test]
fn sixteen_bits_round_to_the_nearest_and_refuse_what_they_cannot_hold() {
    let root = tempfile::tempdir().unwrap();
    let mut store = Store::create_or_open(root.path(), "net", &fingerprint_of(2, Storage::F16)).unwrap();
    let mut writer = store.writer(Provenance::default()).unwrap();
    // The step at 2048 is 2, so 2049 is halfway and goes to the even neighbour.
    writer.append(&[id(1)], ndarray::array![[2049.0, 2051.5]].view()).unwrap();
    let error = writer.append(&[id(2)], ndarray::array![[1.0, 65520.0]].view()).unwrap_err();
    assert!(matches!(error, Error::TooLargeForF16 { column: 1, key, .. } if key == id(2).0), "{error}");
    writer.close().unwrap();
    store.refresh().unwrap();
    assert_eq!(*store.row(store.find(&id(1).0, 1).unwrap()).unwrap(), [2048.0, 2052.0]);
    assert_eq!(store.len(), 1);
}

#[test]
fn what_is_not_finite_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = store_at(root.path(), 2).writer(Provenance::default()).unwrap();
    let error =
        writer.append(&[id(1), id(2)], ndarray::array![[0.0, 1.0], [f32::NAN, 0.0]].view()).unwrap_err();
    assert!(matches!(error, Error::NotFinite { column: 0, key, .. } if key == id(2).0), "{error}");
    assert!(matches!(writer.append(&[id(1)], Array2::zeros((1, 3)).view()), Err(Error::Shape { .. })));
    assert_eq!(writer.rows(), 0);
}

#[test]
fn a_selection_keeps_the_callers_order_and_names_all_that_is_missing() {
    let root = tempfile::tempdir().unwrap();
    let mut store = store_at(root.path(), 3);
    write(&store, &[0..4]);
    store.refresh().unwrap();
    let missing = store.select(&[id(0), id(8), id(1), id(9)]).unwrap_err();
    assert_eq!(missing.positions, [1, 3]);
    assert_eq!(missing.ids, [id(8), id(9)]);
    assert_eq!(missing.to_string(), "the cache lacks the features of 2 of 4 images");
    let selection = store.select(&[id(3), id(0), id(2)]).unwrap();
    let mut out = Array2::zeros((0, 0));
    selection.gather(&[2, 0, 0], &mut out).unwrap();
    assert_eq!(out, features(&[id(2), id(3), id(3)], 3));
    assert_eq!((selection.len(), selection.dim(), selection.id(1)), (3, 3, Some(id(0))));
    assert_eq!(*selection.row(1).unwrap(), features_of(id(0), 3)[..]);
}

#[test]
fn a_directory_is_found_by_its_hash() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), 3);
    write(&store, &[0..2]);
    let short = store.fingerprint().short();
    assert_eq!(store.dir().file_name().unwrap().to_str().unwrap(), format!("net-{short}"));
    fs::rename(store.dir(), root.path().join(format!("my-own-name-{short}"))).unwrap();
    assert_eq!(store_at(root.path(), 3).len(), 2);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    assert!(Store::open(root.path(), &fingerprint_of(4, Storage::F32)).unwrap().is_none());
}

#[test]
fn a_fingerprint_that_is_lost_or_altered_is_named_and_written_anew() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), 3);
    write(&store, &[0..2]);
    let file = store.dir().join("fingerprint.json");
    let flipped = store.fingerprint().text().replace("fp32", "fq32");
    for (garbage, why) in [
        ("", "EOF"),
        ("{\"feat", "EOF"),
        (flipped.as_str(), "`precision` expected \"fp32\", found \"fq32\""),
        (fingerprint_of(3, Storage::F16).text(), "`storage` expected \"f32\", found \"f16\""),
    ] {
        fs::write(&file, garbage).unwrap();
        let reader = Store::open(root.path(), store.fingerprint()).unwrap().unwrap();
        assert_eq!(reader.len(), 2);
        let flaw = verify(&reader, |_| {}).fingerprint.expect("it is named");
        assert!(flaw.contains(why), "{flaw}");
        assert!(Store::open_dir(store.dir()).is_err());
        assert_eq!(store_at(root.path(), 3).len(), 2);
        assert_eq!(fs::read_to_string(&file).unwrap(), store.fingerprint().text());
    }
}

/// Eight digits can meet by chance; then the text decides.
#[test]
fn another_fingerprint_with_the_same_digits_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (ours, other) = (fingerprint_of(3, Storage::F32), fingerprint_of(3, Storage::F16));
    let dir = root.path().join(format!("net-{}", other.short()));
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("fingerprint.json"), other.text()).unwrap();
    let error = directory::flaw_of(&dir, &ours).unwrap_err();
    let Error::OtherFingerprint { differences, .. } = &error else { panic!("{error}") };
    assert_eq!(differences[0].to_string(), "`storage` expected \"f32\", found \"f16\"");
}

/// The format is Arrow's own: any reader of it gets the columns, and can test the checksums.
#[test]
fn arrow_reads_a_segment() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), 5);
    let path = write(&store, &[0..3, 3..5]);
    let reader = arrow_ipc::reader::StreamReader::try_new(File::open(path).unwrap(), None).unwrap();
    assert_eq!(reader.schema().metadata()["headstart.version"], env!("CARGO_PKG_VERSION"));
    let mut row = 0;
    for batch in reader.map(Result::unwrap) {
        let features = batch.column(2).as_fixed_size_list();
        let numbers: Arc<_> = features.values().clone();
        let numbers = numbers.as_primitive::<Float32Type>().values().chunks(5);
        for (slot, numbers) in numbers.enumerate() {
            let (key, view) = id(row);
            assert_eq!(batch.column(0).as_fixed_size_binary().value(slot), key.0);
            assert_eq!(batch.column(1).as_primitive::<UInt16Type>().value(slot), view);
            assert_eq!(numbers, features_of((key, view), 5));
            let mut summed = store.fingerprint().hash().as_bytes().to_vec();
            summed.extend(key.0);
            summed.extend(view.to_le_bytes());
            summed.extend(numbers.iter().flat_map(|v| v.to_le_bytes()));
            assert_eq!(batch.column(3).as_primitive::<UInt32Type>().value(slot), crc32c::crc32c(&summed));
            row += 1;
        }
    }
    assert_eq!(row, 5);
}

#[test]
fn no_rows_no_segment() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), 3);
    store.writer(Provenance::default()).unwrap().close().unwrap();
    drop(store.writer(Provenance::default()).unwrap());
    assert_eq!(fs::read_dir(store.segments_dir()).unwrap().count(), 0);
    File::create(store.segments_dir().join("empty.arrow")).unwrap();
    let store = store_at(root.path(), 3);
    assert!(store.is_empty() && verify(&store, |_| {}).is_clean());
}

#[test]
fn info_sums_up() {
    let root = tempfile::tempdir().unwrap();
    assert!(info(&root.path().join("none")).unwrap().is_empty());
    let store = store_at(root.path(), 3);
    let device = |device: &str| Provenance { device: device.into(), ..Provenance::default() };
    for (name, numbers) in [("cpu", 0..4), ("cuda", 4..6), ("cpu", 0..1)] {
        let mut writer = store.writer(device(name)).unwrap();
        append(&mut writer, &ids(numbers), 3);
        writer.close().unwrap();
    }
    fs::create_dir(root.path().join("memo")).unwrap();
    let infos: Vec<_> = info(root.path()).unwrap().into_iter().map(Result::unwrap).collect();
    let [found] = &infos[..] else { panic!("{infos:?}") };
    assert_eq!((found.name.as_str(), found.images, found.rows, found.segments), ("net", 6, 7, 3));
    let origins = found.origins.iter().map(|o| (o.provenance.device.as_str(), o.segments, o.rows));
    assert_eq!(origins.collect::<Vec<_>>(), [("cpu", 2, 5), ("cuda", 1, 2)]);
    assert_eq!((found.failures, found.known_damaged), (0, 0));
    assert_eq!(found.fingerprint, *store.fingerprint().parts());
    assert!(found.bytes > 1000 && found.last_write.is_some());
    fs::write(store.dir().join("fingerprint.json"), "{}").unwrap();
    assert!(matches!(info(root.path()).unwrap()[..], [Err(Error::DamagedFingerprint { .. })]));
}

#[test]
fn a_folder_that_cannot_be_made_is_a_typed_error() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("a-file");
    fs::write(&file, "").unwrap();
    let error = Store::create_or_open(&file, "net", &fingerprint_of(3, Storage::F32)).unwrap_err();
    assert!(
        matches!(error, Error::Read { .. } | Error::Write { .. } | Error::NotWritable { .. }),
        "{error:?}"
    );
}

/// Root may write anywhere, so for root only the reading is tested.
#[cfg(unix)]
#[test]
fn a_folder_that_may_only_be_read_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), 3);
    write(&store, &[0..4]);
    let dir = store.segments_dir();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o555)).unwrap();
    let store = store_at(root.path(), 3);
    assert_eq!(count_right(&store, &ids(0..4)), 4);
    if let Err(error) = store.writer(Provenance::default()) {
        assert!(matches!(error, Error::NotWritable { .. }), "{error:?}");
    }
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_store_is_shared_between_threads_and_a_writer_handed_to_one() {
    fn shared<T: Send + Sync>() {}
    fn handed<T: Send>() {}
    shared::<Store>();
    shared::<Error>();
    handed::<SegmentWriter>();
    handed::<Memo>();
    handed::<FailureLog>();
}

#[test]
fn a_row_of_no_numbers_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let error = Store::create_or_open(root.path(), "net", &fingerprint_of(0, Storage::F32)).unwrap_err();
    assert!(matches!(error, Error::FeatureSize { found: 0 }));
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}
