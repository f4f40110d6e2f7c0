//! The command line: what was typed becomes checked settings and a call of the library.

mod args;
mod backbone;
mod cache;
mod calibrate;
mod compare;
mod console;
mod dataset_hint;
mod device_hint;
mod doctor;
mod epoch_progress;
mod error;
mod evaluate;
mod export;
mod extract;
mod flags;
mod graph_hint;
mod hint;
mod hub_hint;
mod import_head;
mod installed;
mod interrupt;
mod listener;
mod manual;
mod named;
mod named_images;
mod output;
mod panics;
mod predict;
mod progress;
mod project_hint;
mod recipes;
mod report;
mod runs;
mod settings;
mod system;
mod tip;
mod train;
mod usage;
mod words;

use std::io::Write;
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use console::Console;
use headstart::project;
pub use panics::leave_images_to_their_failures;
pub use system::{forbid_telemetry, forbid_tf32};

/// Image classifiers from your own pictures: features of a frozen ResNet-50 once, then a head in seconds
///
/// Start with a folder that has one subfolder of images per class, or a CSV with the columns `path,label`:
/// `extract` computes the features, `train` trains a head on them, `evaluate` and `predict` use it.
#[derive(Debug, Parser)]
#[command(name = "headstart", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    console: console::ConsoleArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Extract(extract::ExtractArgs),
    Train(Box<train::TrainArgs>),
    Compare(Box<compare::CompareArgs>),
    Evaluate(evaluate::EvaluateArgs),
    Predict(predict::PredictArgs),
    Report(report::ReportArgs),
    Export(Box<export::ExportArgs>),
    ImportHead(import_head::ImportHeadArgs),
    Runs(runs::RunsCommand),
    #[command(subcommand)]
    Backbone(backbone::BackboneCommand),
    #[command(subcommand)]
    Cache(cache::CacheCommand),
    Doctor(doctor::DoctorArgs),
    Completions(manual::CompletionsArgs),
    Man(manual::ManArgs),
}

/// How a command ended; the exit status says it to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    Done = 0,
    /// Done, but not all: some images failed.
    Partial = 1,
    Error = 2,
    /// Stopped by Ctrl-C; what was computed is kept.
    Interrupted = 130,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(status as u8)
    }
}

/// Parse the arguments and carry them out.
///
/// # Errors
/// Whatever stops the command; [`report`] prints it.
pub fn run() -> anyhow::Result<Status> {
    let mut command = without_empty_variables(Cli::command());
    // Not part of `Cli`, of which help, completions and man page are made; nor is it suggested for `compar`.
    if std::env::args_os().nth(1).is_some_and(|word| word == compare::FitArgs::NAME) {
        command = command.subcommand(compare::FitArgs::command());
    }
    let matches = command.try_get_matches().unwrap_or_else(|error| usage::exit(&error));
    if let Some((compare::FitArgs::NAME, matches)) = matches.subcommand() {
        return compare::FitArgs::from_arg_matches(matches)?.run();
    }
    let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| usage::exit(&error));
    let console = Console::new(cli.console);
    interrupt::hear();
    let typed = usage::typed(&matches);
    let library = usage::path(&matches, "onnxruntime");
    let resolve = |args| named::resolve(args, library.as_deref(), &console);
    let backbone = cli.command.backbone().map(resolve).transpose()?;
    if let Some(status) = backbone.flatten() {
        return Ok(status);
    }
    let status = cli.command.run(&console, &typed)?;
    // A line that is not complete may wait until now.
    console::stdout().flush()?;
    // A folder that could not be read is told where it is met, deep below the command.
    Ok(if status == Status::Done && !console::is_complete() { Status::Partial } else { status })
}

/// A variable such as HEADSTART_DEVICE that is empty counts as not set, as everywhere in a shell.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty =
        |arg: &clap::Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg });
    command.mut_subcommands(without_empty_variables)
}

impl Command {
    fn backbone(&mut self) -> Option<&mut args::BackboneArgs> {
        match self {
            Self::Extract(args) => Some(&mut args.backbone),
            Self::Train(args) => Some(&mut args.backbone),
            Self::Compare(args) => Some(&mut args.backbone),
            Self::Evaluate(args) => Some(&mut args.backbone),
            Self::Predict(args) => Some(&mut args.backbone),
            Self::Report(args) => Some(&mut args.backbone),
            Self::Export(args) => Some(&mut args.backbone),
            Self::ImportHead(args) => Some(&mut args.backbone),
            Self::Cache(command) => command.backbone(),
            Self::Doctor(args) => Some(&mut args.backbone),
            Self::Runs(_) | Self::Backbone(_) | Self::Completions(_) | Self::Man(_) => None,
        }
    }

    /// `typed` are the flags that stand in the command line.
    fn run(self, console: &Console, typed: &[String]) -> anyhow::Result<Status> {
        match self {
            Self::Extract(args) => args.run(console),
            Self::Train(args) => args.run(console),
            Self::Compare(args) => args.run(console),
            Self::Evaluate(args) => args.run(console),
            Self::Predict(args) => args.run(console, typed),
            Self::Report(args) => args.run(console),
            Self::Export(args) => args.run(console),
            Self::ImportHead(args) => args.run(console),
            Self::Runs(command) => command.run(console),
            Self::Backbone(command) => command.run(console),
            Self::Cache(command) => command.run(console),
            Self::Doctor(args) => args.run(console),
            Self::Completions(args) => args.run(),
            Self::Man(args) => args.run(),
        }
    }
}

/// Print an error with its causes, and the remedy if there is one; the status that says so.
///
/// `headstart … | head` closes our stdout: the reader has what it wanted, and there is nothing to say.
pub fn report(error: &anyhow::Error) -> Status {
    if error.chain().filter_map(of_system).any(console::reader_has_gone) {
        return Status::Done;
    }
    // Whoever pressed Ctrl-C knows it.
    if matches!(error.downcast_ref(), Some(project::Error::Cancelled)) {
        return Status::Interrupted;
    }
    let said = console::said_once(error);
    let (headline, causes) = said.split_first().expect("an error says something");
    console::tell_error(headline);
    for cause in causes {
        console::tell(format_args!("  caused by: {cause}"));
    }
    if let Some(hint) = hint::hint(error) {
        console::tell(format_args!("\nhint: {hint}"));
    }
    Status::Error
}

/// What the system said, if that is what this cause is about; the crate `csv` wraps it.
fn of_system<'e>(cause: &'e (dyn std::error::Error + 'static)) -> Option<&'e std::io::Error> {
    if let Some(error) = cause.downcast_ref::<csv::Error>() {
        return match error.kind() {
            csv::ErrorKind::Io(error) => of_system(error),
            _ => None,
        };
    }
    let error = cause.downcast_ref::<std::io::Error>()?;
    let wrapped = error.get_ref().and_then(|inner| inner.downcast_ref::<csv::Error>());
    wrapped.and_then(|inner| of_system(inner)).or(Some(error))
}
