//! What people see: results on stdout, everything else on stderr.

use std::io::{self, IsTerminal, StdoutLock, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use headstart::backbone::runtime::plain_words;
use headstart::report::text::{self, clean, shortened};

use super::words;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct ConsoleArgs {
    /// Print results and errors only
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print more details
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
}

/// How talkative the program is to be.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    quiet: bool,
    verbose: bool,
}

impl Console {
    pub fn new(args: ConsoleArgs) -> Self {
        Self { quiet: args.quiet, verbose: args.verbose }
    }

    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// A line about the work, for people.
    pub fn note(&self, line: impl std::fmt::Display) {
        if !self.quiet {
            tell(line);
        }
    }

    /// A line for those who asked for details.
    pub fn detail(&self, line: impl std::fmt::Display) {
        if self.verbose {
            tell(line);
        }
    }

    /// As [`warn`](Self::warn), of something that was passed over: whatever the command does well besides, it has not done
    /// all, and [`is_complete`] says so.
    pub fn passed_over(&self, line: impl std::fmt::Display) {
        self.warn(line);
        COMPLETE.store(false, Ordering::Relaxed);
    }

    /// A line that also `--quiet` shows: something may be wrong.
    pub fn warn(&self, line: impl std::fmt::Display) {
        tell(format_args!("warning: {line}"));
    }
}

/// Where results go. Its errors say that it was stdout which could not be written, so that nobody has to guess it from an
/// error without a name; nothing else in the program writes there.
pub fn stdout() -> Stdout {
    // The one place.
    #[allow(clippy::disallowed_methods)]
    Stdout(io::stdout().lock())
}

/// What [`stdout`] gives.
pub struct Stdout(StdoutLock<'static>);

/// Why results could not be printed.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout")]
struct StdoutError {
    source: io::Error,
}

/// Whether it was stdout that could not be written, because nobody reads it any more.
pub fn reader_has_gone(error: &io::Error) -> bool {
    let is_stdout = error.get_ref().is_some_and(|inner| inner.is::<StdoutError>());
    is_stdout && error.kind() == io::ErrorKind::BrokenPipe
}

impl Stdout {
    pub fn is_terminal(&self) -> bool {
        self.0.is_terminal()
    }

    /// A path and a line break, byte for byte: for programs that go on with it.
    pub fn path(&mut self, path: &Path) -> io::Result<()> {
        #[cfg(unix)]
        self.write_all(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))?;
        #[cfg(not(unix))]
        write!(self, "{}", path.display())?;
        writeln!(self)
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(of_stdout)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(of_stdout)
    }
}

/// The kind stays, so that an interrupted call is made again, and a closed pipe is known for what it is.
fn of_stdout(source: io::Error) -> io::Error {
    match source.kind() {
        io::ErrorKind::Interrupted => source,
        kind => io::Error::new(kind, StdoutError { source }),
    }
}

/// An error and its causes in one line, nothing of it twice.
pub fn chain(error: &anyhow::Error) -> String {
    said_once(error).join(": ")
}

/// What an error says, and then its causes as far as they say something new: some errors repeat their cause.
pub fn said_once(error: &anyhow::Error) -> Vec<String> {
    let mut said: Vec<String> = vec![];
    for cause in error.chain() {
        let text = words::plain(&plain_words(&cause.to_string()));
        if !text.is_empty() && !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
    }
    said
}

/// Of the whole process, which is one command.
static COMPLETE: AtomicBool = AtomicBool::new(true);

/// Whether nothing was passed over so far: see [`Console::passed_over`].
pub fn is_complete() -> bool {
    COMPLETE.load(Ordering::Relaxed)
}

/// A line to stderr, or several. Names of files and classes are in them, and whatever they are made of: nothing of it
/// moves the cursor. Whoever listened may have gone: Ctrl-C also ends the `tee` behind us, and that must not stop what
/// is to be written after it.
pub fn tell(lines: impl std::fmt::Display) {
    let lines = lines.to_string();
    let lines: Vec<String> = lines.split('\n').map(|line| shortened(&clean(line))).collect();
    let _ = writeln!(std::io::stderr().lock(), "{}", lines.join("\n"));
}

