mod drawings;
mod galleries;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use scraper::{ElementRef, Html, Selector};

use crate::{Epoch, Evaluation, Facts, Image, Leak, Leaks, Map, Report, Thumbnail, Training};
use headstart_evaluate::label_errors::Suspect;
use headstart_evaluate::{self as evaluate, Metrics, Prediction};

/// What a report borrows from.
struct Material {
    classes: Vec<String>,
    metrics: Metrics,
    predictions: Vec<Prediction>,
    paths: Vec<String>,
    files: Vec<PathBuf>,
    history: Vec<Epoch>,
    suspects: Vec<Suspect>,
    leaks: Vec<(usize, usize, f32)>,
    /// How often the evaluation stands on the page.
    times: usize,
    facts: Vec<Facts<'static>>,
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
        Self::of(names, &probabilities, &labels)
    }

    fn of(names: &[String], probabilities: &Array2<f32>, labels: &[Option<usize>]) -> Self {
        let paths: Vec<String> = (0..labels.len()).map(|index| format!("photos/{index:05}.jpg")).collect();
        Self {
            classes: names.to_vec(),
            metrics: Metrics::of(probabilities.view(), labels, names).unwrap(),
            predictions: evaluate::predict(probabilities.view(), labels, 3),
            files: paths.iter().map(PathBuf::from).collect(),
            paths,
            history: (1..=30).map(epoch).collect(),
            suspects: vec![],
            leaks: vec![],
            times: 1,
            facts: vec![],
        }
    }

    fn html(&self, title: &str, thumbnail: &mut dyn FnMut(&Path, usize) -> Option<Thumbnail>) -> String {
        let images: Vec<Image> = (0..self.paths.len())
            .map(|row| Image {
                path: &self.paths[row],
                file: &self.files[row],
                prediction: &self.predictions[row],
            })
            .collect();
        let leaks: Vec<Leak> = self
            .leaks
            .iter()
            .map(|&(image, label, cosine)| Leak {
                image,
                path: &self.paths[image],
                file: &self.files[image],
                label,
                cosine,
                identical: cosine == 1.0,
            })
            .collect();
        let on_map: Vec<usize> = (0..images.len()).step_by(2).collect();
        let places: Vec<[f64; 2]> =
            on_map.iter().map(|&row| [(row as f64).sin(), (row as f64 * 0.7).cos()]).collect();
        let map = Map { images: &on_map, pca: &places, explained: [0.31, 0.12], tsne: Some(&places) };
        let evaluation = Evaluation {
            title: "test.csv",
            metrics: &self.metrics,
            images: &images,
            suspects: Some(Ok(&self.suspects)),
            leaks: Some(Ok(Leaks { training: 100, threshold: Some(0.95), pairs: &leaks })),
            map: Some(Ok(map)),
        };
        let report = Report {
            title,
            created: "2026-03-01T12:30:00Z".parse().unwrap(),
            about: "It was found.",
            classes: &self.classes,
            evaluations: &vec![evaluation; self.times],
            history: &self.history,
            training: Some(Training { folds: 5, images: &images, suspects: &self.suspects }),
            facts: &self.facts,
        };
        report.html(thumbnail)
    }

    fn plain(&self) -> String {
        self.html("a run", &mut |_, _| None)
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

fn facts(heading: &'static str, rows: &[(&str, &str)], defaults: &[(&str, &str)]) -> Facts<'static> {
    let owned = |rows: &[(&str, &str)]| rows.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect();
    Facts { heading, rows: owned(rows), defaults: owned(defaults) }
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("class {number}")).collect()
}

fn picture() -> Option<Thumbnail> {
    Some(Thumbnail { media_type: "image/png", bytes: vec![1, 2, 3] })
}

fn all<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: ElementRef) -> String {
    element.text().collect()
}

