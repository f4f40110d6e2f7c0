//! What people hear: the thing that failed, its cause once, and what to do; texts as editors write them.

use std::fs;

use super::outputs::{BACKBONE, pictures, trained};
use super::place::Said;

/// One headline, causes that say something new, one hint at most.
#[track_caller]
fn well_said(said: Said, headline: &str) -> Said {
    let lines: Vec<&str> = said.err.lines().collect();
    let errors = lines.iter().filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 1, "{}", said.err);
    let first = lines.iter().position(|line| line.starts_with("error: ")).unwrap();
    assert!(lines[first].contains(headline), "no `{headline}` in {}", said.err);
    assert!(!said.err.contains("stdout"), "{}", said.err);
    assert!(lines.iter().filter(|line| line.starts_with("hint: ")).count() <= 1, "{}", said.err);
    let causes = lines[first..].iter().filter_map(|line| line.strip_prefix("  caused by: "));
    let mut before = lines[first].to_owned();
    for cause in causes {
        assert!(!before.contains(cause), "`{cause}` twice in {}", said.err);
        before += cause;
    }
    said
}

#[test]
fn the_headline_is_what_failed_and_causes_are_told_once() {
    let place = trained();
    place.write("file", "in the way");
    place.write("broken.toml", "epochs = \n");
    place.write("broken.json", "[1");
    for (command, headline) in [
        ("train pics --config nope.toml", "cannot read the settings `nope.toml`"),
        ("train pics --config broken.toml", "`broken.toml` does not hold settings"),
        ("train pics --config pics", "cannot read the settings `pics`"),
        ("extract pics --recipe nope.toml", "cannot read `nope.toml`"),
        ("extract pics --recipe broken.toml", "`broken.toml` is not a recipe"),
        ("import-head nope.safetensors --classes a,b", "cannot read `nope.safetensors`"),
        ("import-head broken.toml --classes a,b", "cannot take a head from `broken.toml`"),
        ("import-head broken.toml --classes broken.json", "`broken.json`"),
        ("evaluate a pics -o /proc/x", "cannot make the folder `/proc/x`"),
        ("evaluate a pics -o file", "cannot make the folder `file`"),
        ("evaluate a pics -o file/below", "cannot make the folder `file/below`"),
        ("extract pics --failures /proc/x", "cannot write `/proc/x`"),
        ("extract pics --failures nowhere/x.csv", "cannot write `nowhere/x.csv`"),
        ("extract pics --failures /dev/full", "cannot write `/dev/full`"),
        ("report a -o /proc/x", "cannot write `/proc/x`"),
        ("report a -o nowhere/x.html", "cannot write `nowhere/x.html`"),
        ("cache export pics -o nowhere/x.npy", "cannot write `nowhere/x.npy`"),
        ("export a -o nowhere/x.onnx", "cannot write `nowhere/x.onnx`"),
        ("train pics --runs file", "cannot make the folder `file` for runs"),
        ("predict ./a pics", "there is no run at `./a`"),
    ] {
        if command.contains("/dev/full") && fs::metadata("/dev/full").is_err() {
            continue;
        }
        let said = place.run(&format!("{command} {BACKBONE}")).ended(2);
        let said = well_said(said, headline);
        if command.contains("/dev/full") {
            said.says(&["No space left", "hint: free some space"]);
        }
    }
}

#[test]
fn a_mark_at_the_begin_of_a_text_is_no_part_of_it() {
    let place = trained();
    let marked = |text: &str| format!("\u{FEFF}{}", text.replace('\n', "\r\n"));
    place.write("settings.toml", marked("epochs = 1\nhidden = []\n"));
    place.run(&format!("train pics --config settings.toml --name b {BACKBONE}")).done();
    let recipe = place.run("backbone recipes keras-resnet50").done().out;
    place.write("recipe.toml", marked(&recipe));
    let printed = place.run("backbone recipes recipe.toml").done().out;
    assert_eq!(printed, recipe);
    for (name, text) in [("classes.txt", "cat\ndog\n"), ("classes.json", "[\"cat\",\n\"dog\"]\n")] {
        place.write(name, marked(text));
        let import =
            format!("import-head runs/b/head.safetensors --classes {name} --name {} {BACKBONE}", &name[8..]);
        place.run(&import).done();
        let info: toml::Table = place.read(&format!("runs/{}/run.toml", &name[8..])).parse().unwrap();
        let classes: Vec<&str> =
            info["classes"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(classes, ["cat", "dog"]);
    }
    let said = place
        .run_on(&marked("pics/cat/0.png\n\npics/dog/1.png\n"), &format!("predict a - {BACKBONE}"))
        .done();
    assert!(
        said.out.starts_with("pics/cat/0.png: ") && said.out.contains("\npics/dog/1.png: "),
        "{}",
        said.out
    );
    // What is kept in a run may have been looked at in an editor that leaves a mark.
    place.run(&format!("evaluate a list.csv --no-report {BACKBONE}")).done();
    for name in [
        "run.toml",
        "metrics.json",
        "history.csv",
        "evaluation/list/evaluation.toml",
        "evaluation/list/metrics.json",
    ] {
        let name = format!("runs/a/{name}");
        place.write(&name, marked(&place.read(&name)));
    }
    place.run("runs a").done().never_says("warning");
    place.run(&format!("report a --folds 0 {BACKBONE}")).done().never_says("warning");
}

#[test]
fn a_text_in_another_encoding_is_refused_with_what_to_do() {
    let place = pictures();
    let latin1 = b"# gr\xFCn\nepochs = 1\n".to_vec();
    let utf16: Vec<u8> = "\u{FEFF}epochs = 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, found) in [(latin1, "another encoding, such as Windows-1252"), (utf16, "UTF-16")] {
        place.write("text", &bytes);
        for command in [
            "train pics --config text",
            "extract pics --recipe ./text",
            "import-head text --classes text --backbone tiny.onnx",
            "backbone cut tiny.onnx -o new.onnx --labels text",
        ] {
            let said = place.run(command).ended(2);
            let said = well_said(said, "text`");
            said.says(&["line 1: expected text in UTF-8, found", found, "hint: save the file as UTF-8"]);
        }
    }
}

