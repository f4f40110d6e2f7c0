//! A hub, a CDN and a network that misbehave: an error that says so, and nothing wrong in the cache.

use std::fs;
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use headstart_hub::Error;

use super::place::{CONFIG, MODEL, Place, REPOSITORY, files_below, model};
use super::server::{COMMIT, Fault, Port};

/// The error that this fault of an answer to a question leads to.
fn asked(fault: Fault) -> Error {
    let place = Place::new();
    place.server.fault(Port::Hub, "HEAD", fault, 9);
    let error = place.error(MODEL);
    assert!(place.has_no_blob());
    error
}

fn status(status: u16, headers: &[(&'static str, &str)]) -> Error {
    asked(Fault::Status(status, headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()))
}

#[test]
fn what_the_hub_refuses_is_told_with_what_to_do() {
    let code = "X-Error-Code";
    for (error, kind, said, remedy) in [
        (
            status(401, &[(code, "RepoNotFound")]),
            "Unknown",
            "unknown at 127.0.0.1, or it is private",
            "HF_TOKEN",
        ),
        (status(404, &[(code, "RepoNotFound")]), "Unknown", "no token was given", "check the name"),
        (status(401, &[]), "Unknown", "`org/name`", "HF_TOKEN"),
        (status(403, &[(code, "GatedRepo")]), "Gated", "gated", "/org/name, then set HF_TOKEN"),
        (status(403, &[]), "Forbidden", "refuses access", "owner"),
        (status(404, &[(code, "RevisionNotFound")]), "Revision", "no revision `main`", "main branch"),
        (status(429, &[("Retry-After", "17")]), "RateLimit", "wait 17 s", "HF_TOKEN"),
        (status(429, &[]), "RateLimit", "too many requests", "wait"),
        (status(503, &[]), "Status", "status 503", "later"),
        (status(418, &[]), "Status", "status 418", "later"),
    ] {
        assert!(format!("{error:?}").starts_with(kind), "{kind}: {error:?}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.remedy().unwrap().contains(remedy), "{}", error.remedy().unwrap());
    }
    let place = Place::new().with("HF_TOKEN", "old");
    let message = ("X-Error-Message", "Invalid credentials in Authorization header".to_owned());
    place.server.fault(Port::Hub, "HEAD", Fault::Status(401, vec![message]), 1);
    assert!(matches!(place.error(MODEL), Error::Token { .. }));
    let refused = (code, "RepoNotFound".to_owned());
    place.server.fault(Port::Hub, "HEAD", Fault::Status(401, vec![refused]), 1);
    let error = place.error(MODEL);
    assert!(error.to_string().ends_with("the token does not open it"), "{error}");
    let error = place.error("other.onnx");
    assert_eq!(error.to_string(), format!("`org/name` has no file `other.onnx` at commit {COMMIT}"));
}

#[test]
fn a_hub_that_is_busy_for_a_moment_is_asked_again() {
    let place = Place::new();
    place.server.fault(Port::Hub, "HEAD", Fault::Status(503, vec![]), 2);
    place.server.fault(Port::Cdn, "GET", Fault::Status(503, vec![]), 2);
    assert_eq!(fs::read(place.get(MODEL).unwrap()).unwrap(), model());
    // For ever is too long.
    let place = Place::new();
    place.server.fault(Port::Cdn, "GET", Fault::Status(503, vec![]), 99);
    assert!(matches!(place.error(MODEL), Error::Status { status: 503, .. }));
    assert_eq!(place.server.count(Port::Cdn, "GET"), 5);
    place.server.fault(Port::Hub, "HEAD", Fault::Status(500, vec![]), 99);
    // The commit is known, so the branch is no question, but the file is not there.
    assert!(matches!(place.error(MODEL), Error::Status { status: 500, .. }));
}

#[test]
fn an_answer_without_its_headers_is_not_from_a_hub() {
    for (name, value) in [
        ("X-Repo-Commit", None),
        ("X-Repo-Commit", Some("../../../../../../../../../../../tmp/evil")),
        ("X-Repo-Commit", Some("main")),
        ("X-Repo-Commit", Some("ffffffffffffffffffffffffffffffffffffffff")),
        ("ETag", Some("\"../../../../../../../../../../../tmp/evil\"")),
        ("X-Linked-Size", Some("-1")),
    ] {
        let place = Place::new();
        if name == "X-Repo-Commit" && value.is_some_and(|value| value.starts_with('f')) {
            // The first answer names a commit, and the next one another.
            place.server.fault(Port::Hub, "HEAD", Fault::Header("none", None), 1);
            place.get(CONFIG).unwrap();
        }
        place.server.fault(
            Port::Hub,
            "HEAD",
            Fault::Header("X-Linked-Etag", None),
            usize::from(name == "ETag") * 9,
        );
        place.server.fault(Port::Hub, "HEAD", Fault::Header(name, value.map(String::from)), 1);
        let error =
            place.get_at(&format!("{REPOSITORY}@{COMMIT}"), MODEL, &mut |_| ControlFlow::Continue(()));
        let error = error.unwrap_err();
        assert!(
            matches!(&error, Error::Header { header, .. } if *header == name),
            "{name} {value:?}: {error}"
        );
        assert!(place.has_no_blob());
        for path in files_below(place.folder.path()) {
            assert!(path.starts_with(place.cache()) && !path.to_str().unwrap().contains("evil"), "{path:?}");
        }
    }
}

#[test]
fn a_tag_is_digits_or_it_is_none() {
    for tag in
        ["\"../../../../../../evil\"", "\"a/../../../../../../../../../../../../../evil\"", "evil", "\"\""]
    {
        let error = asked(Fault::Header("X-Linked-Etag", Some(tag.into())));
        // The branch's commit is asked for by a file that has no such header, the model has.
        assert!(matches!(error, Error::Header { header: "ETag", .. }), "{tag}: {error}");
    }
}

#[test]
fn names_that_lead_out_of_the_cache_are_refused() {
    let place = Place::new();
    let go = &mut |_| ControlFlow::Continue(());
    for (typed, file) in [
        (REPOSITORY, "../../../evil.onnx"),
        (REPOSITORY, "onnx/../../../evil.onnx"),
        (REPOSITORY, "/evil.onnx"),
        ("../evil", MODEL),
        ("org/name@../../../evil", MODEL),
    ] {
        assert!(matches!(place.get_at(typed, file, go), Err(Error::Name { .. })), "{typed} {file}");
    }
    let error = place.error("pytorch_model.bin");
    assert!(matches!(error, Error::Pickle { .. }), "{error}");
    assert!(place.server.seen().iter().all(|request| !request.path.contains("pytorch")));
}

#[test]
fn a_body_that_is_cut_goes_on_where_it_stopped() {
    let place = Place::new();
    place.server.fault(Port::Cdn, "GET", Fault::Cut(300_000), 2);
    assert_eq!(fs::read(place.get(MODEL).unwrap()).unwrap(), model());
    let seen = place.server.seen();
    let ranges: Vec<_> =
        seen.iter().filter(|request| request.port == Port::Cdn).map(|r| r.header("Range")).collect();
    assert_eq!(ranges, [None, Some("bytes=300000-"), Some("bytes=600000-")]);
    assert!(place.incomplete().is_empty());

    // If nothing comes any more it ends, and the next time it goes on.
    let place = Place::new();
    place.server.fault(Port::Cdn, "GET", Fault::Cut(300_000), 1);
    place.server.fault(Port::Cdn, "GET", Fault::Cut(0), 5);
    let error = place.error(MODEL);
    assert_eq!(error.to_string(), "127.0.0.1 sent 300000 of the 1000003 bytes of `onnx/model.onnx`");
    assert!(place.has_no_blob() && place.incomplete().len() == 1);
    assert_eq!(fs::read(place.get(MODEL).unwrap()).unwrap(), model());
    let last = place.server.seen().pop().unwrap();
    assert_eq!((last.header("Range"), place.incomplete().len()), (Some("bytes=300000-"), 0));
}

#[test]
fn a_server_that_ignores_where_to_begin_begins_anew() {
    let place = Place::new();
    place.server.fault(Port::Cdn, "GET", Fault::Cut(300_000), 1);
    place.server.fault(Port::Cdn, "GET", Fault::IgnoresRange, 99);
    assert_eq!(fs::read(place.get(MODEL).unwrap()).unwrap(), model());
    assert!(place.incomplete().is_empty());
}

#[test]
fn a_leftover_of_other_bytes_does_no_harm() {
    let place = Place::new();
    let blob = place.blob(MODEL);
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    let left = |number: &str, bytes: usize| {
        fs::write(format!("{}.{number}.incomplete", blob.display()), vec![b'?'; bytes]).unwrap();
    };
    left("0a1b2c3d", 1000);
    assert_eq!(fs::read(place.get(MODEL).unwrap()).unwrap(), model());
    assert_eq!(place.server.count(Port::Cdn, "GET"), 2);
    // One that is too long is none of this file.
    fs::remove_file(&blob).unwrap();
    left("4a1b2c3d", 2_000_000);
    assert_eq!(fs::read(place.get(MODEL).unwrap()).unwrap(), model());
    assert_eq!(place.server.count(Port::Cdn, "GET"), 3);
    // A whole one needs no bytes, and is looked at like any other.
    fs::remove_file(&blob).unwrap();
    left("5a1b2c3d", model().len());
    assert_eq!(fs::read(place.get(MODEL).unwrap()).unwrap(), model());
}

#[test]
fn bytes_that_are_not_what_the_hub_promised_are_not_kept() {
    let place = Place::new();
    place.server.fault(Port::Cdn, "GET", Fault::WrongBytes, 1);
    let error = place.error(MODEL);
    assert!(matches!(error, Error::WrongBytes { .. }), "{error}");
    assert!(error.to_string().contains(&place.server.tag(REPOSITORY, MODEL)));
    assert!(place.has_no_blob() && place.incomplete().is_empty());

    place.server.fault(Port::Cdn, "GET", Fault::Longer(5), 1);
    let error = place.error(MODEL);
    assert!(matches!(error, Error::Size { expected: 1_000_003, found: 1_000_008, .. }), "{error}");
    assert!(place.has_no_blob() && place.incomplete().is_empty());

    place.server.fault(Port::Cdn, "GET", Fault::Shorter(5), 1);
    let error = place.error(MODEL);
    assert!(matches!(error, Error::Size { expected: 1_000_003, found: 999_998, .. }), "{error}");

    // Where it is the hub that is wrong about the size.
    place.server.fault(Port::Hub, "HEAD", Fault::Header("X-Linked-Size", Some("999".into())), 2);
    assert!(matches!(place.error(MODEL), Error::Size { expected: 999, .. }));

    // Small files have tags of git, and are held against them as well.
    place.server.fault(Port::Hub, "GET", Fault::WrongBytes, 1);
    assert!(matches!(place.error(CONFIG), Error::WrongBytes { .. }));
    assert!(place.get(MODEL).is_ok() && place.get(CONFIG).is_ok());
}

#[test]
fn a_size_that_nobody_tells_is_found_out() {
    let place = Place::new();
    place.server.fault(Port::Hub, "HEAD", Fault::Header("X-Linked-Size", None), 9);
    assert_eq!(fs::read(place.get(MODEL).unwrap()).unwrap(), model());
}

#[test]
fn a_trickle_arrives_and_can_be_stopped() {
    let slow = || Fault::Trickle(50_000, Duration::from_millis(20));
    let place = Place::new();
    place.server.fault(Port::Cdn, "GET", slow(), 1);
    let stop = &mut |progress: headstart_hub::Progress| {
        if progress.done >= 100_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let error = place.get_at(REPOSITORY, MODEL, stop).unwrap_err();
    assert!(matches!(error, Error::Stopped { .. }) && error.remedy().is_none(), "{error}");
    let kept = fs::metadata(&place.incomplete()[0]).unwrap().len();
    assert!((100_000..600_000).contains(&kept), "{kept}");
    place.server.fault(Port::Cdn, "GET", slow(), 1);
    assert_eq!(fs::read(place.get(MODEL).unwrap()).unwrap(), model());
    assert_eq!(place.server.seen().pop().unwrap().header("Range"), Some(format!("bytes={kept}-").as_str()));
}

#[test]
fn a_server_that_falls_silent_is_not_waited_for_without_end() {
    let place = Place::new();
    let silence = Fault::Trickle(100_000, Duration::from_secs(60));
    place.server.fault(Port::Cdn, "GET", silence, 1);
    let begun = Instant::now();
    // It goes on with another connection.
    assert_eq!(fs::read(place.get(MODEL).unwrap()).unwrap(), model());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(place.server.seen().pop().unwrap().header("Range"), Some("bytes=100000-"));

    // A hub that takes the connection and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = Place::new()
        .with("HF_ENDPOINT", &format!("http://{}", listener.local_addr().unwrap()))
        .with("HF_HUB_ETAG_TIMEOUT", "1");
    let error = silent.error(MODEL);
    assert!(matches!(error, Error::Timeout { seconds: 1, .. }), "{error:?}");
    assert!(error.remedy().unwrap().contains("HF_HUB_ETAG_TIMEOUT"));
}

#[test]
fn a_redirect_leads_only_where_files_are_fetched_from() {
    for (to, said) in [("ftp://127.0.0.1/a", "neither http nor https"), ("file:///etc/passwd", "Location")] {
        let error = asked(Fault::Header("Location", Some(to.into())));
        assert!(error.to_string().contains(said), "{to}: {error}");
        // The CDN may send one away too.
        let place = Place::new();
        place.server.fault(Port::Cdn, "GET", Fault::Status(302, vec![("Location", to.into())]), 1);
        let error = place.error(MODEL);
        assert!(error.to_string().contains(said) && place.has_no_blob(), "{to}: {error}");
    }
    let place = Place::new();
    let round = Fault::Status(302, vec![("Location", "/org/name/resolve/main/config.json".into())]);
    place.server.fault(Port::Hub, "HEAD", round, 99);
    assert!(place.error(MODEL).to_string().contains("redirects without end"));
}

#[test]
fn a_redirect_on_the_hub_is_followed_with_the_token_and_one_elsewhere_without() {
    let place = Place::new().with("HF_TOKEN", "secret");
    let renamed = format!("/{REPOSITORY}/resolve/main/config.json?renamed");
    place.server.fault(Port::Hub, "HEAD", Fault::Status(307, vec![("Location", renamed)]), 1);
    place.get(MODEL).unwrap();
    let seen = place.server.seen();
    assert!(seen[1].path.ends_with("?renamed") && seen[1].header("Authorization") == Some("Bearer secret"));

    // A CDN that sends to the hub of another, or back: the token goes to the hub only.
    let other = Place::new().with("HF_TOKEN", "secret");
    let away = format!("{}/{}", place.server.cdn, place.server.tag(REPOSITORY, MODEL));
    other.server.fault(Port::Cdn, "GET", Fault::Status(302, vec![("Location", away)]), 1);
    other.get(MODEL).unwrap();
    let last = place.server.seen().pop().unwrap();
    assert_eq!((last.port, last.header("Authorization")), (Port::Cdn, None));
}

#[test]
fn whoever_cannot_be_reached_is_named() {
    let error = Place::new().with("HF_ENDPOINT", "http://127.0.0.1:9").error(MODEL);
    assert!(
        matches!(error, Error::Unreachable { .. }) && error.to_string().contains("127.0.0.1"),
        "{error:?}"
    );
    assert!(error.remedy().unwrap().contains("HTTPS_PROXY"));
    let error = Place::new().with("HTTP_PROXY", "http://me:secret@127.0.0.1:9").error(MODEL);
    assert!(matches!(error, Error::Proxy { .. }) && !error.to_string().contains("secret"), "{error:?}");
    // A proxy that refuses.
    let proxy = Place::new();
    let error = Place::new().with("HTTP_PROXY", &proxy.server.cdn).error(MODEL);
    assert!(matches!(error, Error::Proxy { .. }), "{error:?}");
    // Whoever speaks no TLS has no certificate.
    let plain = Place::new();
    let https = plain.server.hub.replace("http:", "https:");
    let error = Place::new().with("HF_ENDPOINT", &https).error(MODEL);
    assert!(matches!(error, Error::Certificate { .. } | Error::Unreachable { .. }), "{error:?}");
    let settings = Place::new().with("HF_ENDPOINT", &https).with("SSL_CERT_FILE", "/none.pem").settings();
    let error = headstart_hub::Hub::new(settings).unwrap_err();
    assert!(
        matches!(error, Error::Certificates { .. }) && error.to_string().contains("/none.pem"),
        "{error}"
    );
}
