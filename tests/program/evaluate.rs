//! Figures, and what can be asked of them.

use super::noisy;
use super::place::{Place, with_features};

fn trained() -> Place {
    let place = with_features();
    place.run("train photos/photos.csv --epochs 30 --name a --quiet").done();
    place
}

#[test]
fn a_script_may_ask_for_a_figure() {
    let place = trained();
    place.run("evaluate a photos/photos.csv --require accuracy=0.9 --require log_loss=2").done();
    let said =
        place.run("evaluate a photos/photos.csv --require accuracy=1.01 --require log_loss=1e-9").ended(1);
    said.says(&[
        "warning: accuracy is ",
        "required at least 1.01",
        "log_loss is ",
        "required at most 0.000000001",
    ]);
    let said = place.run("evaluate a photos/photos.csv --require precision=0.9").ended(2);
    said.says(&["`precision` is none of `accuracy`, `balanced_accuracy`, `macro_f1`"]);
}

#[test]
fn an_older_page_does_not_stay_beside_new_figures() {
    let place = noisy::trained();
    let evaluate = format!("evaluate a held.csv {}", noisy::BACKBONE);
    let page = "runs/a/evaluation/held/report.html";
    place.run(&evaluate).done();
    assert!(place.path(page).exists());
    place.run(&format!("{evaluate} --no-report")).done();
    assert!(!place.path(page).exists(), "it shows the figures of the evaluation before");
    // Somebody's own page stays.
    place.write(page, "<html>my notes</html>");
    place.run(&format!("{evaluate} --no-report")).done();
    assert_eq!(place.read(page), "<html>my notes</html>");
}

#[test]
fn a_damaged_list_of_images_is_warned_of() {
    let place = noisy::trained();
    place.write("runs/a/images.bin", "headstart images");
    let said = place.run(&format!("evaluate a held.csv --no-report {}", noisy::BACKBONE)).done();
    said.says(&[
        "warning: `runs/a/images.bin` is damaged",
        "images that the run was trained on cannot be found",
    ]);
}

#[test]
fn answers_may_be_kept_to_the_sure_ones() {
    let place = trained();
    let said = place.run("evaluate a photos/photos.csv -o out --min-confidence 0.42 --probabilities").done();
    assert!(said.out.contains("  confidence     images   of all   accuracy"), "{}", said.out);
    assert!(said.out.contains("     >= 0.42 ") && said.out.contains("asked for"), "{}", said.out);
    let rows = place.read("out/predictions.csv");
    let mut lines = rows.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name: &str| header.iter().position(|cell| *cell == name).unwrap();
    let (accepted, confidence) = (column("accepted"), column("confidence"));
    let classes: Vec<usize> = (0..header.len()).filter(|&place| header[place].starts_with("p_")).collect();
    assert_eq!((classes.len(), header[classes[0]]), (10, "p_astronaut"));
    let mut seen = 0;
    for cells in lines {
        let number = |place: usize| cells[place].parse::<f64>().unwrap();
        assert_eq!(cells[accepted] == "true", number(confidence) >= 0.42, "{cells:?}");
        let sum: f64 = classes.iter().map(|&place| number(place)).sum();
        // Ten numbers of six decimals.
        assert!((sum - 1.0).abs() < 1e-5, "{cells:?}");
        seen += 1;
    }
    assert_eq!(seen, 10);
    for wrong in ["2", "-0.1", "NaN"] {
        let said = place.run(&format!("evaluate a photos/photos.csv --min-confidence={wrong}")).ended(2);
        said.says(&["expected a probability from 0 to 1"]);
    }
}

#[test]
fn rows_without_a_label_are_predicted_and_not_scored() {
    let place = noisy::trained();
    let rows = place.read("held.csv");
    let rows: Vec<&str> = rows.lines().collect();
    let nameless = |row: &&str| format!("{},", row.split(',').next().unwrap());
    let some: Vec<String> =
        rows[..91].iter().map(|&row| row.to_owned()).chain(rows[91..].iter().map(nameless)).collect();
    place.write("some.csv", some.join("\n"));
    place.write("ninety.csv", rows[..91].join("\n"));
    let figures = |manifest: &str| -> serde_json::Value {
        let evaluate =
            format!("evaluate a {manifest} {} -o {manifest}.out --json --calibrate", noisy::BACKBONE);
        serde_json::from_str(&place.run(&evaluate).done().out).unwrap()
    };
    let (mut some, ninety) = (figures("some.csv"), figures("ninety.csv"));
    assert_eq!((&some["examples"], &some["scored"]), (&120.into(), &90.into()));
    some["examples"] = 90.into();
    assert_eq!(some, ninety, "figures, and a temperature, of the ninety alone");
    let said = place.run(&format!("evaluate a some.csv {} -o again", noisy::BACKBONE)).done();
    assert!(said.out.contains("30 without a label not counted"), "{}", said.out);
    let written = place.read("again/predictions.csv");
    assert_eq!(written.lines().count(), 121);
    let last: Vec<&str> = written.lines().last().unwrap().split(',').collect();
    assert!(last[1].is_empty() && !last[2].is_empty() && last[4].is_empty(), "{last:?}");
}

#[test]
fn intervals_hold_their_figures_and_are_the_same_each_time() {
    let place = trained();
    let metrics = |arguments: &str| -> serde_json::Value {
        let said = place.run(&format!("evaluate a photos/photos.csv --json {arguments}")).done();
        serde_json::from_str(&said.out).unwrap()
    };
    let (one, other) = (metrics(""), metrics(""));
    assert_eq!(one, other);
    assert_eq!(one["intervals"]["resamples"], 1000);
    for figure in ["accuracy", "log_loss", "brier"] {
        let (value, interval) = (one[figure].as_f64().unwrap(), &one["intervals"][figure]);
        let (low, high) = (interval[0].as_f64().unwrap(), interval[1].as_f64().unwrap());
        assert!(low <= value && value <= high, "{figure}: {low} {value} {high}");
    }
    assert_eq!(metrics("--resamples 0")["intervals"], serde_json::Value::Null);
}
