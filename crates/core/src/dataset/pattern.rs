//! Patterns for names of files, as a shell has them, over names of any bytes.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::walk::{self, Interest};
use super::{Error, Skipped, is_system_name};

/// A path with wildcards in it.
///
/// `*` stands for any part of a name, `?` for one character, `[ab]`, `[a-z]` and `[!ab]` for one of these or one of all
/// others, `**` as a whole name for any folders between. Names that begin with a dot, and those of systems such as `@eaDir`,
/// are found only if the pattern spells them out. A name that is not text counts a character for each byte that is none.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// The folder that all matches lie in.
    base: PathBuf,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// `**`
    Folders,
    Name(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Letter(u32),
    /// `?`
    One,
    /// `*`
    Many,
    Set {
        negated: bool,
        ranges: Vec<(u32, u32)>,
    },
}

/// Files that a pattern matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches {
    /// By path.
    pub files: Vec<PathBuf>,
    /// System's files and folders on the way, and folders that could not be looked into.
    pub skipped: Skipped,
}

impl Pattern {
    /// The pattern that a path is; `None` if it has no wildcard, or only a `[` that is never closed. A folder on the way
    /// whose very name has wildcards in it, such as `photos[1]`, is meant by that name where it exists.
    pub fn of(path: &Path) -> Option<Self> {
        let (mut base, mut steps) = (PathBuf::new(), vec![]);
        for part in path.components() {
            let is_wild = has_wildcards(part.as_os_str());
            if steps.is_empty() && (!is_wild || base.join(part).symlink_metadata().is_ok()) {
                base.push(part);
                continue;
            }
            let Component::Normal(name) = part else { return None };
            let step = Step::of(name)?;
            if step != Step::Folders || steps.last() != Some(&Step::Folders) {
                steps.push(step);
            }
        }
        (!steps.is_empty()).then_some(Self { base, steps })
    }

    /// Every file that matches, by path; links are followed.
    ///
    /// # Errors
    /// [`Error::Read`] if the folder where the wildcards begin cannot be read; that it is not there is no error.
    pub fn files(&self) -> Result<Matches, Error> {
        let base = if self.base.as_os_str().is_empty() { Path::new(".") } else { &self.base };
        let mut skipped = Skipped::default();
        if !base.is_dir() {
            return Ok(Matches::default());
        }
        let depth = if self.steps.contains(&Step::Folders) { usize::MAX } else { self.steps.len() };
        let met =
            walk::below_where(base, depth, &mut skipped, |below, is_folder| self.interest(below, is_folder))?;
        // As it was typed: without the dot that stands for the working folder.
        let typed =
            |path: PathBuf| path.strip_prefix(base).map_or(path.clone(), |below| self.base.join(below));
        let files = met.into_iter().filter(|met| !met.is_folder).map(|met| typed(met.path)).collect();
        Ok(Matches { files, skipped })
    }

    fn interest(&self, below: &Path, is_folder: bool) -> Interest {
        let names: Vec<&OsStr> = below.iter().collect();
        let fits = |system| match is_folder {
            true => leads_on(&self.steps, &names, system),
            false => matches(&self.steps, &names, system),
        };
        if fits(false) {
            Interest::Wanted
        } else if fits(true) {
            Interest::System
        } else {
            Interest::None
        }
    }
}

fn has_wildcards(name: &OsStr) -> bool {
    name.as_encoded_bytes().iter().any(|byte| b"*?[".contains(byte))
}

/// Whether these names are what the steps say.
fn matches(steps: &[Step], names: &[&OsStr], system: bool) -> bool {
    match (steps, names) {
        ([], _) => names.is_empty(),
        // At the end it stands for all that is below.
        ([Step::Folders], []) => false,
        ([Step::Folders], [_, ..]) => names.iter().all(|name| is_shown(name, system)),
        ([Step::Folders, rest @ ..], _) => {
            matches(rest, names, system)
                || names
                    .split_first()
                    .is_some_and(|(first, more)| is_shown(first, system) && matches(steps, more, system))
        }
        ([Step::Name(tokens), rest @ ..], [first, more @ ..]) => {
            name_matches(tokens, first, system) && matches(rest, more, system)
        }
        (_, []) => false,
    }
}

