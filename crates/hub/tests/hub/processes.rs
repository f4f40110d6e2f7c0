//! Several at once, and one that is killed.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::place::{MODEL, Place, model};
use super::server::{Fault, Port};

/// Set for a process that this file starts: it fetches the model, and does nothing else.
const CHILD: &str = "HEADSTART_HUB_TEST_CHILD";

/// Another process, which is this program again, with one test: the next.
fn child(place: &Place) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "processes::a_process_fetches"]).env(CHILD, "1").envs(place.variables.clone());
    command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap()
}

#[test]
fn a_process_fetches() {
    let place = Place::new();
    if std::env::var_os(CHILD).is_some() {
        let names = ["HF_ENDPOINT", "HF_HUB_CACHE", "HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"];
        let variables = names.iter().map(|name| (*name, std::env::var_os(name).unwrap())).collect();
        Place { variables, ..place }.get(MODEL).unwrap();
    } else {
        assert!(child(&place).wait().unwrap().success());
        assert_eq!(fs::read(place.blob(MODEL)).unwrap(), model());
    }
}

#[test]
fn a_process_that_is_killed_leaves_a_beginning() {
    let place = Place::new();
    place.server.fault(Port::Cdn, "GET", Fault::Trickle(20_000, Duration::from_millis(20)), 1);
    let mut process = child(&place);
    let begun = Instant::now();
    let there = loop {
        let there = place.incomplete().first().map_or(0, |path| fs::metadata(path).unwrap().len());
        if there > 50_000 {
            break there;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing comes");
        thread::sleep(Duration::from_millis(2));
    };
    // SIGKILL, where there is such a thing.
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(place.has_no_blob() && place.incomplete().len() == 1);
    assert_eq!(fs::read(place.get(MODEL).unwrap()).unwrap(), model());
    let last = place.server.seen().pop().unwrap();
    let from: u64 =
        last.header("Range").unwrap().trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
    assert!(from >= there && place.incomplete().is_empty(), "{from} {there}");
}

#[test]
fn of_two_processes_one_fetches_and_the_other_waits() {
    let place = Place::new();
    place.server.fault(Port::Cdn, "GET", Fault::Trickle(100_000, Duration::from_millis(20)), 9);
    let processes = [child(&place), child(&place), child(&place)];
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(fs::read(place.blob(MODEL)).unwrap(), model());
    assert_eq!((place.server.count(Port::Cdn, "GET"), place.incomplete().len()), (1, 0));
}

#[test]
fn threads_do_not_disturb_each_other_either() {
    let place = Place::new();
    place.server.fault(Port::Cdn, "GET", Fault::Trickle(100_000, Duration::from_millis(5)), 9);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(fs::read(place.get(MODEL).unwrap()).unwrap(), model()));
        }
    });
    assert_eq!((place.server.count(Port::Cdn, "GET"), place.incomplete().len()), (1, 0));
}

/// Two folders of locks stand for a file system that only pretends to lock.
#[test]
#[cfg(unix)]
fn without_locks_some_is_fetched_twice_and_all_is_right() {
    let place = Place::new();
    place.server.fault(Port::Cdn, "GET", Fault::Trickle(100_000, Duration::from_millis(10)), 9);
    let other = Place { server: place.server.clone(), ..Place::new() };
    fs::create_dir_all(place.repository()).unwrap();
    fs::create_dir_all(other.cache()).unwrap();
    std::os::unix::fs::symlink(place.repository(), other.repository()).unwrap();
    let other = other.with("HF_ENDPOINT", &place.server.hub.clone());
    thread::scope(|scope| {
        for place in [&place, &other] {
            scope.spawn(|| assert_eq!(fs::read(place.get(MODEL).unwrap()).unwrap(), model()));
        }
    });
    assert_eq!(fs::read(place.blob(MODEL)).unwrap(), model());
}
