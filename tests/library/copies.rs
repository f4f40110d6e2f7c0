//! Optimised copies of graphs: the same bits, and never a damaged one or another's.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use headstart::backbone::Backbone;
use headstart::backbone::Libraries;
use headstart::backbone::runtime::Runtime;
use headstart::backbone::session::{Session, SessionOptions, copies};
use ndarray::{Array2, Array4};

/// Features of three images that are the same each time, by a session that may keep copies in `folder`.
fn features(backbone: &Backbone, folder: Option<&Path>) -> Array2<f32> {
    let runtime = Runtime::load(&Libraries::default()).expect("`just setup` fetches ONNX Runtime");
    let options = SessionOptions { copies: folder.map(Path::to_path_buf), ..SessionOptions::default() };
    let mut session = Session::new(&runtime, backbone, &options).unwrap();
    assert!(session.placement().nodes() > 0, "what runs where is known of copies too");
    let [a, b, c] = backbone.recipe().input_shape();
    let images = Array4::from_shape_fn((3, a, b, c), |(n, i, j, k)| {
        ((31 * n + 7 * i + 3 * j + 11 * k) % 255) as f32 - 120.0
    });
    session.run(images.view()).unwrap()
}

fn only_copy(folder: &Path) -> PathBuf {
    let found = copies::list(folder);
    let [(path, bytes)] = found.as_slice() else { panic!("expected one copy, found {found:?}") };
    assert_eq!(fs::metadata(path).unwrap().len(), *bytes);
    path.clone()
}

fn backbone() -> Backbone {
    Backbone::open("models/resnet50.onnx".as_ref()).expect("`just setup` makes the backbone")
}

/// Makes the copy look old; whoever uses it makes it young again.
fn age(copy: &Path) -> SystemTime {
    let old = SystemTime::now() - Duration::from_hours(1);
    File::options().append(true).open(copy).unwrap().set_modified(old).unwrap();
    fs::metadata(copy).unwrap().modified().unwrap()
}

fn was_used_since(copy: &Path, old: SystemTime) -> bool {
    fs::metadata(copy).unwrap().modified().unwrap() > old
}

#[test]
fn features_by_a_copy_are_those_of_the_graph() {
    let (folder, backbone) = (tempfile::tempdir().unwrap(), backbone());
    let folder = folder.path().join("not/yet/there");
    let want = features(&backbone, None);
    // The first makes the copy, the second is made from it.
    assert_eq!(features(&backbone, Some(&folder)), want);
    let copy = only_copy(&folder);
    // Another name for the same file: what is written anew is another file.
    let first = folder.join("../first");
    fs::hard_link(&copy, &first).unwrap();
    let (written, old) = (fs::read(&copy).unwrap(), age(&copy));
    assert_eq!(features(&backbone, Some(&folder)), want);
    assert!(was_used_since(&only_copy(&folder), old));
    let old = age(&first);
    assert!(!was_used_since(&copy, old), "it is not written again");
    assert!(fs::read(&copy).unwrap() == written);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no draft is left");
}

#[test]
fn a_copy_that_is_not_what_it_should_be_is_made_again() {
    let (folder, backbone) = (tempfile::tempdir().unwrap(), backbone());
    let want = features(&backbone, Some(folder.path()));
    let copy = only_copy(folder.path());
    let whole = fs::read(&copy).unwrap();
    let middle = whole.len() / 2;
    let mut flipped = whole.clone();
    flipped[middle] ^= 1;
    let (cut, empty) = (whole[..middle].to_vec(), vec![]);
    for harm in [flipped, cut, empty] {
        fs::write(&copy, &harm).unwrap();
        assert_eq!(features(&backbone, Some(folder.path())), want);
        assert!(fs::read(only_copy(folder.path())).unwrap() == whole, "{} bytes stood there", harm.len());
    }
}

/// The same numbers under another graph's name would be that graph's features from then on.
#[test]
fn a_copy_of_another_graph_is_not_taken_for_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    // One bit of one weight.
    let other = folder.path().join("resnet50.onnx");
    let mut bytes = fs::read("models/resnet50.onnx").unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    fs::write(&other, bytes).unwrap();
    let (one, other) = (backbone(), Backbone::open(&other).unwrap());
    features(&one, Some(&first));
    let want = features(&other, Some(&second));
    let (of_one, of_other) = (only_copy(&first), only_copy(&second));
    assert_ne!(of_one.file_name(), of_other.file_name());
    fs::copy(&of_one, &of_other).unwrap();
    assert_eq!(features(&other, Some(&second)), want);
    assert!(fs::read(&of_one).unwrap() != fs::read(&of_other).unwrap(), "it was made again");
}

#[test]
fn where_no_copy_can_be_kept_everything_works() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in the way");
    fs::write(&file, "").unwrap();
    let backbone = backbone();
    assert_eq!(features(&backbone, Some(&file.join("below"))), features(&backbone, None));
}
