//! The command line: what was typed becomes checked settings and a call of the library.

mod args;
mod backbone;
mod cache;
mod calibrate;
mod compare;
mod console;
mod curve;
mod doctor;
mod error;
mod evaluate;
mod export;
mod exported;
mod extract;
mod features;
mod from;
mod graph_hint;
mod hint;
mod images;
mod import_head;
mod interrupt;
mod live;
mod making;
mod manual;
mod parts;
mod precision;
mod predict;
mod probe;
mod progress;
mod rate;
mod recipes;
mod remedy;
mod report;
mod run_name;
mod runs;
mod settings;
mod source;
mod tensorboard;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use console::Console;

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
    if let Some(fit) = compare::Fit::asked(std::env::args_os()) {
        return fit.run();
    }
    let cli = Cli::parse();
    let console = Console::new(cli.console);
    // Whoever reads or writes a file names it; what has no context is our own output.
    cli.command.run(&console).map_err(|error| match error.is::<std::io::Error>() {
        true => error.context("cannot write to stdout"),
        false => error,
    })
}

impl Command {
    fn run(self, console: &Console) -> anyhow::Result<Status> {
        match self {
            Self::Extract(args) => args.run(console),
            Self::Train(args) => args.run(console),
            Self::Compare(args) => args.run(console),
            Self::Evaluate(args) => args.run(console),
            Self::Predict(args) => args.run(console),
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

/// Print an error with its causes, and the remedy if there is one.
pub fn report(error: &anyhow::Error) {
    if broken_pipe(error) {
        return;
    }
    console::tell_error(error);
    for cause in error.chain().skip(1) {
        console::tell(format_args!(
            "  caused by: {}",
            headstart::backbone::runtime::plain_words(&cause.to_string())
        ));
    }
    if let Some(hint) = hint::hint(error) {
        console::tell(format_args!("\nhint: {hint}"));
    }
}

/// `headstart … | head` closes our stdout: the reader has what it wanted.
fn broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
