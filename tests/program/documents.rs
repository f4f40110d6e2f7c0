//! The documents: their commands are real, and the main ones are run; links and paths lead somewhere; lines fit.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use headstart::onnx;
use image::{Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::place::{Place, repository};
use super::precision;

/// Characters in a line of prose.
const WIDTH: usize = 120;
const LINES_OF_README: usize = 130;

/// A document, by its path in the repository.
struct Page {
    name: String,
    text: String,
}

/// Every document; the test of widths names what is exempt.
fn pages() -> Vec<Page> {
    let mut names: Vec<String> =
        ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "models/README.md", "data/README.md"]
            .map(String::from)
            .to_vec();
    names.push("data/photos/README.md".into());
    for folder in ["docs", "bench"] {
        let files = fs::read_dir(repository().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let files = files.map(|file| file.into_string().unwrap()).filter(|file| file.ends_with(".md"));
        names.extend(files.map(|file| format!("{folder}/{file}")));
    }
    names.sort();
    assert!(names.len() > 30, "{names:?}");
    names.into_iter().map(|name| Page::read(&name)).collect()
}

/// Those that tell how to use the program.
fn pages_for_users() -> impl Iterator<Item = Page> {
    pages().into_iter().filter(|page| page.name == "README.md" || page.name.starts_with("docs/"))
}

impl Page {
    fn read(name: &str) -> Self {
        let text =
            fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name: name.into(), text }
    }

    /// Each line, and the language of the code block that it is in; the fences themselves are in none.
    fn lines(&self) -> impl Iterator<Item = (usize, Option<&str>, &str)> {
        let mut block = None;
        self.text.lines().enumerate().map(move |(number, line)| {
            let fence = line.trim_start().strip_prefix("```");
            let inside = block.filter(|_| fence.is_none());
            if let Some(language) = fence {
                block = if block.is_none() { Some(language.trim()) } else { None };
            }
            (number + 1, inside, line)
        })
    }

    /// The lines of its shell blocks, and those behind a prompt in other blocks, as a shell takes them.
    fn shell_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = vec![];
        let mut unfinished = false;
        for (_, block, line) in self.lines() {
            let line = match (block, line.trim().strip_prefix("$ ")) {
                (Some(_), Some(typed)) => typed,
                (Some("sh"), None) => line.trim(),
                _ => continue,
            };
            let (text, goes_on) = line.strip_suffix('\\').map_or((line, false), |text| (text, true));
            match lines.last_mut().filter(|_| unfinished) {
                Some(last) => *last += text,
                None => lines.push(text.to_owned()),
            }
            unfinished = goes_on;
        }
        lines
    }

    /// The commands of `headstart` in its blocks.
    fn commands(&self) -> Vec<String> {
        self.shell_lines().into_iter().filter(|line| line.starts_with("headstart ")).collect()
    }

    /// Its prose and tables.
    fn prose(&self) -> String {
        let prose = self.lines().filter(|(_, block, _)| block.is_none()).map(|(_, _, line)| line);
        prose.filter(|line| !line.trim_start().starts_with("```")).collect::<Vec<_>>().join("\n")
    }

    /// What stands between backticks in it, on one line each.
    fn code_spans(&self) -> Vec<String> {
        let prose = self.prose();
        let spans = prose.split("\n\n").flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2));
        spans.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// Where its links lead, but for other sites.
    fn links(&self) -> Vec<String> {
        let prose = self.prose();
        let targets = prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap().to_owned());
        targets.filter(|target| !target.contains("://")).collect()
    }

    /// The anchors that GitHub gives its headings.
    fn anchors(&self) -> BTreeSet<String> {
        let headings = self.lines().filter(|(_, block, line)| block.is_none() && line.starts_with('#'));
        headings.map(|(_, _, line)| anchor(line.trim_start_matches('#').trim())).collect()
    }
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Whether the program understood the line, whatever became of it: clap's complaints hold one of these.
fn is_understood(said: &str) -> bool {
    !said.contains("For more information, try '--help'") && !said.contains("Usage: headstart")
}

#[test]
fn every_command_in_a_block_is_one_that_the_program_understands() {
    // The files that commands name are missing, so each ends at once, and only its words matter.
    let nowhere = Place::empty();
    fs::remove_file(nowhere.path("models")).unwrap();
    let mut commands = 0;
    for page in pages_for_users() {
        for line in page.commands() {
            commands += 1;
            let said = nowhere.shell(&line);
            assert!(is_understood(&said.err), "{}: {line}\n{}", page.name, said.err);
        }
    }
    assert!(commands > 60, "{commands} commands were found");
    for wrong in
        ["train photos --validatoin 0.2", "train photos --epochs many", "evalute latest photos", "cache"]
    {
        let said = nowhere.shell(&format!("headstart {wrong}"));
        assert!(!is_understood(&said.err), "{wrong}: {}", said.err);
    }
}

