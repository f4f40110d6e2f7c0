//! The examples check what they show; here each is run, and says what it should.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What an example prints. Cargo builds the examples with the tests, into `examples/` beside the folder of the tests.
fn run(name: &str) -> String {
    // From elsewhere: what they need lies in them.
    run_in(tempfile::tempdir().unwrap().path(), name)
}

fn run_in(folder: &Path, name: &str) -> String {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.parent().unwrap().parent().unwrap().join("examples").join(name);
    let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    // `cargo test --test library` alone builds none, or leaves an old one.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", name]).args(profile);
    assert!(cargo.status().unwrap().success(), "the example `{name}` does not build");
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    let Output { status, stdout, stderr } = Command::new(program).current_dir(folder).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

#[test]
fn gradients_can_be_looked_at_and_clipped_by_hand() {
    let text = run("gradient_clipping");
    assert_eq!(text.matches("epoch 5: lengths").count(), 2, "{text}");
    assert_eq!(text.matches("accuracy on other images: 0.").count(), 2, "{text}");
}

#[test]
fn a_frozen_layer_stays_as_it_is() {
    let text = run("freeze_layer");
    assert!(text.contains("ship or deer, frozen:") && text.contains("hidden weights moved by"), "{text}");
}

#[test]
fn a_schedule_of_ones_own_is_followed() {
    let text = run("custom_schedule");
    assert_eq!(text.lines().filter(|line| line.ends_with('#')).count(), 12, "{text}");
}

#[test]
fn a_loss_of_ones_own_is_checked_and_learns() {
    let text = run("custom_loss");
    assert!(text.contains("agrees with differences") && text.contains("backward says"), "{text}");
    assert!(text.contains("epoch 20: mean focal loss 0."), "{text}");
}

#[test]
fn rows_come_as_they_are_computed_and_from_where_it_was_stopped() {
    let text = run_in(Path::new(env!("CARGO_MANIFEST_DIR")), "rows_as_they_come");
    assert!(text.contains("stopped after 5 of 10: ") && text.contains("most alike: "), "{text}");
    let number = |words: &str| -> usize {
        let after = text.split(words).nth(1).unwrap_or_else(|| panic!("no `{words}` in {text}"));
        after.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
    };
    let (kept, computed, there) =
        (number("stopped after 5 of 10: "), number("then "), number("computed, and "));
    assert!(kept >= 5 && there == kept && computed + there == 10, "{text}");
}
