use ndarray::Array2;

use crate::evaluate::{self, Metrics, Prediction};
use crate::report::{Epoch, Facts, Image, Report, Thumbnail};

/// What a report borrows from.
struct Material {
    metrics: Metrics,
    predictions: Vec<Prediction>,
    paths: Vec<String>,
    history: Vec<Epoch>,
}

impl Material {
    /// Twenty images of each class, of which some are taken for a neighbour.
    fn new(names: &[String]) -> Self {
        let classes = names.len();
        let labels: Vec<Option<usize>> = (0..classes * 20).map(|index| Some(index / 20)).collect();
        let mut probabilities = Array2::from_elem((labels.len(), classes), 0.1 / classes as f32);
        for (index, label) in labels.iter().enumerate() {
            let guess = match index * 7 % 11 {
                0 => label.unwrap() + 1,
                1 => label.unwrap() + 3,
                _ => label.unwrap(),
            };
            probabilities[(index, guess % classes)] += 0.2 + 0.6 * ((index * 37 % 101) as f32 / 101.0);
            let sum = probabilities.row(index).sum();
            probabilities.row_mut(index).mapv_inplace(|p| p / sum);
        }
        Self {
            metrics: Metrics::of(probabilities.view(), &labels, names).unwrap(),
            predictions: evaluate::predict(probabilities.view(), &labels, 3),
            paths: (0..labels.len()).map(|index| format!("photos/{index:05}.jpg")).collect(),
            history: (1..=30).map(epoch).collect(),
        }
    }

    fn html(
        &self,
        title: &str,
        facts: &[Facts],
        thumbnail: &mut dyn FnMut(usize) -> Option<Thumbnail>,
    ) -> String {
        let image = |(path, prediction)| Image { path, prediction };
        let images: Vec<Image> =
            self.paths.iter().map(String::as_str).zip(&self.predictions).map(image).collect();
        let created = "2026-03-01T12:30:00Z".parse().unwrap();
        let (metrics, history) = (&self.metrics, &self.history[..]);
        Report { title, created, metrics, history, images: &images, facts }.html(thumbnail)
    }

    fn plain(&self) -> String {
        self.html("a run", &[], &mut |_| None)
    }
}

fn epoch(epoch: usize) -> Epoch {
    let loss = 2.2 / (epoch as f64).sqrt();
    let accuracy = Some(1.0 - loss / 4.0);
    Epoch {
        epoch,
        loss,
        accuracy,
        validation_loss: Some(loss + 0.2),
        validation_accuracy: accuracy.map(|a| a - 0.05),
    }
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("class {number}")).collect()
}

fn count(page: &str, what: &str) -> usize {
    page.matches(what).count()
}

