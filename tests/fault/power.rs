//! The power fails: of what was not flushed, anything may be missing.
//!
//! The calls that the shim saw are played to a model of a disk that keeps only what POSIX makes it keep: bytes of a file up
//! to its last flush, names in a folder up to the folder's last flush. What the disk may then hold is laid out in a new
//! folder, and the next run is made there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::place::{IMAGES, Place};
use super::shim::{Trace, extract, whole};
use super::{some_of, thorough};

type Id = usize;

#[derive(Debug, Default, Clone)]
struct Object {
    folder: bool,
    length: u64,
    flushed: u64,
    names: BTreeMap<String, Id>,
    flushed_names: BTreeMap<String, Id>,
}

/// Files and folders below `root`, of which object 0 stands for itself.
#[derive(Debug)]
struct Disk {
    root: PathBuf,
    objects: Vec<Object>,
}

/// What becomes of what was not flushed.
#[derive(Debug, Clone, Copy)]
enum Loss {
    /// It is gone.
    All,
    /// Files have their length, and zeros where bytes were not flushed.
    Zeros,
    /// Of each name and each file's end some is there and some is not, as this number has it.
    Some(u64),
}

impl Disk {
    fn of(place: &Place, traces: &[Trace]) -> Self {
        let root = Object { folder: true, ..Object::default() };
        let mut disk = Self { root: place.path(), objects: vec![root] };
        traces.iter().flatten().filter(|call| call.result >= 0).for_each(|call| match call.op.as_str() {
            "mkdir" => disk.name(&call.path, true),
            "create" => disk.name(&call.path, false),
            "write" => {
                let id = disk.find(&call.path).expect("a file that was made before");
                disk.objects[id].length += call.result as u64;
            }
            "fsync" => disk.flush(&call.path),
            "rename" => {
                let id = disk.unname(&call.path).expect("a file that was made before");
                let (folder, name) = disk.parent(&call.other);
                disk.objects[folder].names.insert(name, id);
            }
            "unlink" => _ = disk.unname(&call.path),
            "chmod" | "run" | "ran" => {}
            other => panic!("the model does not know `{other}`"),
        });
        disk
    }

    fn find(&self, path: &Path) -> Option<Id> {
        let mut names = path.strip_prefix(&self.root).unwrap().components();
        names.try_fold(0, |at, name| {
            self.objects[at].names.get(name.as_os_str().to_str().expect("names of ours")).copied()
        })
    }

    fn parent(&self, path: &Path) -> (Id, String) {
        let folder = self.find(path.parent().unwrap()).expect("a folder that was made before");
        (folder, path.file_name().unwrap().to_str().unwrap().into())
    }

    fn name(&mut self, path: &Path, folder: bool) {
        let (parent, name) = self.parent(path);
        self.objects.push(Object { folder, ..Object::default() });
        let new = self.objects.len() - 1;
        assert_eq!(self.objects[parent].names.insert(name, new), None, "files are made once");
    }

    fn unname(&mut self, path: &Path) -> Option<Id> {
        let (parent, name) = self.parent(path);
        self.objects[parent].names.remove(&name)
    }

    fn flush(&mut self, path: &Path) {
        let id = self.find(path).expect("a file that was made before");
        let object = &mut self.objects[id];
        object.flushed = object.length;
        object.flushed_names = object.names.clone();
    }

    /// Lays out what the disk holds after the power failed.
    fn after(&self, loss: Loss) -> Place {
        let place = Place::new();
        let mut random = match loss {
            Loss::Some(seed) => Some(Random(seed)),
            _ => None,
        };
        self.lay_out(0, &self.root, &place.path(), loss, &mut random);
        place
    }

    fn lay_out(&self, id: Id, from: &Path, to: &Path, loss: Loss, random: &mut Option<Random>) {
        let object = &self.objects[id];
        fs::create_dir_all(to).unwrap();
        for (name, id) in object.names.iter().chain(&object.flushed_names) {
            let kept = object.flushed_names.get(name) == Some(id);
            let lucky = random.as_mut().is_some_and(|random| random.below(2) == 0);
            // Of a file that was removed since nothing can be said here; the disk may have taken note of that already.
            if !(kept || lucky) || object.names.get(name) != Some(id) {
                continue;
            }
            let (from, to) = (from.join(name), to.join(name));
            if self.objects[*id].folder {
                self.lay_out(*id, &from, &to, loss, random);
            } else {
                fs::write(to, self.bytes(*id, &from, loss, random)).unwrap();
            }
        }
    }

    fn bytes(&self, id: Id, from: &Path, loss: Loss, random: &mut Option<Random>) -> Vec<u8> {
        let mut bytes = fs::read(from).unwrap();
        assert_eq!(bytes.len() as u64, self.objects[id].length, "{}", from.display());
        let flushed = self.objects[id].flushed as usize;
        match (loss, random) {
            (Loss::All, _) => bytes.truncate(flushed),
            (Loss::Zeros, _) => bytes[flushed..].fill(0),
            (Loss::Some(_), random) => {
                let random = random.as_mut().expect("made with the seed");
                bytes.truncate(flushed + random.below(bytes.len() - flushed + 1));
                // Pages reach the disk in any order.
                bytes[flushed..]
                    .chunks_mut(512)
                    .filter(|_| random.below(3) == 0)
                    .for_each(|page| page.fill(0));
            }
        }
        bytes
    }
}

/// Images whose features a disk holds for sure after these calls.
pub fn on_disk(place: &Place, trace: Trace) -> usize {
    Disk::of(place, &[trace]).after(Loss::All).rows().len()
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % end as u64) as usize
    }
}

#[test]
fn what_extract_called_done_survives_a_power_failure() {
    let place = Place::new();
    let (said, trace) = extract(&place, "");
    assert_eq!(said.status, Some(1), "{}", said.err);
    let disk = Disk::of(&place, &[trace]);
    for loss in [Loss::All, Loss::Zeros, Loss::Some(1), Loss::Some(2)] {
        let place = disk.after(loss);
        assert_eq!(place.rows().len(), IMAGES, "{loss:?}");
        place.goes_on();
    }
}

/// Also what a process wrote that was killed before it could flush it, as soon as another called it done.
#[test]
fn what_a_killed_process_left_is_safe_when_the_next_is_done() {
    // Folders are made before the graph first runs: there every call counts.
    let making = whole().iter().take_while(|call| call.op != "run").count();
    let rest = some_of(whole().len() - making, 6).into_iter().map(|number| making + number);
    for number in (1..=making).chain(rest) {
        let place = Place::new();
        let (said, killed) = extract(&place, &format!("kill {number}"));
        if said.status.is_some() {
            continue;
        }
        let (said, next) = extract(&place, "");
        assert_eq!(said.status, Some(1), "{}", said.err);
        let after = Disk::of(&place, &[killed, next]).after(Loss::All);
        assert_eq!(after.rows().len(), IMAGES, "killed at call {number}");
    }
}

#[test]
fn when_the_power_fails_at_any_moment_extract_goes_on() {
    for number in some_of(whole().len(), 8) {
        let place = Place::new();
        let (_, trace) = extract(&place, &format!("kill {number}"));
        let disk = Disk::of(&place, &[trace]);
        let clean = [Loss::All, Loss::Zeros];
        for loss in clean {
            let place = disk.after(loss);
            place.goes_on();
            place.verify();
        }
        // Half a batch may be there: that is damage, and named; nothing else is different.
        for seed in 0..if thorough() { 5 } else { 1 } {
            disk.after(Loss::Some(seed * 1000 + number as u64)).goes_on();
        }
    }
}
