//! What a fetch leaves in the cache, and what the cache spares.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use headstart_hub::{Error, FileName, Hub};

use super::place::{CONFIG, MODEL, Place, REPOSITORY, files_below, model};
use super::server::{COMMIT, Port};

#[test]
fn a_file_lies_where_pythons_client_looks_for_it() {
    let place = Place::new().with("HF_TOKEN", "secret");
    let mut told = vec![];
    let path = place.get_at(REPOSITORY, MODEL, &mut |progress| {
        told.push(progress);
        ControlFlow::Continue(())
    });
    let path = path.unwrap();
    assert_eq!(fs::read(&path).unwrap(), model());
    assert_eq!(path, place.repository().join("snapshots").join(COMMIT).join(MODEL));
    let tag = place.server.tag(REPOSITORY, MODEL);
    assert_eq!(fs::read_link(&path).unwrap(), Path::new("../../../blobs").join(&tag));
    let config = place.get(CONFIG).unwrap();
    let config_tag = place.server.tag(REPOSITORY, CONFIG);
    assert_eq!(fs::read_link(config).unwrap(), Path::new("../../blobs").join(&config_tag));
    assert_eq!(fs::read_to_string(place.repository().join("refs/main")).unwrap(), COMMIT);
    let below =
        |path: &std::path::PathBuf| path.strip_prefix(place.cache()).unwrap().to_str().unwrap().to_owned();
    let mut wanted = vec![
        format!(".locks/models--org--name/{config_tag}.lock"),
        format!(".locks/models--org--name/{tag}.lock"),
        "CACHEDIR.TAG".into(),
        format!("models--org--name/blobs/{config_tag}"),
        format!("models--org--name/blobs/{tag}"),
        "models--org--name/refs/main".into(),
        format!("models--org--name/snapshots/{COMMIT}/config.json"),
        format!("models--org--name/snapshots/{COMMIT}/onnx/model.onnx"),
    ];
    wanted.sort();
    let mut found: Vec<String> = files_below(&place.cache()).iter().map(below).collect();
    found.sort();
    assert_eq!(found, wanted);

    let size = model().len() as u64;
    assert!(told.iter().all(|progress| progress.size == Some(size)), "{told:?}");
    assert!(told.is_sorted_by_key(|progress| progress.done) && told.last().unwrap().done == size, "{told:?}");

    // The hub is asked with the token, and the CDN without.
    for request in place.server.seen() {
        let token = request.header("Authorization");
        assert_eq!(token, (request.port == Port::Hub).then_some("Bearer secret"), "{request:?}");
        assert_eq!(request.header("Accept-Encoding"), Some("identity"), "{request:?}");
    }
    assert_eq!(place.server.count(Port::Cdn, "GET"), 1);
}

#[test]
fn a_branch_is_asked_for_once_and_what_is_kept_not_at_all() {
    let place = Place::new();
    let settings = place.settings();
    let reference = settings.parse(REPOSITORY).unwrap();
    let hub = Hub::new(settings).unwrap();
    let snapshot = hub.resolve(&reference).unwrap();
    assert_eq!((snapshot.commit().as_str(), snapshot.doubt().is_none()), (COMMIT, true));
    let go = &mut |_| ControlFlow::Continue(());
    for file in [CONFIG, MODEL, MODEL] {
        snapshot.get(&FileName::new(file).unwrap(), go).unwrap();
    }
    let missing = FileName::new("none.json").unwrap();
    assert!(snapshot.find(&missing).unwrap().is_none() && snapshot.find(&missing).unwrap().is_none());
    assert!(place.repository().join(".no_exist").join(COMMIT).join("none.json").is_file());
    let heads = place.server.seen().into_iter().filter(|request| request.method == "HEAD");
    let heads: Vec<String> = heads.map(|request| request.path).collect();
    let of = |revision: &str, file: &str| format!("/{REPOSITORY}/resolve/{revision}/{file}");
    assert_eq!(heads, [of("main", CONFIG), of(COMMIT, CONFIG), of(COMMIT, MODEL), of(COMMIT, "none.json")]);

    // By its commit, nothing is asked for at all.
    let before = place.server.seen().len();
    place.get_at(&format!("{REPOSITORY}@{COMMIT}"), MODEL, go).unwrap();
    assert_eq!(place.server.seen().len(), before);
}

#[test]
fn a_revision_with_slashes_is_one_part_of_the_address() {
    let place = Place::new();
    place.get_at("org/name@refs/pr/1", CONFIG, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(place.server.seen()[0].path, "/org/name/resolve/refs%2Fpr%2F1/config.json");
    assert_eq!(fs::read_to_string(place.repository().join("refs/refs/pr/1")).unwrap(), COMMIT);
}

#[test]
fn without_a_network_the_cache_does() {
    let place = Place::new();
    place.get(MODEL).unwrap();
    let seen = place.server.seen().len();
    let offline = Place { server: place.server.clone(), ..Place::new() }.with("HF_HUB_OFFLINE", "1");
    let error = offline.error(MODEL);
    assert!(matches!(error, Error::Offline { .. }), "{error}");
    let offline = offline.with("HF_HUB_CACHE", place.cache().to_str().unwrap());
    assert_eq!(fs::read(offline.get(MODEL).unwrap()).unwrap(), model());
    let error = offline.error("other.onnx");
    assert!(error.to_string().contains("the file `other.onnx` of commit 0123"), "{error}");
    assert_eq!(place.server.seen().len(), seen);

    // The hub is away, and nobody knew: the cache does too, and this is told.
    let away = place.with("HF_ENDPOINT", "http://127.0.0.1:9");
    assert_eq!(fs::read(away.get(MODEL).unwrap()).unwrap(), model());
    let settings = away.settings();
    let reference = settings.parse(REPOSITORY).unwrap();
    let hub = Hub::new(settings).unwrap();
    let snapshot = hub.resolve(&reference).unwrap();
    assert!(matches!(snapshot.doubt(), Some(Error::Unreachable { .. })), "{:?}", snapshot.doubt());
    let error = away.error("other.onnx");
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[test]
fn bytes_that_others_put_there_are_looked_at_too() {
    for file in [MODEL, CONFIG] {
        let place = Place::new();
        place.get(file).unwrap();
        let mut bytes = fs::read(place.blob(file)).unwrap();
        bytes[7] ^= 1;
        fs::write(place.blob(file), &bytes).unwrap();
        let error = place.error(file);
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        let remedy = error.remedy().unwrap();
        assert!(remedy.contains(place.blob(file).canonicalize().unwrap().to_str().unwrap()), "{remedy}");
        // As the remedy says.
        fs::remove_file(place.blob(file)).unwrap();
        place.get(file).unwrap();
    }
}

#[test]
fn the_same_bytes_in_two_files_are_fetched_once() {
    let place = Place::new();
    place.server.large(REPOSITORY, "copy.onnx", model());
    place.get(MODEL).unwrap();
    assert_eq!(fs::read(place.get("copy.onnx").unwrap()).unwrap(), model());
    assert_eq!(place.server.count(Port::Cdn, "GET"), 1);
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    // Root may write where modes forbid it, but nobody makes a folder where a file is.
    for (file, at) in [("hub", "hub"), ("hub/models--org--name/blobs", "blobs"), ("hub/.locks", ".locks")] {
        let place = Place::new();
        let path = place.folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "in the way").unwrap();
        let error = place.error(MODEL);
        assert!(matches!(error, Error::Write { .. }) && error.to_string().contains(at), "{error}");
        assert!(error.remedy().unwrap().contains("HF_HUB_CACHE"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "in the way");
    }
}