/// `train` of `train --epochs 3`, `cache info` of `headstart --quiet cache info DIR`; `None` without a command.
fn command_of(span: &str, named: &[String]) -> Option<String> {
    let mut words = span.split(' ').skip_while(|word| *word == "headstart" || word.starts_with("--"));
    let first = words.next()?.to_owned();
    let command = match first.as_str() {
        "backbone" | "cache" => format!("{first} {}", words.next()?),
        _ => first,
    };
    named.contains(&command).then_some(command)
}

#[test]
fn commands_and_flags_in_the_text_are_in_the_help_too() {
    let place = Place::empty();
    let listed = |of: &str| -> Vec<String> {
        let help = place.run(&format!("{of} --help")).done().out;
        let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let lines = lines.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
        let names = lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
        names.map(String::from).collect()
    };
    let mut named = listed("");
    for group in ["backbone", "cache"] {
        named.retain(|name| name != group);
        named.extend(listed(group).into_iter().map(|name| format!("{group} {name}")));
    }
    assert!(named.contains(&"cache gc".into()) && named.contains(&"train".into()), "{named:?}");

    let mut helps = HashMap::new();
    let mut flags = 0;
    for page in pages_for_users() {
        for span in page.code_spans() {
            // The first is the decoder's name in every fingerprint.
            if ["headstart islow", "headstart help"].iter().any(|start| span.starts_with(start)) {
                continue;
            }
            let Some(command) = command_of(&span, &named) else {
                let is_command = span.starts_with("headstart ");
                assert!(!is_command, "{}: `{span}` begins with no command", page.name);
                continue;
            };
            let help = helps
                .entry(command.clone())
                .or_insert_with(|| place.run(&format!("{command} --help")).done().out);
            let words = help.split(|c: char| !c.is_alphanumeric() && c != '-').collect::<BTreeSet<_>>();
            for flag in span.split([' ', '=', '[', ']', ',', '…']).filter(|word| word.starts_with("--")) {
                flags += 1;
                assert!(words.contains(flag), "{}: `{span}`: `{command}` has no `{flag}`", page.name);
            }
        }
    }
    assert!(flags > 25, "{flags} flags were found");
}

#[test]
fn every_recipe_of_just_is_in_the_justfile() {
    let justfile = fs::read_to_string(repository().join("justfile")).unwrap();
    let lines = || justfile.lines().filter(|line| !line.starts_with([' ', '#', '[']));
    let variables: BTreeSet<&str> = lines().filter_map(|line| Some(line.split_once(" := ")?.0)).collect();
    let recipes: BTreeSet<&str> = lines()
        .filter(|line| !line.contains(" := ") && line.contains(':'))
        .map(|line| line.split([' ', ':']).next().unwrap())
        .collect();
    assert!(recipes.contains("demo") && variables.contains("epochs"), "{recipes:?} {variables:?}");
    let mut named = BTreeSet::new();
    for page in pages() {
        for span in page.code_spans().into_iter().chain(page.shell_lines()) {
            let line = span.split(" #").next().unwrap();
            let Some(words) = ["just ", "./justw "].iter().find_map(|start| line.strip_prefix(start)) else {
                continue;
            };
            for word in words.split_whitespace() {
                if let Some((variable, _)) = word.split_once('=').filter(|_| !word.starts_with('-')) {
                    assert!(
                        variables.contains(variable),
                        "{}: `{line}`: no variable `{variable}`",
                        page.name
                    );
                } else if !word.starts_with('-') {
                    assert!(recipes.contains(word), "{}: `{line}`: no recipe `{word}`", page.name);
                    named.insert(word.to_owned());
                    break;
                }
            }
        }
    }
    assert!(named.len() > 15, "{named:?}");
}

#[test]
fn every_link_leads_to_a_page_and_a_heading() {
    let mut links = 0;
    for page in pages() {
        let folder = repository().join(&page.name);
        let folder = folder.parent().unwrap();
        for target in page.links() {
            links += 1;
            let (file, heading) =
                target.split_once('#').map_or((&*target, None), |(file, heading)| (file, Some(heading)));
            let file = if file.is_empty() { repository().join(&page.name) } else { folder.join(file) };
            assert!(file.exists(), "{}: {target}: no such file", page.name);
            if let Some(heading) = heading {
                let text = fs::read_to_string(&file).unwrap();
                let anchors = Page { name: target.clone(), text }.anchors();
                assert!(anchors.contains(heading), "{}: {target}: the headings are {anchors:?}", page.name);
            }
        }
    }
    assert!(links > 150, "{links} links were found");
    assert_eq!(anchor("Half the space: `--storage f16`"), "half-the-space---storage-f16");
}