/// Whether something in the folder of these names may be what the steps say.
fn leads_on(steps: &[Step], names: &[&OsStr], system: bool) -> bool {
    match (steps, names) {
        ([], _) => false,
        (_, []) => true,
        ([Step::Folders, rest @ ..], [first, more @ ..]) => {
            (is_shown(first, system) && leads_on(steps, more, system)) || leads_on(rest, names, system)
        }
        ([Step::Name(tokens), rest @ ..], [first, more @ ..]) => {
            name_matches(tokens, first, system) && leads_on(rest, more, system)
        }
    }
}

/// Whether wildcards see a name at all; those of systems only on request.
fn is_shown(name: &OsStr, system: bool) -> bool {
    !name.as_encoded_bytes().starts_with(b".") && (system || !is_system_name(name))
}

fn name_matches(tokens: &[Token], name: &OsStr, system: bool) -> bool {
    let dot = Token::Letter('.'.into());
    let spelt_out = tokens.iter().all(|token| matches!(token, Token::Letter(_)));
    let is_asked_for = spelt_out || is_shown(name, system) || tokens.first() == Some(&dot);
    is_asked_for && letters_match(tokens, &letters(name))
}

fn letters_match(tokens: &[Token], name: &[u32]) -> bool {
    // Where the last `*` stood, and how much of the name it has taken.
    let (mut token, mut at, mut star) = (0, 0, None);
    while at < name.len() {
        match tokens.get(token) {
            Some(Token::Many) => {
                star = Some((token, at));
                token += 1;
            }
            Some(one) if one.fits(name[at]) => {
                token += 1;
                at += 1;
            }
            _ => match &mut star {
                Some((place, taken)) => {
                    *taken += 1;
                    (token, at) = (*place + 1, *taken);
                }
                None => return false,
            },
        }
    }
    tokens[token..].iter().all(|token| *token == Token::Many)
}

impl Token {
    fn fits(&self, letter: u32) -> bool {
        match self {
            Self::Letter(own) => *own == letter,
            Self::One => true,
            Self::Many => false,
            Self::Set { negated, ranges } => {
                ranges.iter().any(|&(from, to)| (from..=to).contains(&letter)) != *negated
            }
        }
    }
}

/// The characters of a name by their numbers; each byte that is none has a number above all characters.
fn letters(name: &OsStr) -> Vec<u32> {
    let beyond = char::MAX as u32 + 1;
    let mut letters = vec![];
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        letters.extend(chunk.valid().chars().map(u32::from));
        letters.extend(chunk.invalid().iter().map(|&byte| beyond + u32::from(byte)));
    }
    letters
}

impl Step {
    fn of(name: &OsStr) -> Option<Self> {
        if name == "**" {
            return Some(Self::Folders);
        }
        let letters = letters(name);
        let mut tokens = vec![];
        let mut at = 0;
        while let Some(&letter) = letters.get(at) {
            at += 1;
            tokens.push(match char::from_u32(letter) {
                Some('*') => Token::Many,
                Some('?') => Token::One,
                Some('[') => {
                    let (set, taken) = set(&letters[at..])?;
                    at += taken;
                    set
                }
                _ => Token::Letter(letter),
            });
        }
        tokens.dedup_by(|a, b| *a == Token::Many && *b == Token::Many);
        Some(Self::Name(tokens))
    }
}