/// What holds of every page: parsed without a complaint, every id once, every link to one, every drawing and table named.
fn parsed(page: &str) -> Html {
    let page = Html::parse_document(page);
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    let ids: Vec<&str> = all(&page, "[id]").iter().map(|element| element.value().id().unwrap()).collect();
    let known: HashSet<&str> = ids.iter().copied().collect();
    assert_eq!(known.len(), ids.len(), "an id is there twice: {ids:?}");
    for link in all(&page, "a") {
        let target = link.attr("href").unwrap().strip_prefix('#').expect("links stay on the page");
        assert!(known.contains(target), "#{target} leads nowhere");
    }
    for names in all(&page, "[aria-labelledby]") {
        let mut words = names.attr("aria-labelledby").unwrap().split(' ');
        assert!(words.all(|id| known.contains(id)), "{:?}", names.value());
    }
    for drawing in all(&page, "figure svg") {
        assert_eq!(drawing.attr("role"), Some("img"));
        let own = |name: &str| drawing.child_elements().find(|child| child.value().name() == name).map(text);
        assert!(own("title").is_some_and(|title| !title.is_empty()), "a drawing without a title");
        assert!(own("desc").is_some_and(|text| text.len() > 10), "a drawing without a description");
    }
    for table in all(&page, "table") {
        assert_eq!(table.child_elements().next().map(|child| child.value().name()), Some("caption"));
    }
    assert!(all(&page, "th").iter().all(|heading| heading.attr("scope").is_some()));
    assert!(all(&page, "img").iter().all(|image| image.attr("alt").is_some()));
    for landmark in ["main#content", "header h1", "nav[aria-label]", "footer", "a.skip[href='#content']"] {
        assert_eq!(all(&page, landmark).len(), 1, "{landmark}");
    }
    assert_eq!(all(&page, "html[lang=en]").len(), 1);
    page
}

#[test]
fn everything_is_on_the_page() {
    let mut material = Material::new(&numbered(10));
    material.facts = vec![facts("Settings", &[("epochs", "30")], &[])];
    material.suspects =
        vec![Suspect { row: 3, label: 0, label_probability: 0.02, guess: 4, guess_probability: 0.9 }];
    material.leaks = vec![(7, 0, 1.0), (8, 1, 0.97)];
    let html = material.html("first run", &mut |_, _| None);
    let page = parsed(&html);
    let correct = material.metrics.correct;
    for part in [
        "<title>first run – classifier</title>",
        "<h1><bdi>first run</bdi></h1>",
        "<time datetime=\"2026-03-01T12:30:00Z\">2026-03-01 12:30 UTC</time>",
        "<p class=\"about\">Tells 10 classes of images apart: <bdi>class 0</bdi>, <bdi>class 1</bdi>",
        &format!("<strong>{correct}</strong> of <strong>200</strong>"),
        "Loss over 30 epochs: training ends at 0.402, validation ends at 0.602",
        "<caption>Settings</caption>",
        "<th scope=\"row\">epochs</th><td><bdi>30</bdi></td>",
        "It was trained on <strong>1 image</strong> of these",
        "class 0</bdi> 2.0%",
        "different labels",
    ] {
        assert!(html.contains(part), "{part} is not on the page");
    }
    let sections = [
        "figures",
        "confusion",
        "classes",
        "confidence",
        "mistakes",
        "doubts",
        "labels",
        "leaks",
        "map",
        "training-labels",
        "training",
        "settings",
    ];
    let found: Vec<&str> = all(&page, "main > section").iter().map(|one| one.value().id().unwrap()).collect();
    assert_eq!(found, sections);
    let linked: Vec<&str> = all(&page, "nav a").iter().map(|one| &one.attr("href").unwrap()[1..]).collect();
    assert_eq!(linked, sections);
    // Confidence and accuracy of ranges that have images; and the same whenever it is written.
    let bins = material.metrics.reliability.iter().filter(|bin| bin.count > 0).count();
    assert_eq!(all(&page, "#confidence details tbody tr").len(), bins);
    assert_eq!(html, material.html("first run", &mut |_, _| None), "the same input gives the same page");
}

