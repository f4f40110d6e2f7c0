//! Shell completions and the man page, made from the same definitions as the parser.

use std::io::Write;

use clap::CommandFactory;

use super::console::stdout;
use super::{Cli, Status};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell to complete in
    shell: clap_complete::Shell,
}

impl CompletionsArgs {
    pub fn run(&self) -> anyhow::Result<Status> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "headstart", &mut script);
        stdout().write_all(&script)?;
        Ok(Status::Done)
    }
}

/// Print the man page
#[derive(Debug, clap::Args)]
pub struct ManArgs {}

impl ManArgs {
    /// One page for all commands: the program's own section, then one for each subcommand.
    pub fn run(&self) -> anyhow::Result<Status> {
        let mut page = Vec::new();
        let mut command = Cli::command();
        command.build();
        clap_mangen::Man::new(command.clone()).render(&mut page)?;
        render_subcommands(&command, "headstart", &mut page)?;
        stdout().write_all(&page)?;
        Ok(Status::Done)
    }
}

fn render_subcommands(command: &clap::Command, words: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        let words = format!("{words} {}", subcommand.get_name());
        writeln!(page, ".SH {}", words.to_uppercase())?;
        let man = clap_mangen::Man::new(subcommand.clone());
        man.render_description_section(page)?;
        man.render_options_section(page)?;
        render_subcommands(subcommand, &words, page)?;
    }
    Ok(())
}
