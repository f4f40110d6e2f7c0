//! Runs in a list, and side by side.

use std::fs;

use super::place::with_features;

fn lines(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn runs_are_listed_sorted_and_compared() {
    let place = with_features();
    place.run("runs").done().says(&["no runs in `runs`"]);
    place.run("train photos/photos.csv --epochs 2 --dropout 0 --name b").done();
    place.run("train photos/photos.csv --epochs 30 --hidden none --validation-manifest photos/photos.csv --name a").done();
    place.run("evaluate a photos/photos.csv").done();

    let said = place.run("runs").done();
    let rows = lines(&said.out);
    assert!(said.out.starts_with("run  date"), "{}", said.out);
    assert_eq!(rows.iter().skip(1).map(|row| row[0]).collect::<Vec<_>>(), ["a", "b"], "the newest first");
    assert!(rows[2].contains(&"dropout=0.0"), "{}", said.out);
    assert!(rows[1].contains(&"hidden=[]") && !rows[1].contains(&"dropout=0.0"), "{}", said.out);
    let order = |sort: &str| {
        let said = place.run(&format!("runs --sort {sort}")).done();
        lines(&said.out).iter().skip(1).map(|row| row[0].to_owned()).collect::<String>()
    };
    // Thirty epochs are better than two, and only they were validated.
    assert_eq!((order("name"), order("loss"), order("val-loss")), ("ab".into(), "ab".into(), "ab".into()));

    let said = place.run("runs b a").done();
    let rows = lines(&said.out);
    let row = |name: &str| {
        rows.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("{name} in {}", said.out))
    };
    assert_eq!(row("run")[1..], ["b", "a"]);
    assert_eq!(row("dropout")[1..], ["0.0", "0.5"]);
    assert_eq!(row("hidden")[1..], ["[256]", "[]"]);
    assert!(!said.out.contains("learning_rate"), "both have the same");
    let accuracy = said.out.lines().find(|line| line.starts_with("accuracy on photos")).unwrap();
    assert_eq!(accuracy.split_whitespace().count(), 4, "{accuracy}");
    assert!(said.out.lines().any(|line| line.starts_with("training accuracy")), "{}", said.out);
    assert_eq!(row("precision")[1..], ["fp32", "fp32"]);

    let json: serde_json::Value = serde_json::from_str(&place.run("runs b a --json").done().out).unwrap();
    let differing: Vec<&str> =
        json["differing"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(differing, ["dropout", "epochs", "hidden", "validated_on"]);
    assert_eq!((&json["runs"][0]["name"], &json["runs"][0]["epochs"]), (&"b".into(), &2.into()));
    assert_eq!(json["runs"][1]["evaluations"][0]["name"], "photos");
    assert_eq!(json["runs"][1]["settings"]["learning_rate"], 0.0003);
    place.run("runs a nobody").ended(2).says(&["there is no run `nobody`"]);
}

#[test]
fn broken_and_half_written_runs_are_named_and_the_others_listed() {
    let place = with_features();
    for name in ["good", "torn", "headless", "judged"] {
        place.run(&format!("train photos/photos.csv --epochs 1 --name {name}")).done();
    }
    fs::write(place.path("runs/torn/run.toml"), "format = 2\ncreated = ").unwrap();
    fs::remove_file(place.path("runs/headless/head.safetensors")).unwrap();
    place.write("runs/judged/evaluation/test/metrics.json", "{");
    fs::create_dir(place.path("runs/.new-x")).unwrap();
    let said = place.run("runs --sort name").ended(1);
    let names: Vec<String> = lines(&said.out).iter().skip(1).map(|row| row[0].to_owned()).collect();
    assert_eq!(names, ["good", "judged"]);
    said.says(&[
        "skipped `runs/torn`: `runs/torn/run.toml` is damaged",
        "skipped `runs/headless`: the run `runs/headless` lacks `head.safetensors`",
        "skipped `runs/judged/evaluation/test/metrics.json`",
    ])
    .never_says(".new-x");
    let said = place.run("runs --json").ended(1);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((json["runs"].as_array().unwrap().len(), json["broken"].as_array().unwrap().len()), (2, 3));
    // What is there and cannot be shown is told, and nobody says that there is nothing.
    place.run("runs torn").ended(1).says(&["skipped `runs/torn`"]).never_says("no runs in");
}