#[test]
fn the_map_has_each_image_once_in_each_drawing_and_once_in_the_list() {
    let page = parsed(&Material::new(&numbered(10)).plain());
    assert_eq!(all(&page, ".sheet > li").len(), 100);
    let drawings = all(&page, ".map figure svg");
    assert_eq!(drawings.len(), 2);
    let marks = Selector::parse(".points path").unwrap();
    for drawing in drawings {
        assert_eq!(drawing.select(&marks).count(), 100);
    }
    // Told apart by shape as by colour: no two classes have the same mark.
    let shapes: HashSet<(String, String)> = all(&page, ".marks path")
        .iter()
        .map(|path| (path.attr("class").unwrap().into(), path.attr("d").unwrap().into()))
        .collect();
    assert_eq!(shapes.len(), 10);
    // A hundred classes have no hundred marks.
    let page = parsed(&Material::new(&numbered(100)).plain());
    assert_eq!(all(&page, ".marks > li").len(), 25);
    assert!(!all(&page, ".points .other").is_empty());
}

#[test]
fn nothing_is_fetched_and_only_the_pages_own_script_is_run() {
    let html = Material::new(&numbered(10)).html("run", &mut |_, _| picture());
    let page = parsed(&html);
    let sources: Vec<&str> = all(&page, "[src]").iter().map(|image| image.attr("src").unwrap()).collect();
    // Two galleries, and the map.
    assert_eq!(sources.len(), 24 + 24 + 100);
    assert!(sources.iter().all(|source| *source == "data:image/png;base64,AQID"));
    assert_eq!(all(&page, "link, iframe, object, embed, form, base").len(), 0);
    let [script] = all(&page, "script")[..] else { panic!("one script") };
    assert_eq!(script.value().attrs().count(), 0);
    let policy = all(&page, "meta[http-equiv='Content-Security-Policy']")[0].attr("content").unwrap();
    assert!(
        policy
            .starts_with("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-")
    );
    let own = html.replace("http://www.w3.org/2000/svg", "").to_lowercase();
    for foreign in ["http:", "https:", "@import", "url(", "javascript:", " onload", " onclick", "src=\"/"] {
        assert!(!own.contains(foreign), "{foreign}");
    }
}

#[test]
fn hostile_names_stay_text() {
    let hostile = "</style></title></svg><script>1</script>\"><img src=x onerror=1>";
    let mut names = vec![hostile.to_owned(), "a\" onclick=\"b".into(), "'&amp;'".into(), "n".repeat(300)];
    names.extend(["\u{202E}gnorw".into(), "🐈‍⬛\nb".into()]);
    let mut material = Material::new(&names);
    material.paths.iter_mut().for_each(|path| *path = format!("{hostile}/{path}"));
    material.facts = vec![facts("Facts", &[(hostile, hostile)], &[(hostile, hostile)])];
    material.suspects =
        vec![Suspect { row: 3, label: 0, label_probability: 0.02, guess: 1, guess_probability: 0.9 }];
    material.leaks = vec![(7, 0, 1.0)];
    let html = material.html(hostile, &mut |_, _| None);
    let page = parsed(&html);
    assert_eq!((all(&page, "script").len(), all(&page, "img").len(), all(&page, "style").len()), (1, 0, 1));
    for element in all(&page, "*") {
        assert!(element.value().attrs().all(|(name, _)| !name.starts_with("on")), "{:?}", element.value());
    }
    assert_eq!(text(all(&page, "h1 bdi")[0]), hostile);
    let isolated: HashSet<String> = all(&page, "bdi").into_iter().map(text).collect();
    for name in ["\u{202E}gnorw", "'&amp;'", "🐈‍⬛\nb", &format!("{0}…{0}", "n".repeat(29))] {
        assert!(isolated.contains(name), "{name}");
    }
    let whole = format!("bdi[title='{}']", "n".repeat(300));
    assert!(!all(&page, &whole).is_empty(), "the whole of a long name can be had");
}

#[test]
fn pictures_are_asked_for_only_where_they_are_shown() {
    let mut material = Material::new(&numbered(10));
    material.suspects = (0..60)
        .map(|row| Suspect { row, label: 0, label_probability: 0.0, guess: 1, guess_probability: 1.0 })
        .collect();
    material.leaks = (0..50).map(|image| (image, 0, 1.0)).collect();
    let mut asked: Vec<(PathBuf, usize)> = vec![];
    material.html("run", &mut |file, edge| {
        asked.push((file.into(), edge));
        None
    });
    let row = |file: &PathBuf| material.files.iter().position(|own| own == file).unwrap();
    let rows: Vec<usize> = asked.iter().map(|(file, _)| row(file)).collect();
    assert_eq!(rows[..24], evaluate::surest_mistakes(&material.predictions, 24));
    assert_eq!(rows[24..48], evaluate::least_sure_hits(&material.predictions, 24));
    // Label errors, both sides of twelve pairs, the map, and label errors of the training.
    assert_eq!(asked.len(), 48 + 24 + 24 + 100 + 24);
    assert_eq!(asked.iter().filter(|(_, edge)| *edge < 100).count(), 100, "small ones on the map");
}

