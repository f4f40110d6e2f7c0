//! Manifests that are named in a file, to be found again from anywhere.
//!
//! A run keeps the manifests that it was trained on, as they were typed. `test` means one folder here and another one there, so
//! the run keeps too where they were. Projects get moved together with their runs; then the way from the run to the
//! manifest is still right where the absolute path is not.

use std::path::{Component, Path, PathBuf, absolute};

use serde::{Deserialize, Serialize};

use headstart_base::files::{path_of_text, path_text};

/// Where paths were when they were written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whereabouts {
    /// The absolute path of each, in their order.
    pub paths: Vec<String>,
    /// The folder of what keeps them, such as the folder of the runs.
    pub kept_in: String,
}

/// Paths that may be the ones that were written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// As many as were written down; each leads to something.
    pub paths: Vec<PathBuf>,
    /// Whether they lie where they lay, or in a folder that was moved together with what keeps them. Others only have the
    /// same relative name.
    pub known: bool,
}

impl Whereabouts {
    /// Where these paths are now, as seen from the current folder, and what is going to keep them; `None` if there is no current
    /// folder any more.
    pub fn of<P: AsRef<Path>>(paths: &[P], kept_in: &Path) -> Option<Self> {
        let text = |path: &Path| path_text(path).into_owned();
        let paths = paths.iter().map(|path| Some(text(&whole(path.as_ref())?))).collect::<Option<_>>()?;
        Some(Self { paths, kept_in: text(&real(kept_in)?) })
    }

    /// Where paths that were `typed` may be, the likeliest place first. `kept` is where they were, if that was written down, and
    /// `kept_in` the folder that keeps them now.
    ///
    /// A place counts if something is there for every path: first where they were; then where they are as seen from what keeps
    /// them, for a folder that was moved as a whole; then what has the same name as seen from the current folder. Without
    /// `kept`, as version 0.1.0 left it, this comes first, and the folder above `kept_in` second, where commands are
    /// usually given.
    pub fn candidates(kept: Option<&Self>, typed: &[String], kept_in: &Path) -> Vec<Candidate> {
        let typed: Vec<PathBuf> = typed.iter().map(|path| path_of_text(path)).collect();
        let is_whole = typed.iter().all(|path| path.is_absolute());
        let here = || Candidate { paths: typed.clone(), known: is_whole };
        let mut candidates = match kept {
            Some(kept) => {
                // As they were typed if that is the same place: what is said of them is said in the user's own words.
                let known = |paths: Vec<PathBuf>| {
                    let same = |typed: &Path, path: &Path| whole(typed).as_deref() == Some(path);
                    let told = paths.into_iter().zip(&typed);
                    let paths =
                        told.map(|(path, typed)| if same(typed, &path) { typed.clone() } else { path });
                    Candidate { paths: paths.collect(), known: true }
                };
                let were = known(kept.paths.iter().map(|path| path_of_text(path)).collect());
                let moved = real(kept_in).map(|now| known(kept.moved_with(&now)));
                [Some(were), moved, Some(here())].into_iter().flatten().collect()
            }
            None => {
                let above = real(kept_in).and_then(|folder| Some(folder.parent()?.to_path_buf()));
                let beside = above.map(|above| Candidate {
                    paths: typed.iter().map(|path| above.join(path)).collect(),
                    known: false,
                });
                [Some(here()), beside].into_iter().flatten().collect::<Vec<_>>()
            }
        };
        let mut seen: Vec<Vec<PathBuf>> = vec![];
        candidates.retain(|candidate| {
            let is_new = !seen.contains(&candidate.paths);
            seen.push(candidate.paths.clone());
            is_new && candidate.paths.iter().all(|path| path.exists())
        });
        candidates
    }

    /// The paths as they are if all of it was moved together.
    fn moved_with(&self, kept_in: &Path) -> Vec<PathBuf> {
        let then = path_of_text(&self.kept_in);
        let moved = |path: &String| {
            let path = path_of_text(path);
            way(&then, &path).map_or(path, |way| without_dots(&kept_in.join(way)))
        };
        self.paths.iter().map(moved).collect()
    }
}