#[test]
fn everything_is_on_the_page() {
    let facts = [Facts { heading: "Settings", rows: vec![("epochs".into(), "30".into())] }];
    let material = Material::new(&numbered(10));
    let page = material.html("first run", &facts, &mut |_| None);
    let correct = material.metrics.correct;
    for part in [
        "<title>first run – evaluation</title>",
        "<h1><bdi>first run</bdi></h1>",
        "<time datetime=\"2026-03-01T12:30:00Z\">2026-03-01 12:30 UTC</time>",
        &format!("<strong>{correct}</strong> of <strong>200</strong>"),
        "aria-label=\"Loss over 30 epochs: training ends at 0.402, validation ends at 0.602\"",
        "<caption>Settings</caption>",
        "<th scope=\"row\">epochs</th><td><bdi>30</bdi></td>",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    for id in ["training", "confusion", "classes", "mistakes", "doubts", "settings"] {
        assert_eq!(
            (count(&page, &format!("href=\"#{id}\"")), count(&page, &format!("id=\"{id}\""))),
            (1, 1),
            "{id}"
        );
    }
    // 10 rows of the matrix, 10 classes and 2 averages, 1 setting.
    assert_eq!(count(&page, "<th scope=\"row\""), 23);
    assert_eq!(page, material.html("first run", &facts, &mut |_| None), "the same input gives the same page");
}

#[test]
fn nothing_is_fetched_and_nothing_is_run() {
    let mut picture = |_| Some(Thumbnail { media_type: "image/png", bytes: vec![1, 2, 3] });
    let page = Material::new(&numbered(10)).html("run", &[], &mut picture);
    assert_eq!(count(&page, "src=\""), 48);
    assert_eq!(count(&page, "src=\"data:image/png;base64,AQID\""), 48);
    let page = page.replace("http://www.w3.org/2000/svg", "").to_lowercase();
    for foreign in [
        "<script",
        "<link",
        "<iframe",
        "http:",
        "https:",
        "@import",
        "url(",
        "javascript:",
        " onload",
        " onclick",
    ] {
        assert_eq!(count(&page, foreign), 0, "{foreign}");
    }
}

#[test]
fn hostile_names_stay_text() {
    let hostile = "</style></title><script>alert('1')</script>\"><img src=x onerror=alert(1)>";
    let mut names = vec![hostile.to_owned(), "a\" onclick=\"b".into(), "'&amp;'".into(), "n".repeat(300)];
    names.extend(["\u{202E}gnorw".into(), "🐈‍⬛".into()]);
    let mut material = Material::new(&names);
    material.paths.iter_mut().for_each(|path| *path = format!("{hostile}/{path}"));
    let facts = [Facts { heading: hostile, rows: vec![(hostile.into(), hostile.into())] }];
    let page = material.html(hostile, &facts, &mut |_| None);
    for tag in ["<script", "<img", "</title><script", "a\" onclick"] {
        assert_eq!(count(&page, tag), 0, "{tag}");
    }
    assert_eq!((count(&page, "</style>"), count(&page, "</title>")), (1, 1));
    assert!(page.contains("&lt;script&gt;alert('1')&lt;/script&gt;&quot;&gt;&lt;img src=x"));
    assert!(page.contains("<bdi>'&amp;amp;'</bdi>") && page.contains("<bdi>\u{202E}gnorw</bdi>"));
}

#[test]
fn pictures_are_asked_for_only_where_they_are_shown() {
    let material = Material::new(&numbered(10));
    let mut asked = Vec::new();
    material.html("run", &[], &mut |index| {
        asked.push(index);
        None
    });
    let (mistakes, doubts) = asked.split_at(24);
    assert_eq!(mistakes, evaluate::surest_mistakes(&material.predictions, 24));
    assert_eq!(doubts, evaluate::least_sure_hits(&material.predictions, 24));
}

#[test]
fn many_classes_are_cut_to_what_matters() {
    let page = Material::new(&numbered(1000)).plain();
    assert_eq!(count(&page, "<table class=\"matrix"), 0);
    assert!(page.contains("<summary>The other 950 classes</summary>"));
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    assert_eq!(count(&Material::new(&numbered(40)).plain(), "<table class=\"matrix dense\""), 1);
}

#[test]
fn what_there_is_not_is_left_out() {
    let names = numbered(3);
    let probabilities = Array2::from_diag_elem(3, 1.0);
    let labels = [Some(0), Some(1), None];
    let metrics = Metrics::of(probabilities.view(), &labels, &names).unwrap();
    let predictions = evaluate::predict(probabilities.view(), &labels, 1);
    let paths = ["a", "b", "c"].map(String::from).to_vec();
    let page = Material { metrics, predictions, paths, history: Vec::new() }.plain();
    for id in ["training", "mistakes", "settings"] {
        assert_eq!(count(&page, &format!("#{id}")), 0, "{id}");
    }
    assert!(
        page.contains("No image was taken for another class.")
            && page.contains("<p class=\"big\">100.0%</p>")
    );
    assert!(page.contains("1 further images have no label"));
}

#[test]
fn odd_histories_can_be_drawn() {
    let mut material = Material::new(&numbered(2));
    let odd = Epoch { epoch: 1, loss: f64::NAN, accuracy: Some(f64::INFINITY), ..Epoch::default() };
    for history in [vec![epoch(1)], vec![odd, epoch(2)], vec![Epoch { epoch: 1, ..Epoch::default() }]] {
        material.history = history;
        assert!(material.plain().contains("<svg "), "{:?}", material.history);
    }
    material.history = vec![odd];
    assert!(!material.plain().contains("<svg "));
}
