//! Writing a run.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::Error;
use super::{
    HEAD, HISTORY, INFO, METRICS, Run, RunImages, RunInfo, TrainingMetrics, checkpoint_path, file::InfoFile,
    images,
};
use headstart_base::files::{DraftFolder, NewFolder, WriteError, folder_of, of_system, sync_folder};
use headstart_nn::layers::Head;
use headstart_nn::train::{Checkpoint, History};

/// A run that is to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewRun<'r> {
    /// What it tells apart, and by which features.
    pub info: &'r RunInfo,
    /// Its head.
    pub head: &'r Head,
    /// How the head came about, if it was trained here.
    pub course: Option<TrainingRecord<'r>>,
}

/// What a training leaves beside the head.
#[derive(Debug, Clone, Copy)]
pub struct TrainingRecord<'r> {
    /// The figures of every epoch.
    pub history: &'r History,
    /// The figures of the epoch that was kept.
    pub metrics: &'r TrainingMetrics,
    /// To go on from, if wanted.
    pub checkpoint: Option<&'r Checkpoint>,
    /// What it was trained on, to tell later whether an image was.
    pub images: Option<&'r RunImages>,
}

impl NewRun<'_> {
    /// Write it to `runs/NAME`; without a name to `runs/DATE-NUMBER`, the date in UTC and the number the next free one.
    ///
    /// # Errors
    /// [`Error::RunExists`] unless `overwrite`, [`Error::RunName`], [`Error::Write`]. With `overwrite`, what
    /// is there is replaced only if it is a run: [`Error::NotARun`].
    ///
    /// # Panics
    /// If the info tells of a training and there is no course of one, or the other way round.
    pub fn create(&self, runs: &Path, name: Option<&str>, overwrite: bool) -> Result<Run, Error> {
        let Self { info, head, course } = *self;
        assert_eq!(
            info.training().is_some(),
            course.is_some(),
            "a course for what was trained, and for nothing else"
        );
        let name = name.map(checked_name).transpose()?;
        // Refused before anything is written.
        if let Some(name) = name {
            occupied(&runs.join(name), overwrite)?;
        }
        // Gone again if no run comes into it.
        let _made = NewFolder::make(runs).map_err(cannot_write(runs))?;
        remove_leftovers(runs, SystemTime::now());
        // Its name begins with a dot: whoever lists runs passes over it. Removed again if anything fails.
        let folder = DraftFolder::begin(runs, ".new-").map_err(of_draft)?;
        // Nobody knows the folder that is there for now.
        let meant = |error| match error {
            Error::Write { source, path } => {
                let file =
                    name.and_then(|name| Some(runs.join(name).join(path.strip_prefix(folder.path()).ok()?)));
                Error::Write { path: file.unwrap_or_else(|| runs.into()), source }
            }
            error => error,
        };
        self.write_files(folder.path()).map_err(meant)?;
        let dir = match name {
            Some(name) => place(folder.path(), runs, name, overwrite)?,
            None => place_by_date(folder.path(), runs)?,
        };
        // It is no longer there to be removed.
        folder.keep();
        sync(runs).map_err(cannot_write(runs))?;
        Ok(Run {
            dir,
            info: info.clone(),
            head: head.clone(),
            history: course.map(|course| course.history.clone()).unwrap_or_default(),
            metrics: course.map(|course| course.metrics.clone()),
            calibration: None,
        })
    }

    fn write_files(&self, dir: &Path) -> Result<(), Error> {
        let file = |name: &str, bytes: &[u8]| write_synced(&dir.join(name), bytes);
        let info = InfoFile::from(self.info.clone());
        file(INFO, toml::to_string(&info).expect("a run's settings are TOML").as_bytes())?;
        file(HEAD, &self.head.to_bytes())?;
        if let Some(course) = &self.course {
            course.write_files(dir)?;
        }
        open_to_others(dir).and_then(|()| sync(dir)).map_err(cannot_write(dir))
    }
}

