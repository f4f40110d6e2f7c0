//! What the program says about itself, and how it behaves in a pipe.

use std::process::Stdio;

use super::place::{Place, with_features};

const COMMANDS: [&str; 17] = [
    "extract",
    "train",
    "compare",
    "evaluate",
    "predict",
    "report",
    "export",
    "import-head",
    "runs",
    "backbone cut",
    "backbone import",
    "backbone inspect",
    "backbone quantize",
    "cache info",
    "cache verify",
    "completions",
    "man",
];

#[test]
fn every_command_explains_itself_and_no_other_is_promised() {
    let place = Place::empty();
    for command in COMMANDS {
        let help = place.run(&format!("{command} --help")).done().out;
        assert!(help.contains(&format!("Usage: headstart {command}")), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        assert!(!help.to_lowercase().contains("not yet implemented") && !help.contains("TODO"), "{help}");
    }
    let help = place.run("--help").done().out;
    let listed: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(
        listed,
        [
            "extract",
            "train",
            "compare",
            "evaluate",
            "predict",
            "report",
            "export",
            "import-head",
            "runs",
            "backbone",
            "cache",
            "doctor",
            "completions",
            "man",
            "help"
        ]
    );
    assert_eq!(place.run("quantize").status, 2);
    assert!(place.run("--version").done().out.starts_with("headstart "));
}

#[test]
fn completions_and_the_manual_name_every_command() {
    let place = Place::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(&format!("completions {shell}")).done().out;
        assert!(["extract", "retry-failed", "inspect"].iter().all(|word| script.contains(word)), "{shell}");
    }
    let page = place.run("man").done().out;
    assert!(page.starts_with(".ie") || page.starts_with(".TH"));
    for command in COMMANDS {
        assert!(page.contains(&format!(".SH HEADSTART {}", command.to_uppercase())), "{command}");
    }
}

#[test]
fn colour_is_for_terminals_and_never_where_it_is_declined() {
    let place = Place::empty();
    let said = place.run("extract gone.csv").ended(2);
    assert!(!said.err.contains('\x1b'), "{}", said.err);
    // `script` gives the program a terminal where it is installed; elsewhere there is nothing to decline.
    let program = env!("CARGO_BIN_EXE_headstart");
    let on_a_terminal = |no_colour: &str| {
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &format!("{program} extract gone.csv"), "/dev/null"]).stdin(Stdio::null());
        script.env("NO_COLOR", no_colour).output().map(|output| String::from_utf8(output.stdout).unwrap())
    };
    if let (Ok(plain), Ok(coloured)) = (on_a_terminal("1"), on_a_terminal("")) {
        assert!(plain.contains("error: ") && !plain.contains("\x1b[1;31m"), "{plain:?}");
        assert!(coloured.contains("\x1b[1;31merror"), "{coloured:?}");
    }
}

#[test]
fn a_reader_that_has_enough_is_no_error_and_a_full_disk_behind_stdout_is() {
    let place = with_features();
    place.run("train photos/photos.csv --epochs 1 --name a").done();
    for question in
        ["predict a photos", "evaluate a photos/photos.csv", "man", "cache info", "completions bash"]
    {
        let mut child =
            place.command(question).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // As `head` does: gone before the first line is written.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(!words.contains("panicked") && !words.contains("error"), "{question}: {words}");
    }
    if let Ok(full) = std::fs::File::options().write(true).open("/dev/full") {
        let said = place.run_with("cache info", |command| {
            command.stdout(Stdio::from(full));
        });
        // Its own output has nowhere to go.
        said.ended(2).says(&["error: cannot write to stdout"]);
    }
}
