//! Runs: what is in them, what decides them, how they are measured.

use std::fs;

use super::place::{Place, with_features};

const PHOTOS_CSV: &str = "photos/photos.csv";

#[test]
fn a_run_holds_all_that_made_it_and_the_seed_decides_the_head() {
    let place = with_features();
    let said = place.run("train photos/photos.csv --epochs 3 --name a").done();
    assert_eq!(said.out, "runs/a\n");
    said.says(&["10 images of 10 classes", "epoch   1/3  loss", "epoch   3/3  loss", "accuracy"]);
    for file in ["run.toml", "head.safetensors", "history.csv", "metrics.json", "checkpoint"] {
        assert!(place.path("runs/a").join(file).exists(), "{file}");
    }
    let run = place.read("runs/a/run.toml");
    for word in [
        "astronaut",
        "epochs = 3",
        "seed = 0",
        "digest = ",
        "fingerprint = ",
        "headstart islow",
        "photos.csv",
    ] {
        assert!(run.contains(word), "no `{word}` in {run}");
    }
    assert_eq!(place.read("runs/a/history.csv").lines().count(), 4);

    place.run("train photos/photos.csv --epochs 3 --name same --quiet").done().never_says("epoch");
    place.run("train photos/photos.csv --epochs 3 --name other --seed 1").done();
    assert_eq!(place.head("a"), place.head("same"));
    assert_ne!(place.head("a"), place.head("other"));

    place.run("train photos/photos.csv --epochs 1 --name a").ended(2).says(&["`runs/a`", "--overwrite"]);
    place.run("train photos/photos.csv --epochs 1 --name a --overwrite").done();
    assert_eq!(place.settings("a")["epochs"].as_integer(), Some(1));
}

#[test]
fn flags_go_over_the_file_and_the_file_over_the_defaults() {
    let place = with_features();
    place
        .write("settings.toml", "epochs = 2\nlearning_rate = 0.01\nhidden = [8, 4]\nactivation = \"tanh\"\n");
    place.run("train photos/photos.csv --config settings.toml --learning-rate 0.1 --name a").done();
    let found = place.settings("a");
    assert_eq!(found["epochs"].as_integer(), Some(2));
    assert_eq!(found["learning_rate"].as_float(), Some(0.1));
    assert_eq!(found["activation"].as_str(), Some("tanh"));
    assert_eq!(found["batch_size"].as_integer(), Some(64));
    place
        .run("train photos/photos.csv --epochs 2 --hidden none --optimizer sgd --momentum 0.5 --name linear")
        .done();
    assert_eq!(place.settings("linear")["hidden"].as_array().map(Vec::len), Some(0));
    // A linear head: 2048 numbers and a bias for each of ten classes.
    assert!((81_960..90_000).contains(&place.head("linear").len()));
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    let place = with_features();
    let refused = |flags: &str, words: &[&str]| {
        place.run(&format!("train photos/photos.csv {flags}")).ended(2).says(words);
    };
    refused("--epochs 0", &["`epochs` must be at least 1, found 0"]);
    refused("--batch-size 0", &["`batch_size` must be at least 1, found 0"]);
    refused("--learning-rate nan", &["`learning_rate` must be above 0", "found NaN"]);
    refused("--learning-rate -1", &["`learning_rate` must be above 0", "found -1"]);
    refused(
        "--learning-rate 1e30 --batch-size 5",
        &["became infinite or not a number in epoch", "hint: a lower `--learning-rate`"],
    );
    refused("--dropout 1", &["`dropout` must be at least 0 and below 1, found 1"]);
    refused("--hidden 256,", &["--hidden", "expected a number of units"]);
    refused("--hidden 999999999999", &["`hidden` must be at most 65536, found 999999999999"]);
    refused("--seed 18446744073709551615", &["`seed` must be below 2^63"]);
    refused("--set patience=3", &["`monitor` must be `loss` or `accuracy`", "hint: add `--validation 0.2`"]);
    refused("--set class_weight={owl=2}", &["`class_weight` names `owl`", "10 classes: `astronaut`"]);
    refused("--shots 0", &["invalid value '0' for '--shots <K>'", "a number of images above 0, or `all`"]);
    refused("--shots 2", &["cannot take 2 images of each class: `astronaut` has 1 image", "hint: "]);
    refused("--shots some", &["expected a number of images above 0, or `all`"]);
    refused("--resume", &["--from <RUN>"]);
    refused("--momentum 0.9", &["`optimizer` must be `sgd`"]);
    refused("--validation 2", &["validation fraction of 2 is not possible"]);
    refused("--validation 0.5", &["10 examples cannot be split: no class has more than one"]);
    refused("--name ../a", &["`../a` cannot be the name of a run"]);
    place.write("unknown.toml", "epocs = 3\n");
    refused("--config unknown.toml", &["`unknown.toml`", "line 1", "unknown field `epocs`", "`epochs`"]);
    place.write("type.toml", "epochs = \"many\"\n");
    refused("--config type.toml", &["`type.toml`", "expected a whole number, found \"many\""]);
    refused("--config gone.toml", &["cannot read the settings `gone.toml`"]);
    assert!(!place.path("runs").exists() || fs::read_dir(place.path("runs")).unwrap().count() == 0);
}