impl TrainingRecord<'_> {
    fn write_files(&self, dir: &Path) -> Result<(), Error> {
        let mut history = Vec::new();
        self.history.write_csv(&mut history).expect("memory takes what is written");
        write_synced(&dir.join(HISTORY), &history)?;
        let mut metrics = serde_json::to_vec_pretty(self.metrics).expect("metrics are JSON");
        metrics.push(b'\n');
        write_synced(&dir.join(METRICS), &metrics)?;
        if let Some(images) = self.images {
            write_synced(&dir.join(images::FILE), &images.to_bytes())?;
        }
        let Some(checkpoint) = self.checkpoint else { return Ok(()) };
        let path = checkpoint_path(dir);
        let folder = path.parent().expect("it lies in a folder of its own");
        fs::create_dir(folder).map_err(cannot_write(folder))?;
        write_synced(&path, &checkpoint.to_bytes())?;
        sync(folder).map_err(cannot_write(folder))
    }
}

/// What a training that was killed leaves among the runs: hidden folders of these names. One that is younger may be somebody's
/// who is at work.
const HIDDEN: [&str; 2] = [".new-", ".training-"];
const LEFT_BEHIND: Duration = Duration::from_hours(24);

fn remove_leftovers(runs: &Path, now: SystemTime) {
    for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_ours = HIDDEN.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()));
        let age = || now.duration_since(last_change(&entry.path())?).ok();
        if is_ours && age().is_some_and(|age| age > LEFT_BEHIND) {
            // Whatever is in the way of that is in nobody's way here.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Of a folder and all that is in it.
fn last_change(folder: &Path) -> Option<SystemTime> {
    let own = fs::symlink_metadata(folder).ok()?;
    let inside = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let changed = own.modified().ok()?;
    if !own.is_dir() {
        return Some(changed);
    }
    let others = inside(folder).filter_map(|entry| last_change(&entry.path()));
    Some(others.fold(changed, Ord::max))
}

fn of_draft(WriteError { path, source }: WriteError) -> Error {
    Error::Write { path, source }
}

fn cannot_write(path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::Write { path: path.into(), source: of_system(source) }
}

/// A name that is a folder's on every system, and no other folder's.
///
/// # Errors
/// [`Error::RunName`].
pub fn checked_name(name: &str) -> Result<&str, Error> {
    let ordinary = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let valid = name.starts_with(char::is_alphanumeric) && name.chars().all(ordinary);
    match reserved(name) {
        Some(why) => Err(Error::ReservedRunName { name: name.into(), why }),
        None if valid => Ok(name),
        None => Err(Error::RunName { name: name.into() }),
    }
}

/// The word that stands for the last run.
pub const LATEST: &str = "latest";

/// Bytes of a name.
const LONGEST: usize = 100;

/// Why a name of ordinary letters is that of no run.
fn reserved(name: &str) -> Option<&'static str> {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let device = ["con", "prn", "aux", "nul"].contains(&&*stem)
        || ["com", "lpt"].iter().any(|port| {
            stem.strip_prefix(port).is_some_and(|number| matches!(number.as_bytes(), [b'0'..=b'9']))
        });
    match () {
        () if name.len() > LONGEST => Some("it is longer than 100 bytes"),
        () if name.eq_ignore_ascii_case(LATEST) => Some("it stands for the last run"),
        () if device => Some("Windows reserves it for a device"),
        () if name.ends_with('.') && name.len() > 1 && name.starts_with(char::is_alphanumeric) => {
            Some("Windows drops a dot at the end")
        }
        () => None,
    }
}

/// Whether a run is there that may be replaced; an error if what is there may not.
fn occupied(dir: &Path, overwrite: bool) -> Result<bool, Error> {
    match (fs::symlink_metadata(dir).is_ok(), overwrite) {
        (false, _) => Ok(false),
        (true, false) => Err(Error::RunExists { path: dir.into() }),
        (true, true) if dir.join(INFO).is_file() => Ok(true),
        (true, true) => Err(Error::NotARun { path: dir.into() }),
    }
}

