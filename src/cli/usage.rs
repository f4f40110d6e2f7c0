//! What is said of a command line that cannot be understood.

use std::error::Error as _;
use std::ffi::OsString;
use std::io::Write as _;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;

use super::console::Ink;

/// Print the error and end, as clap does; in words for people where a number cannot be read.
pub fn exit(error: &clap::Error) -> ! {
    let words = error.source().and_then(in_words);
    let variable = variable(error, std::env::args_os());
    if words.is_none() && variable.is_none() {
        error.exit();
    }
    let text = error.render();
    let mut text = if Ink::of_stderr().colour { text.ansi().to_string() } else { text.to_string() };
    if let Some((theirs, ours)) = words {
        text = text.replace(&theirs, ours);
    }
    if let Some(variable) = variable {
        text = format!("{}\nThe value is that of the environment variable {variable}.\n", text.trim_end());
    }
    let _ = write!(std::io::stderr().lock(), "{text}");
    std::process::exit(error.exit_code())
}

/// Variables that stand for flags.
const VARIABLES: [(&str, &str); 2] = [("--device", "HEADSTART_DEVICE"), ("--backbone", "HEADSTART_BACKBONE")];

/// The variable that a value came from which is refused: nobody has typed the flag that clap blames.
fn variable(error: &clap::Error, typed: impl Iterator<Item = OsString>) -> Option<&'static str> {
    let Some(ContextValue::String(blamed)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = blamed.split(' ').next()?;
    let (_, variable) = VARIABLES.into_iter().find(|(known, _)| *known == flag)?;
    let names_it = |word: OsString| {
        let word = word.to_string_lossy().into_owned();
        word == flag || word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='))
    };
    let is_typed = typed.into_iter().any(names_it);
    (!is_typed && std::env::var_os(variable).is_some()).then_some(variable)
}

/// The flags of the subcommand that were typed, rather than left at their defaults or set by the environment.
pub fn typed(matches: &clap::ArgMatches) -> Vec<String> {
    let Some((_, matches)) = matches.subcommand() else { return vec![] };
    let is_typed = |id: &&str| {
        // Groups have no source that may be asked for in another way.
        matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let ids = matches.ids().map(clap::Id::as_str).filter(is_typed);
    ids.map(|id| format!("--{}", id.replace('_', "-"))).collect()
}

/// The path that the innermost subcommand was given as this argument.
pub fn path(matches: &clap::ArgMatches, argument: &str) -> Option<PathBuf> {
    let mut innermost = matches;
    while let Some((_, inner)) = innermost.subcommand() {
        innermost = inner;
    }
    innermost.try_get_one::<PathBuf>(argument).ok().flatten().cloned()
}

/// What the standard library says of text that is no number, and what is to be said instead.
fn in_words(source: &(dyn std::error::Error + 'static)) -> Option<(String, &'static str)> {
    let ours = if let Some(error) = source.downcast_ref::<ParseIntError>() {
        match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "the number is too large",
            IntErrorKind::Zero => "expected at least 1",
            _ => "expected a whole number",
        }
    } else if source.is::<ParseFloatError>() {
        "expected a number"
    } else {
        return None;
    };
    Some((source.to_string(), ours))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[test]
    fn numbers_that_are_none_are_told_in_words() {
        let of_int = |text: &str| in_words(&text.parse::<u8>().unwrap_err()).unwrap().1;
        assert_eq!(["many", "", "1.5"].map(of_int), ["expected a whole number"; 3]);
        assert_eq!(of_int("300"), "the number is too large");
        assert_eq!(in_words(&"0".parse::<NonZeroUsize>().unwrap_err()).unwrap().1, "expected at least 1");
        assert_eq!(in_words(&"fast".parse::<f64>().unwrap_err()).unwrap().1, "expected a number");
        assert_eq!(in_words(&std::fmt::Error), None);
    }
}