#[test]
fn validation_is_held_out_or_given_or_named_by_a_column() {
    let place = with_features();
    let double = place.two_of_each();
    let double = place.read(double).lines().skip(1).map(|line| format!("{line}\n")).collect::<String>();
    let said = place.run("train photos/double.csv --epochs 2 --validation 0.5 --name held").done();
    said.says(&["10 images of 10 classes, validating on 10", "val_loss", "val_accuracy"]);
    let said = place
        .run("train photos/photos.csv --epochs 2 --validation-manifest photos/double.csv --name given")
        .done();
    said.says(&["10 images of 10 classes, validating on 20", "val_loss"]);

    let parts = ["train", "train", "validation", "test"];
    let rows = double.lines().enumerate().map(|(i, line)| format!("{line},{}\n", parts[i % 4]));
    // Classes 2, 4, ... would have no training row in this order: every class gets one.
    let all =
        place.read(PHOTOS_CSV).lines().skip(1).map(|l| format!("../photos/{l},train\n")).collect::<String>();
    place.write("photos/split.csv", format!("path,label,split\n{all}{}", rows.collect::<String>()));
    let said = place.run("train photos/split.csv --epochs 1 --name split").done();
    said.says(&[
        "split column: training on 20 images, validating on 5, leaving out 5 of `test`",
        "10 classes: ",
        "validating on 5",
        "val_loss",
    ]);
    let said = place.run("evaluate split photos/split.csv --split test --json").done();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&said.out).unwrap()["examples"], 5);
    place.run("evaluate split photos/split.csv --split holdout").ended(2).says(&["`holdout`", "`test`"]);
}

#[test]
fn an_evaluation_is_printed_and_written_alike() {
    let place = with_features();
    place.run("train photos/photos.csv --epochs 1 --name old").done();
    place.run("train photos/photos.csv --epochs 20 --name new").done();
    let said = place.run("evaluate latest photos/photos.csv").done();
    assert!(said.err.contains("report: runs/new/evaluation/photos/report.html"), "{}", said.err);
    let folder = "runs/new/evaluation/photos";
    let metrics: serde_json::Value =
        serde_json::from_str(&place.read(&format!("{folder}/metrics.json"))).unwrap();
    assert_eq!((&metrics["examples"], &metrics["scored"]), (&10.into(), &10.into()));
    let (accuracy, correct) = (metrics["accuracy"].as_f64().unwrap(), metrics["correct"].as_u64().unwrap());
    let last = said.out.lines().last().unwrap();
    assert!(last.starts_with(&format!("accuracy {accuracy:.4} ({correct} of 10)")), "{}", said.out);
    for word in ["precision", "recall", "F1", "support", "macro average", "photographer", "true \\ predicted"]
    {
        assert!(said.out.contains(word), "no `{word}` in {}", said.out);
    }
    let predictions = place.read(&format!("{folder}/predictions.csv"));
    let rows: Vec<&str> = predictions.lines().skip(1).collect();
    assert_eq!(rows.len(), 10);
    assert_eq!(rows.iter().filter(|row| row.contains(",true,")).count() as u64, correct);
    let report = place.read(&format!("{folder}/report.html"));
    assert!(["photographer", "raccoon", "<svg", "data:image/"].iter().all(|word| report.contains(word)));

    let json = place.run("evaluate new photos/photos.csv --json -o elsewhere").done().out;
    assert_eq!(json, place.read("elsewhere/metrics.json"));
    assert!(place.path("elsewhere/report.html").exists());
    // The path of a folder serves as its name does.
    assert_eq!(place.run("evaluate runs/new photos/photos.csv --json").done().out, json);
}