/// Give the finished folder its name.
fn place(folder: &Path, runs: &Path, name: &str, overwrite: bool) -> Result<PathBuf, Error> {
    let dir = runs.join(name);
    if !occupied(&dir, overwrite)? {
        claim(folder, &dir)?;
        return Ok(dir);
    }
    // Not a draft: a program that is stopped now must not take the old run away.
    let old = tempfile::Builder::new().prefix(".old-").tempdir_in(runs).map_err(cannot_write(&dir))?;
    let aside = old.path().join(name);
    fs::rename(&dir, &aside).map_err(cannot_write(&dir))?;
    if let Err(error) = fs::rename(folder, &dir) {
        // Should this fail too, the old run stays where it is rather than be removed.
        if fs::rename(&aside, &dir).is_err() {
            let _ = old.keep();
        }
        return Err(cannot_write(&dir)(error));
    }
    Ok(dir)
}

fn place_by_date(folder: &Path, runs: &Path) -> Result<PathBuf, Error> {
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let mut number = 1 + last_number(runs, &date).map_err(cannot_write(runs))?;
    loop {
        let dir = runs.join(format!("{date}-{number:04}"));
        match claim(folder, &dir) {
            Ok(()) => return Ok(dir),
            // Another process was faster.
            Err(Error::RunExists { .. }) => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Rename to a name that nobody else has: making the folder says whose it is, and an empty one may be replaced.
fn claim(folder: &Path, dir: &Path) -> Result<(), Error> {
    let error = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => Error::RunExists { path: dir.into() },
        _ => Error::Write { path: dir.into(), source },
    };
    fs::create_dir(dir).map_err(error)?;
    // Where an empty folder cannot be replaced, it has to go first.
    if cfg!(windows) {
        fs::remove_dir(dir).map_err(error)?;
    }
    fs::rename(folder, dir).map_err(|source| {
        let _ = fs::remove_dir(dir);
        error(source)
    })
}

/// The highest number of that day's runs, 0 if there is none.
fn last_number(runs: &Path, date: &str) -> io::Result<u32> {
    let mut last = 0;
    for entry in fs::read_dir(runs)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(date)?.strip_prefix('-')?.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || {
        let mut file = fs::File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(cannot_write(path))
}

/// Temporary folders are private; a run is as open as the folder it lies in.
fn open_to_others(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, fs::metadata(folder_of(dir))?.permissions())
}

/// Names are on disk when their folder is.
fn sync(dir: &Path) -> io::Result<()> {
    sync_folder(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_training_left_goes_after_a_day_and_nothing_else() {
        let runs = tempfile::tempdir().unwrap();
        for name in [".new-a", ".training-b", ".old-c", ".mine", "run"] {
            fs::create_dir(runs.path().join(name)).unwrap();
            fs::write(runs.path().join(name).join("file"), "").unwrap();
        }
        let count = || fs::read_dir(runs.path()).unwrap().count();
        remove_leftovers(runs.path(), SystemTime::now());
        assert_eq!(count(), 5, "somebody may be at work");
        remove_leftovers(runs.path(), SystemTime::now() + 2 * LEFT_BEHIND);
        assert_eq!(count(), 3);
        // An old run that could not be put back is somebody's.
        assert!(runs.path().join(".old-c/file").exists());
    }

    #[test]
    fn a_long_name_is_refused_for_its_length() {
        let why = |name: &str| checked_name(name).unwrap_err().to_string();
        assert!(checked_name(&"a".repeat(100)).is_ok());
        assert!(why(&"a".repeat(101)).ends_with("it is longer than 100 bytes"));
        assert!(why("a b").contains("use letters"));
    }
}
