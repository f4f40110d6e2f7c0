//! What the program says of a panic.

use std::panic;

use headstart::image::takes_panic;

/// From here on a panic that becomes the failure of an image is told as that failure alone; any other as ever.
pub fn leave_images_to_their_failures() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !takes_panic(panic) {
            tell(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use headstart::image::guarded;

    use super::leave_images_to_their_failures;

    /// Set in the process that panics.
    const CHILD: &str = "HEADSTART_TEST_PANICS";

    #[test]
    fn only_panics_of_images_say_nothing() {
        if env::var_os(CHILD).is_some() {
            return child();
        }
        let name = "cli::panics::tests::only_panics_of_images_say_nothing";
        let mut process = Command::new(env::current_exe().unwrap());
        let output = process.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("of an image"), "{said}");
        assert!(said.contains("of the program"), "{said}");
        assert_eq!(said.matches("panicked at").count(), 1, "{said}");
    }

    fn child() {
        leave_images_to_their_failures();
        let error = guarded::<()>(|| panic!("a panic of an image")).unwrap_err().to_string();
        // The hook saw where.
        assert!(error.contains("a panic of an image (src/cli/panics.rs:"), "{error}");
        assert!(std::panic::catch_unwind(|| panic!("a panic of the program")).is_err());
    }
}