#[test]
fn a_variable_that_is_empty_is_not_set() {
    let place = pictures();
    for device in ["", "cpu"] {
        let said = place.run_with(&format!("extract pics {BACKBONE}"), |command| {
            command.env("HEADSTART_DEVICE", device);
        });
        said.done();
    }
    let said = place.run_with(&format!("extract pics {BACKBONE}"), |command| {
        command.env("HEADSTART_DEVICE", "toaster");
    });
    said.ended(2).says(&["toaster"]);
    // What is typed is taken at its word.
    place.run(&format!("extract pics --device= {BACKBONE}")).ended(2);
}

#[test]
fn a_label_of_a_hundred_thousand_letters_is_shortened_where_it_is_printed() {
    let place = pictures();
    let long = "x".repeat(100_000);
    place.write("long.csv", place.read("list.csv").replace(",cat", &format!(",{long}")));
    let other = place.read("list.csv").replace(",cat", &format!(",{}y", long));
    place.write("other.csv", other);
    place.write("paths.csv", format!("path,label\n{long}/{long}.png,cat\npics/dog/1.png,dog\n"));
    let short = |said: Said| {
        let longest =
            [&said.out, &said.err].into_iter().flat_map(|text| text.lines()).map(|line| line.chars().count());
        assert!(longest.max().unwrap_or(0) < 1000, "{}{}", said.out.len(), said.err.len());
        said
    };
    short(
        place
            .run(&format!("train long.csv --extract --epochs 3 --validation 0.2 --name long {BACKBONE}"))
            .done(),
    );
    let said = short(place.run(&format!("evaluate long long.csv {BACKBONE}")).done());
    assert!(said.out.contains("xxxx"), "{}", said.out);
    let said = short(place.run(&format!("predict long pics {BACKBONE}")).done());
    assert!(said.out.contains("xxx…xxx"), "{}", said.out);
    short(place.run(&format!("evaluate long other.csv {BACKBONE}")).ended(2)).says(&["is not among", "…"]);
    short(place.run("runs").done());
    short(place.run("runs long long").done());
    short(place.run(&format!("extract paths.csv {BACKBONE}")).ended(1)).says(&["…"]);
    // A program that reads on gets all of it.
    let said = place.run(&format!("predict long pics --format jsonl {BACKBONE}")).done();
    assert!(said.out.contains(&long));
}

#[test]
fn a_run_is_looked_up_among_the_runs_first_and_a_path_is_a_path() {
    let place = pictures();
    fs::rename(place.path("pics"), place.path("photos")).unwrap();
    let train =
        |name: &str| place.run(&format!("train photos --extract --epochs 1 --name {name} {BACKBONE}"));
    train("photos").done();
    for command in [
        "evaluate photos photos",
        "predict photos photos",
        "report photos --folds 0",
        "export photos -o a.onnx",
    ] {
        place.run(&format!("{command} {BACKBONE}")).done();
    }
    place.run("runs photos").done();
    for path in ["./photos", "photos/", "photos/."] {
        place.run(&format!("predict {path} photos {BACKBONE}")).ended(2).says(&["is not a run", "hint: "]);
    }
    place.run(&format!("predict runs/photos photos {BACKBONE}")).done();
    place.run(&format!("predict ./runs/photos/ photos {BACKBONE}")).done();
    // A file of the name does not stand in its way either.
    fs::rename(place.path("runs/photos"), place.path("runs/file")).unwrap();
    place.write("file", "a file");
    place.run(&format!("predict file photos {BACKBONE}")).done();

    for name in ["latest", "Latest", "nul", "con.1", "photos."] {
        train(name)
            .ended(2)
            .says(&[&format!("`{name}` cannot be the name of a run: "), "hint: choose another `--name`"]);
    }
    train("newer").done();
    // What 0.1.0 called so hides nothing.
    fs::rename(place.path("runs/file"), place.path("runs/latest")).unwrap();
    let said = place.run("runs latest --json").done();
    assert!(said.out.contains("\"name\": \"newer\""), "{}", said.out);
    let said = place.run("runs runs/latest --json").done();
    assert!(said.out.contains("\"name\": \"latest\""), "{}", said.out);
    place
        .run("runs ./nowhere")
        .ended(2)
        .says(&["there is no run at `./nowhere`", "`headstart runs` lists the runs"]);
}

#[test]
fn all_commands_for_the_cache_take_its_folder_alike() {
    let place = pictures();
    place.run(&format!("extract pics --cache elsewhere {BACKBONE}")).done();
    for command in ["info", "verify", "gc --dry-run"] {
        let by_flag = place.run(&format!("cache {command} --cache elsewhere")).done().out;
        let by_place = place.run(&format!("cache {command} elsewhere")).done().out;
        assert!(by_flag == by_place && by_flag.contains("elsewhere/tiny-"), "{by_flag}");
        place.run(&format!("cache {command}")).ended(2).says(&["no feature cache in `data/features`"]);
        place.run(&format!("cache {command} elsewhere --cache elsewhere")).ended(2);
    }
}