/// The same behind the word `error`, which stands out.
pub fn tell_error(lines: impl std::fmt::Display) {
    let Style { open, close } = error_style();
    let _ = write!(std::io::stderr().lock(), "{open}error{close}: ");
    tell(lines);
}

/// `1 image`, `2 images`.
pub fn count(n: usize, what: &str) -> String {
    text::counted(n as u64, what)
}

/// Columns of the terminal, or what reads well where there is none.
pub fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(100, |(terminal_size::Width(columns), _)| columns.into())
}

/// Terminal codes around a word, empty where colour is not wanted.
struct Style {
    open: &'static str,
    close: &'static str,
}

/// Bold red on a terminal, unless `NO_COLOR` is set.
fn error_style() -> Style {
    if has_colour() { Style { open: "\x1b[1;31m", close: "\x1b[0m" } } else { Style { open: "", close: "" } }
}

fn has_colour() -> bool {
    can_redraw() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether stderr is a terminal that can move its cursor.
pub fn can_redraw() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of the terminal at stderr.
pub fn stderr_width() -> usize {
    terminal_size::terminal_size_of(std::io::stderr())
        .map_or(80, |(terminal_size::Width(columns), _)| columns.into())
}

/// What drawings may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink {
    /// Lines, blocks and Braille; ASCII otherwise.
    pub unicode: bool,
    pub colour: bool,
}

impl Ink {
    pub fn of_stderr() -> Self {
        Self { unicode: is_utf8(|name| std::env::var(name).ok()), colour: has_colour() }
    }

    /// In the colour of the first or the second line: blue and yellow, which nobody confuses.
    pub fn paint(self, line: usize, text: &str) -> String {
        let code = if line == 0 { 34 } else { 33 };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Whether the locale, given by these variables, shows more than ASCII. Windows' terminals always do.
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    // The first that is set decides, as in POSIX.
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    let names_it = |locale: String| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    };
    cfg!(windows) || locale.is_some_and(names_it)
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let system = || io::Error::new(io::ErrorKind::NotFound, "no such file");
        let error =
            Err::<(), _>(system()).context("cannot read `a`").context("`a` is no recipe").unwrap_err();
        assert_eq!(chain(&error), "`a` is no recipe: cannot read `a`: no such file");
        let repeats = anyhow::anyhow!("no such file")
            .context("cannot read `a`: no such file")
            .context("cannot read `a`");
        assert_eq!(said_once(&repeats), ["cannot read `a`", "cannot read `a`: no such file"]);
        let repeats =
            anyhow::anyhow!("no such file").context("no such file").context("cannot read `a`: no such file");
        assert_eq!(said_once(&repeats), ["cannot read `a`: no such file"]);
    }

    #[test]
    fn only_stdout_says_that_it_was_stdout() {
        let full = of_stdout(io::ErrorKind::StorageFull.into());
        assert_eq!(
            (full.kind(), full.to_string()),
            (io::ErrorKind::StorageFull, "cannot write to stdout".into())
        );
        assert_eq!(said_once(&full.into()), ["cannot write to stdout", "no storage space"]);
        assert_eq!(of_stdout(io::ErrorKind::Interrupted.into()).to_string(), "operation interrupted");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(|n| count(n, "image")), ["0 images", "1 image", "2 images"]);
        assert_eq!([1, 2].map(|n| count(n, "class")), ["1 class", "2 classes"]);
    }

    #[cfg(unix)]
    #[test]
    fn the_first_locale_that_is_set_decides() {
        let with = |set: &[(&str, &str)]| {
            is_utf8(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(with(&[("LANG", "de_DE.UTF-8")]) && with(&[("LC_CTYPE", "C.utf8")]));
        assert!(!with(&[]) && !with(&[("LANG", "C")]) && !with(&[("LANG", "de_DE.ISO-8859-1")]));
        assert!(!with(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(with(&[("LC_ALL", ""), ("LANG", "en_US.UTF-8")]), "an empty one is not set");
    }
}