#[test]
fn features_that_are_missing_are_an_error_that_names_the_remedy() {
    let place = Place::with_photos();
    place.write("photos/two images.csv", "path,label\ncat.jpg,cat\ncoffee.jpg,coffee\n");
    let missing = ["2 of 2 images have no features yet", "hint: run `headstart extract", "--extract"];
    place.run("train photos/photos.csv").ended(2).says(&["10 of 10 images have no features yet", missing[1]]);
    let said = place.run_with("train", |command| {
        command.arg("photos/two images.csv");
    });
    said.ended(2).says(&missing).says(&["headstart extract 'photos/two images.csv'"]);
    let said = place.run_with("train --extract --epochs 1 --name a", |command| {
        command.arg("photos/two images.csv");
    });
    said.done().says(&["2 images: 2 computed", "2 images of 2 classes"]);
}

#[test]
fn shots_are_so_many_of_each_class_and_the_run_records_them() {
    let place = with_features();
    let double = place.two_of_each();
    let said = place.run(&format!("train {double} --epochs 1 --shots 1 --validation 0.5 --name few")).done();
    said.says(&["10 images of 10 classes, validating on 10"]);
    assert!(place.read("runs/few/run.toml").contains("shots = 1"));
    let said = place.run(&format!("train {double} --shots 2 --validation 0.5")).ended(2);
    said.says(&[
        "cannot take 2 images of each class: `astronaut` has 1 image",
        "without those that are held out",
    ]);
    let said = place.run("train --from few --shots all --validation none --name all").done();
    said.says(&["20 images of 10 classes\n"]);
    assert!(!place.read("runs/all/run.toml").contains("shots"));
    let said = place.run(&format!("compare {double} --heads knn --folds 2 --shots 1 --json")).done();
    said.says(&["20 images of 10 classes, in 2 folds, 1 of each to learn from"]);
}

#[test]
fn class_weights_go_by_the_names_of_the_classes() {
    let place = with_features();
    let train = |weight: &str, name: &str| {
        place
            .run(&format!("train photos/photos.csv --epochs 2 --name {name} --set class_weight={weight}"))
            .done();
        place.head(name)
    };
    let by_name = train("{cat=3,rocket=0.5}", "named");
    // The classes in order: cat is the second, rocket the ninth.
    let classes: toml::Table = place.read("runs/named/run.toml").parse().unwrap();
    let weight = |class: &toml::Value| match class.as_str() {
        Some("cat") => "3",
        Some("rocket") => "0.5",
        _ => "1",
    };
    let weights: Vec<&str> = classes["classes"].as_array().unwrap().iter().map(weight).collect();
    assert_eq!(weights.iter().filter(|&&weight| weight != "1").count(), 2);
    assert_eq!(by_name, train(&format!("[{}]", weights.join(",")), "listed"));
    assert_ne!(by_name, train("none", "even"));
    assert_eq!(place.settings("named")["class_weight"]["cat"].as_float(), Some(3.0));
}

#[test]
fn a_training_that_breaks_off_keeps_what_was_good() {
    let place = with_features();
    // One step an epoch: the rate of the first is as usual, that of the second far too large.
    let burst = "--learning-rate 1e30 --set warmup_steps=4 --set warmup_from=1e-33 --epochs 9";
    let said = place.run(&format!("train photos/photos.csv {burst} --name burst")).ended(2);
    assert_eq!(said.out, "");
    said.says(&[
        "error: the training failed; the head and the checkpoint of the last good step are in `runs/burst`",
        "caused by: ",
        "became infinite or not a number in epoch 2, step 1, at `",
        "hint: a lower `--learning-rate`",
    ]);
    let metrics: serde_json::Value = serde_json::from_str(&place.read("runs/burst/metrics.json")).unwrap();
    assert_eq!((&metrics["epochs"], &metrics["ended"]), (&1.into(), &"failed".into()));
    // From the checkpoint it comes to the same step again, and the run is left as it is.
    let said = place.run("train --from burst --resume --name again").ended(2);
    said.says(&["epoch 2, step 1, at `"]).never_says("broke off");
    assert!(!place.path("runs/again").exists());
    // What was kept answers.
    let said = place.run("predict burst photos").done();
    assert!(!said.out.contains("NaN"), "{}", said.out);
}

#[test]
fn a_training_without_one_good_step_leaves_no_run() {
    let place = with_features();
    for optimizer in ["adam", "sgd"] {
        let train = format!("train photos/photos.csv --learning-rate 1e30 --set optimizer={optimizer}");
        for epochs in [1, 9] {
            let said = place.run(&format!("{train} --epochs {epochs} --name burst")).ended(2);
            said.says(&[
                "became infinite or not a number in epoch 1, step 1",
                "hint: a lower `--learning-rate`",
            ]);
            assert!(!place.path("runs/burst").exists());
        }
    }
}