#[test]
fn files_of_the_project_that_are_named_are_there() {
    let is_ours = |path: &&str| {
        let folder = path.split_once('/').map(|(folder, _)| folder);
        let made = ["*", "…", "{"].iter().any(|mark| path.contains(mark));
        !made
            && folder.is_some_and(|folder| {
                ["bench", "benches", "crates", "docs", "examples", "tests"].contains(&folder)
            })
    };
    let mut files = 0;
    // What the log of changes names may be gone since.
    for page in pages().into_iter().filter(|page| page.name != "CHANGELOG.md") {
        for span in page.code_spans() {
            for path in span.split(' ').filter(is_ours) {
                files += 1;
                // A target such as `benches/train_step` goes without its ending.
                let whole = repository().join(path);
                assert!(whole.exists() || whole.with_extension("rs").exists(), "{}: no `{path}`", page.name);
            }
        }
    }
    assert!(files > 40, "{files} files were found");
}

#[test]
fn lines_of_prose_are_no_wider_than_the_page() {
    for page in pages() {
        let mut written_by_a_script = false;
        for (number, _, line) in page.lines() {
            if line.starts_with("<!-- ") {
                written_by_a_script = !line.ends_with(": end -->");
            }
            let is_table = line.trim_start().starts_with('|') && page.name != "README.md";
            let width = line.chars().count();
            assert!(
                width <= WIDTH || is_table || written_by_a_script,
                "{}:{number}: {width} characters, {WIDTH} are the most",
                page.name
            );
        }
        assert!(!written_by_a_script, "{}: a mark of a script is not closed", page.name);
    }
    let lines = Page::read("README.md").text.lines().count();
    assert!(lines <= LINES_OF_README, "README.md has {lines} lines");
}

/// Images of two classes that are easy to tell apart, in a folder for each class. In `held_out` some have the
/// wrong label, because no temperature can be fitted where all are right.
fn folders(place: &Place) {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for (folder, images, mislabelled) in [("photos", 24, 0), ("more_photos", 12, 0), ("held_out", 24, 3)] {
        for number in 0..images {
            let cat = number % 2 == 0;
            let label = if cat != (number < 2 * mislabelled) { "cat" } else { "dog" };
            let mut shade = |about: i32| (about + rng.random_range(-50..50)) as u8;
            let image = RgbImage::from_fn(48, 40, |_, _| {
                if cat { Rgb([shade(190), shade(120), 60]) } else { Rgb([60, shade(120), shade(190)]) }
            });
            fs::create_dir_all(place.path(&format!("{folder}/{label}"))).unwrap();
            image.save(place.path(&format!("{folder}/{label}/{number}.jpg"))).unwrap();
        }
    }
    fs::copy(place.path("more_photos/cat/0.jpg"), place.path("IMG_2041.jpg")).unwrap();
    let rows: String = (0..24)
        .map(|number| ["cat", "dog"][number % 2])
        .enumerate()
        .map(|(number, label)| format!("photos/{label}/{number}.jpg,{label}\n"))
        .collect();
    place.write("all.csv", format!("path,label\n{rows}"));
}

/// The first page, and then the pages of tasks, are followed to the letter, in one folder and from top to
/// bottom. A small network stands in for ResNet-50. Other programs (`pip`, `rsync`, `./justw`) are left out.
#[test]
fn whoever_follows_the_pages_gets_through() {
    let place = Place::empty();
    fs::remove_file(place.path("models")).unwrap();
    fs::create_dir(place.path("models")).unwrap();
    symlink(repository().join("models/runtime"), place.path("models/runtime")).unwrap();
    onnx::write(&precision::network(), &place.path("models/resnet50.onnx")).unwrap();
    folders(&place);
    let mut commands = 0;
    for name in
        ["README", "docs/train", "docs/check", "docs/evaluation", "docs/views", "docs/ship", "docs/scale"]
    {
        for line in Page::read(&format!("{name}.md")).commands() {
            commands += 1;
            let said = place.shell(&line);
            assert_eq!(said.status, 0, "{name}.md: {line}\n{}{}", said.out, said.err);
        }
    }
    assert!(commands > 45, "{commands} commands were run");
    // As scale.md says, machines that share an int8 graph have features of one kind.
    fs::create_dir_all(place.path("second/graphs")).unwrap();
    for file in fs::read_dir(place.path("data/features/graphs")).unwrap().map(|entry| entry.unwrap().path()) {
        fs::copy(&file, place.path("second/graphs").join(file.file_name().unwrap())).unwrap();
    }
    place.run("extract photos --precision int8 --cache second").done();
    let [second] = &place.kinds("second")[..] else { panic!("one kind of features") };
    assert!(place.path("data/features").join(second.file_name().unwrap()).exists(), "{}", second.display());
    // What the pages say that there is now.
    for file in ["pets.onnx", "failed.csv", "features.npy", "runs/c/report.html", "runs/comparison.html"] {
        assert!(Path::exists(&place.path(file)), "{file}");
    }
}
