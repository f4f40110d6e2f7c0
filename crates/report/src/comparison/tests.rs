use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use scraper::{Html, Selector};

use super::*;

fn metrics(right: usize) -> Metrics {
    let labels: Vec<Option<usize>> = (0..100).map(|row| Some(row % 2)).collect();
    let said =
        Array2::from_shape_fn(
            (100, 2),
            |(row, class)| {
                if (class == row % 2) == (row < right) { 0.8_f32 } else { 0.2 }
            },
        );
    let names = ["a".to_owned(), "b".into()];
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    Metrics::of(said.view(), &labels, &names).unwrap().with_intervals(said.view(), &labels, 200, &mut rng)
}

fn paired(a: usize, b: usize) -> Option<Paired> {
    let right = |count: usize| (0..100).map(|row| row < count).collect::<Vec<_>>();
    Paired::of(&right(a), &right(b))
}

fn history(epochs: usize) -> Vec<Epoch> {
    let epoch =
        |epoch: usize| Epoch { epoch, loss: 1.0 / epoch as f64, accuracy: Some(0.9), ..Epoch::default() };
    (1..=epochs).map(epoch).collect()
}

#[test]
fn runs_are_beside_each_other_with_what_they_differ_in() {
    let (good, better, best) = (metrics(80), metrics(82), metrics(95));
    let (short, long) = (history(5), history(50));
    let hostile = "<script>1</script>";
    let runs = [("a", &short), (hostile, &long), ("c", &short)].map(|(name, history)| Compared {
        name,
        history,
        seconds: Some(1.5),
    });
    let setting = |name: &str, values: [&str; 3]| Setting {
        name: name.into(),
        values: values.map(str::to_owned).to_vec(),
    };
    let on = ComparedOn {
        title: "test",
        metrics: vec![Some(&good), Some(&better), Some(&best)],
        paired: vec![None, paired(80, 82), paired(80, 95)],
    };
    let other =
        ComparedOn { title: "b & c", metrics: vec![None, Some(&good), Some(&best)], paired: vec![None; 3] };
    let comparison = Comparison {
        created: "2026-03-01T12:30:00Z".parse().unwrap(),
        runs: &runs,
        settings: &[setting("epochs", ["5", "50", "5"]), setting("hidden", ["[256]", "[]", "[256]"])],
        evaluations: &[on, other],
    };
    let html = comparison.html();
    assert_eq!(html, comparison.html());
    let page = Html::parse_document(&html);
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    let rows = |selector: &str| -> Vec<String> {
        let selector = Selector::parse(selector).unwrap();
        page.select(&selector).map(|row| row.text().collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(rows("script"), Vec::<String>::new());
    let figures = rows("#on-1 .beside tbody tr");
    assert_eq!(figures.len(), 3);
    assert!(figures[1].contains(hostile) && figures[1].contains("82.0%"), "{figures:?}");
    let differences = rows("#on-1 > div.scroll tbody tr");
    assert_eq!(differences.len(), 2);
    assert!(
        differences[0].contains("+2.0") && differences[0].ends_with("no difference shown"),
        "{differences:?}"
    );
    assert!(differences[1].contains("+15.0") && differences[1].ends_with("better"), "{differences:?}");
    assert!(rows("#on-2").concat().contains("cannot be paired"));
    assert_eq!(rows("#settings tbody tr").len(), 2);
    // Loss and accuracy of the training; nobody validated.
    assert_eq!(rows("#training figure").len(), 2);
}

#[test]
fn runs_that_nobody_evaluated_are_compared_all_the_same() {
    let runs = [Compared { name: "a", history: &[], seconds: None }; 2];
    let comparison = Comparison {
        created: "2026-03-01T12:30:00Z".parse().unwrap(),
        runs: &runs,
        settings: &[],
        evaluations: &[],
    };
    let html = comparison.html();
    assert!(html.contains("None of these runs has an evaluation"));
    assert!(html.contains("They were trained in the same way."));
}