/// A path from the root on, without `.` and `..`. Links in it stay, for the user sees a path as it is written.
fn whole(path: &Path) -> Option<PathBuf> {
    absolute(path).ok().map(|path| without_dots(&path))
}

/// The folder itself, whatever links lead to it.
fn real(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok().or_else(|| whole(path))
}

fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// How to come from a folder to a path, such as `../photos`; `None` if they have nothing in common, as two drives of Windows.
fn way(from: &Path, to: &Path) -> Option<PathBuf> {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return None;
    }
    let up = from[common..].iter().map(|_| Component::ParentDir);
    Some(up.chain(to[common..].iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// `project/site/photos` and `project/runs`, in a folder whose path has no links in it.
    fn project() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        for name in ["project/site/photos", "project/runs/a"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        (folder, root)
    }

    fn paths(candidates: &[Candidate]) -> Vec<(&Path, bool)> {
        candidates.iter().map(|candidate| (candidate.paths[0].as_path(), candidate.known)).collect()
    }

    #[test]
    fn what_was_written_down_is_found_where_it_was_or_was_moved_to() {
        let (_folder, root) = project();
        let (photos, runs) = (root.join("project/site/photos"), root.join("project/runs"));
        let kept = Whereabouts::of(&[photos.join("../photos/.")], &runs).unwrap();
        assert_eq!(kept.paths, [photos.to_str().unwrap()]);
        let typed = ["there is nothing of this name here".to_owned()];
        let found = Whereabouts::candidates(Some(&kept), &typed, &runs);
        assert_eq!(paths(&found), [(photos.as_path(), true)]);

        fs::rename(root.join("project"), root.join("moved")).unwrap();
        let found = Whereabouts::candidates(Some(&kept), &typed, &root.join("moved/runs"));
        assert_eq!(paths(&found), [(root.join("moved/site/photos").as_path(), true)]);
        // The runs alone somewhere else: nothing is there.
        fs::create_dir_all(root.join("far/away/runs")).unwrap();
        assert_eq!(Whereabouts::candidates(Some(&kept), &typed, &root.join("far/away/runs")), []);
    }

    #[test]
    fn the_same_name_here_is_a_guess() {
        let (_folder, root) = project();
        // Tests run in the folder of the package.
        let typed = ["src".to_owned()];
        let elsewhere = Whereabouts {
            paths: vec![root.join("gone/src").to_str().unwrap().into()],
            kept_in: root.join("gone/runs").to_str().unwrap().into(),
        };
        let found = Whereabouts::candidates(Some(&elsewhere), &typed, &root.join("project/runs"));
        assert_eq!(paths(&found), [(Path::new("src"), false)]);
        // Where it is the same place, it is called as it was typed.
        let here = Whereabouts::of(&["src"], &root.join("project/runs")).unwrap();
        let found = Whereabouts::candidates(Some(&here), &typed, &root.join("project/runs"));
        assert_eq!(paths(&found), [(Path::new("src"), true)]);
    }

    #[test]
    fn of_the_first_version_there_is_only_the_name() {
        let (_folder, root) = project();
        let runs = root.join("project/runs");
        let found = |typed: &str| Whereabouts::candidates(None, &[typed.to_owned()], &runs);
        assert_eq!(paths(&found("src")), [(Path::new("src"), false)]);
        // Where the command was given that made the run.
        let photos = root.join("project/site/photos");
        assert_eq!(paths(&found("site/photos")), [(photos.as_path(), false)]);
        assert_eq!(found("nowhere"), []);
    }

    #[test]
    fn the_way_goes_up_and_down() {
        let way = |from: &str, to: &str| way(from.as_ref(), to.as_ref()).unwrap();
        assert_eq!(way("/a/b/runs", "/a/c/d"), Path::new("../../c/d"));
        assert_eq!(way("/a", "/a/c"), Path::new("c"));
        assert_eq!(way("/a/b", "/c"), Path::new("../../c"));
    }
}