#[test]
fn many_classes_are_cut_to_what_matters() {
    let html = Material::new(&numbered(1000)).plain();
    let page = parsed(&html);
    assert!(all(&page, "table.matrix").is_empty());
    assert_eq!(text(all(&page, "#classes summary")[0]), "The other 950 classes");
    assert!(html.len() < 6_000_000, "{} bytes", html.len());
    let page = parsed(&Material::new(&numbered(40)).plain());
    assert_eq!(all(&page, "table.matrix.dense").len(), 1);
}

#[test]
fn several_evaluations_stand_one_after_the_other() {
    let mut material = Material::new(&numbered(2));
    material.times = 3;
    let page = parsed(&material.plain());
    assert_eq!(all(&page, "#figures, #figures-2, #figures-3").len(), 3);
    assert_eq!(text(all(&page, "#map-3-title .of")[0]), "test.csv");
    material.times = 0;
    let html = material.plain();
    let page = parsed(&html);
    assert!(html.contains("This run has no evaluation"));
    assert!(all(&page, "script").is_empty(), "nothing for it to do");
    assert_eq!(all(&page, "main > section").len(), 2);
}

#[test]
fn what_there_is_not_is_left_out() {
    let names = numbered(3);
    let mut material = Material::of(&names, &Array2::from_diag_elem(3, 1.0), &[Some(0), Some(1), None]);
    material.history = vec![];
    let html = material.plain();
    let page = parsed(&html);
    for id in ["training", "mistakes", "settings"] {
        assert!(all(&page, &format!("#{id}")).is_empty(), "{id}");
    }
    for part in [
        "No image was predicted as another class.",
        "<p class=\"big\">100.0%</p>",
        "1 more image has no label",
        "None of 2 labels stands out",
        "<strong>0</strong> are the same file",
    ] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn a_single_image_and_a_single_answer_make_a_page() {
    let said = ndarray::array![[0.25, 0.75]];
    let page = parsed(&Material::of(&numbered(2), &said, &[Some(1)]).html("run", &mut |_, _| picture()));
    assert_eq!(all(&page, ".points path").len(), 2);
    assert_eq!(all(&page, "#doubts li").len(), 1);
}

#[test]
fn what_is_not_known_is_said() {
    let material = Material::new(&numbered(2));
    let evaluation = Evaluation {
        title: "old",
        metrics: &material.metrics,
        images: &[],
        suspects: Some(Err("nobody asked")),
        leaks: Some(Err("the list is gone")),
        map: Some(Err("no features")),
    };
    let report = Report {
        title: "run",
        created: "2026-03-01T12:30:00Z".parse().unwrap(),
        about: "",
        classes: &material.classes,
        evaluations: &[evaluation],
        history: &[],
        training: None,
        facts: &[],
    };
    let html = report.html(&mut |_, _| None);
    parsed(&html);
    assert!(["nobody asked", "the list is gone", "no features"].iter().all(|reason| html.contains(reason)));
}

#[test]
fn odd_histories_can_be_drawn() {
    let mut material = Material::new(&numbered(2));
    let odd = Epoch { epoch: 1, loss: f64::NAN, accuracy: Some(f64::INFINITY), ..Epoch::default() };
    for history in [vec![epoch(1)], vec![odd, epoch(2)], vec![Epoch { epoch: 1, ..Epoch::default() }]] {
        material.history = history;
        assert!(!all(&parsed(&material.plain()), "#training svg").is_empty(), "{:?}", material.history);
    }
    material.history = vec![odd];
    assert!(all(&parsed(&material.plain()), "#training").is_empty());
}
