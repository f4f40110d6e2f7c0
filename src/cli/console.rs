//! What people see: results on stdout, everything else on stderr.

use std::io::IsTerminal;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct ConsoleArgs {
    /// Print results and errors only
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more about what is done
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

    /// A line about the work, for people.
    pub fn note(&self, line: impl std::fmt::Display) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }

    /// A line for those who asked for details.
    pub fn detail(&self, line: impl std::fmt::Display) {
        if self.verbose {
            eprintln!("{line}");
        }
    }

    /// A line that also `--quiet` shows: something may be wrong.
    pub fn warn(&self, line: impl std::fmt::Display) {
        eprintln!("warning: {line}");
    }
}

/// `1 image`, `2 images`.
pub fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {}", plural(what)) }
}

fn plural(what: &str) -> String {
    if what.ends_with('s') { format!("{what}es") } else { format!("{what}s") }
}

/// Columns of the terminal, or what reads well where there is none.
pub fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(100, |(terminal_size::Width(columns), _)| columns.into())
}

/// Terminal codes around a word, empty where colour is not wanted.
pub struct Style {
    pub open: &'static str,
    pub close: &'static str,
}

/// Bold red on a terminal, unless `NO_COLOR` is set.
pub fn error_style() -> Style {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    if colour { Style { open: "\x1b[1;31m", close: "\x1b[0m" } } else { Style { open: "", close: "" } }
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(|n| count(n, "image")), ["0 images", "1 image", "2 images"]);
        assert_eq!([1, 2].map(|n| count(n, "class")), ["1 class", "2 classes"]);
    }
}
