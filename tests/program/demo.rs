//! The demo's accuracy, on 1,000 training and 500 test images of CIFAR-10.

use super::place::{Place, repository};

#[test]
fn the_defaults_reach_the_accuracy_that_is_promised() {
    let place = Place::empty();
    let manifest = |name: &str| repository().join("data/cifar10").join(name).display().to_string();
    let (train, test) = (manifest("demo_train.csv"), manifest("demo_test.csv"));
    // The repository's own cache: a minute of work on a fresh clone, nothing afterwards.
    let cache = format!("--cache {}", repository().join("data/features").display());
    place.run(&format!("extract {train} {test} {cache}")).done();
    let mut accuracies = vec![];
    for seed in 0..3 {
        place.run(&format!("train {train} {cache} --seed {seed} --name {seed} --quiet")).done();
        let said = place.run(&format!("evaluate {seed} {test} {cache} --json -o {seed}")).done();
        let metrics: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(metrics["scored"], 500);
        accuracies.push(metrics["accuracy"].as_f64().unwrap());
    }
    let mean = accuracies.iter().sum::<f64>() / 3.0;
    println!("accuracies {accuracies:?}, mean {mean:.4}");
    // What is promised of ten seeds. These three gave 0.860, 0.850 and 0.856; ten went from 0.844 to 0.860.
    assert!(mean >= 0.835, "{accuracies:?}");
}