/// What follows a `[`, and how much of it belongs to the set; `None` if it is never closed.
fn set(letters: &[u32]) -> Option<(Token, usize)> {
    let is = |at: usize, c: char| letters.get(at) == Some(&u32::from(c));
    let negated = is(0, '!') || is(0, '^');
    let first = usize::from(negated);
    let (mut at, mut ranges) = (first, vec![]);
    // A `]` right at the beginning is one of the letters.
    while at == first || !is(at, ']') {
        let from = *letters.get(at)?;
        let to = letters.get(at + 2).filter(|_| is(at + 1, '-') && !is(at + 2, ']'));
        ranges.push((from, *to.unwrap_or(&from)));
        at += if to.is_some() { 3 } else { 1 };
    }
    Some((Token::Set { negated, ranges }, at + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits(pattern: &str, path: &str) -> bool {
        let steps: Vec<Step> = pattern.split('/').map(|name| Step::of(name.as_ref()).unwrap()).collect();
        matches(&steps, &path.split('/').map(OsStr::new).collect::<Vec<_>>(), false)
    }

    #[test]
    fn wildcards_mean_what_they_mean_in_a_shell() {
        for (pattern, path) in [
            ("*.png", "a.png"),
            ("*", "a"),
            ("a*c*e", "abcde"),
            ("a*c", "acbc"),
            ("?.png", "é.png"),
            ("[ab].png", "b.png"),
            ("[a-c]x", "cx"),
            ("[!a-c]x", "dx"),
            ("[^a-c]x", "dx"),
            ("[]]x", "]x"),
            ("[a-]x", "-x"),
            ("[äö]x", "öx"),
            ("**/*.png", "a.png"),
            ("**/*.png", "a/b/c.png"),
            ("a/**/b", "a/b"),
            ("a/**/b", "a/x/y/b"),
            ("a/**", "a/x/y"),
            (".*", ".x"),
            (".x/*", ".x/a"),
            ("@eaDir/*", "@eaDir/a"),
        ] {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("*.png", "a.jpg"),
            ("*.png", "a/b.png"),
            ("*.png", ".png"),
            ("?", ""),
            ("[!a]x", "ax"),
            ("**/*.png", ".git/a.png"),
            ("**/*.png", "a/@eaDir/b.png"),
            ("*/a.png", "@eaDir/a.png"),
            ("*", "Thumbs.db"),
            ("a/**", "a"),
            ("A*", "a"),
        ] {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for path in ["a.png", "IMG[.jpg", "a/[b/c", "", "[!"] {
            assert!(Pattern::of(path.as_ref()).is_none(), "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_of_any_bytes_are_found() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let name = |bytes: &[u8]| folder.path().join(OsStr::from_bytes(bytes));
        std::fs::create_dir_all(name(b"caf\xE9[1]")).unwrap();
        for file in [&b"a\xFF.png"[..], b"caf\xE9[1]/b.png", b"caf\xE9[1]/\xE9\xE9.png", b"caf\xE9[1]/.c.png"]
        {
            std::fs::write(name(file), "").unwrap();
        }
        let found = |pattern: &[u8]| {
            let files = Pattern::of(&name(pattern)).unwrap().files().unwrap().files;
            let below =
                files.iter().map(|file| file.strip_prefix(folder.path()).unwrap().as_os_str().as_bytes());
            below.map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        assert_eq!(found(b"*.png"), [b"a\xFF.png"]);
        assert_eq!(found(b"a?.png"), [b"a\xFF.png"]);
        assert_eq!(found(b"a[\xFE-\xFF].png"), [b"a\xFF.png"]);
        // The folder is called so, and `[1]` is no set.
        assert_eq!(found(b"caf\xE9[1]/*.png"), [&b"caf\xE9[1]/b.png"[..], b"caf\xE9[1]/\xE9\xE9.png"]);
        assert_eq!(found(b"caf?[[]1]/??.png"), [b"caf\xE9[1]/\xE9\xE9.png"]);
        assert_eq!(found(b"**/*.png").len(), 3);
        assert_eq!(found(b"caf\xE9[1]/.*"), [b"caf\xE9[1]/.c.png"]);
        assert!(found(b"gone/*.png").is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn links_that_go_round_are_told_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/1.png"), "").unwrap();
        std::os::unix::fs::symlink("..", folder.path().join("a/again")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("a/gone")).unwrap();
        let found = |pattern: &str| Pattern::of(&folder.path().join(pattern)).unwrap().files().unwrap();
        let all = found("**/*.png");
        assert_eq!((all.files.len(), all.skipped.unreadable.len()), (1, 2), "{all:?}");
        // Nobody asked for those.
        let direct = found("a/*.png");
        assert_eq!((direct.files.len(), direct.skipped.unreadable.len()), (1, 0), "{direct:?}");
    }

    /// The same question answered in the plainest way.
    fn plainly(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], _) => name.is_empty(),
            (['*', rest @ ..], _) => {
                plainly(rest, name) || (!name.is_empty() && plainly(pattern, &name[1..]))
            }
            (['?', rest @ ..], [_, more @ ..]) => plainly(rest, more),
            (['[', set, ']', rest @ ..], [first, more @ ..]) => set == first && plainly(rest, more),
            ([own, rest @ ..], [first, more @ ..]) => own == first && plainly(rest, more),
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn stars_take_as_much_as_is_needed(pattern in "([ab*?é]|\\[[ab]\\]){0,8}", name in "[abé]{0,10}") {
            let Some(Step::Name(tokens)) = Step::of(pattern.as_ref()) else { return Ok(()) };
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(
                letters_match(&tokens, &letters(name.as_ref())),
                plainly(&chars(&pattern), &chars(&name))
            );
        }
    }
}
