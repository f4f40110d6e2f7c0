//! The page that `evaluate` writes, and `headstart report`.

use std::fs;

use scraper::{ElementRef, Html, Selector};

use super::place::{Place, with_features};

fn trained() -> Place {
    let place = with_features();
    place.double_photos();
    place.run("train photos/photos.csv --epochs 30 --name a --quiet").done();
    place.run("evaluate a photos/double.csv --quiet").done();
    place
}

fn page(place: &Place, name: &str) -> Html {
    let page = Html::parse_document(&place.read(name));
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    page
}

fn all<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(page: &Html, selector: &str) -> String {
    all(page, selector).into_iter().flat_map(|element| element.text()).collect()
}

#[test]
fn an_evaluation_is_a_page_with_pictures_and_says_what_was_trained_on() {
    let place = trained();
    let page = page(&place, "runs/a/evaluation/double/report.html");
    assert_eq!(text(&page, "h1"), "a");
    assert!(
        text(&page, ".about").contains("Tells 10 classes of images apart: astronaut, "),
        "{}",
        text(&page, ".about")
    );
    assert!(text(&page, ".about").ends_with("Trained on 10 images of photos.csv."));
    assert_eq!(text(&page, ".warning strong"), "20 images", "each photograph, twice, was trained on");
    assert!(text(&page, "#labels").contains("It was trained on all of these images"));
    assert_eq!(all(&page, "#map .points path").len(), 2 * 20);
    let pictures = all(&page, "img");
    assert!(pictures.len() >= 20 + 10 && all(&page, ".missing").is_empty());
    assert!(pictures.iter().all(|image| image.attr("src").unwrap().starts_with("data:image/")));
    let record: toml::Table = place.read("runs/a/evaluation/double/evaluation.toml").parse().unwrap();
    assert_eq!(record["manifests"].as_array().unwrap()[0].as_str(), Some("photos/double.csv"));

    place.run("evaluate a photos/double.csv --no-report -o out --quiet").done();
    assert!(place.path("out/metrics.json").exists() && !place.path("out/report.html").exists());
}

#[test]
fn a_report_makes_every_evaluation_again_and_judges_the_training_images() {
    let place = trained();
    place.run("train photos/double.csv --epochs 5 --name b --quiet").done();
    place.run("evaluate b photos/photos.csv --quiet").done();
    place.run("evaluate b photos/double.csv --quiet").done();
    let metrics = place.read("runs/b/evaluation/photos/metrics.json");
    place.run("report b --folds 2").done().says(&["report: runs/b/report.html"]);
    let page = page(&place, "runs/b/report.html");
    let of: Vec<String> = all(&page, "main h2 .of").iter().map(|of| of.text().collect()).collect();
    assert!(of.contains(&"double.csv".to_owned()) && of.contains(&"photos.csv".to_owned()), "{of:?}");
    assert!(
        text(&page, "#training-labels").contains("divided into 2 parts")
            || text(&page, "#training-labels").contains("None of 20 labels")
    );
    assert!(text(&page, "#training-labels .note").contains("of 20 training images."));
    assert_eq!(
        place.read("runs/b/evaluation/photos/metrics.json"),
        metrics,
        "what was found stays as it was"
    );

    place.run("report b --folds 0 -o elsewhere.html").done();
    assert!(!place.read("elsewhere.html").contains("id=\"training-labels\""));
    place.run("report b --folds 1").ended(2).says(&["expected 0, or 2 to 100"]);
}

#[test]
fn what_is_gone_is_told_and_the_rest_is_on_the_page() {
    let place = trained();
    fs::remove_file(place.path("photos/double.csv")).unwrap();
    let said = place.run("report a").ended(1);
    // Ten images of ten classes: no head learns a class from none of its images, but all are judged.
    said.says(&["warning: `runs/a/evaluation/double` could not be made again"]);
    let page_of_figures = page(&place, "runs/a/report.html");
    assert!(text(&page_of_figures, "#figures").contains("of 20 images right"));
    assert!(all(&page_of_figures, "#map").is_empty());

    let said = place.run("report a --cache nowhere").ended(1);
    said.says(&["the page has no images", "there is no cache of them in `nowhere`"]);
    assert_eq!(all(&page(&place, "runs/a/report.html"), "img").len(), 0);
    place.run("report nobody").ended(2).says(&["there is no run `nobody`"]);
}

#[test]
fn runs_are_compared_from_what_they_keep() {
    let place = trained();
    place.run("train photos/photos.csv --epochs 2 --hidden 8 --name b --quiet").done();
    place.run("evaluate b photos/double.csv --quiet").done();
    // Neither backbone nor features nor images are needed.
    fs::remove_dir_all(place.path("photos")).unwrap();
    place
        .run("report a b --backbone nowhere.onnx --cache nowhere")
        .done()
        .says(&["report: runs/comparison.html"]);
    let page = page(&place, "runs/comparison.html");
    assert_eq!(text(&page, "h1"), "a, b");
    let settings = text(&page, "#settings tbody");
    assert!(settings.contains("epochs302") && settings.contains("hidden[256][8]"), "{settings}");
    assert_eq!(all(&page, "#on-1 .beside tbody tr").len(), 2);
    let differences = all(&page, "#on-1 > div.scroll tbody tr");
    assert_eq!(differences.len(), 1, "b beside a, on the same twenty images");
    assert_eq!(all(&page, "#training figure").len(), 2);
}

#[test]
fn hostile_names_stay_text_on_the_page() {
    let place = Place::empty();
    fs::create_dir_all(place.path("data")).unwrap();
    let folder = place.path("hostile");
    let script = super::place::repository().join("tests/page/make_hostile.py");
    let made = std::process::Command::new("python3")
        .arg(script)
        .arg(&folder)
        .current_dir(super::place::repository())
        .status()
        .unwrap();
    assert!(made.success());
    place.run("extract hostile/hostile.csv --quiet").done();
    place.run("train hostile/hostile.csv --epochs 3 --name a --quiet").done();
    place.run("evaluate a hostile/hostile.csv --quiet").done();
    let page = page(&place, "runs/a/evaluation/hostile/report.html");
    assert_eq!((all(&page, "script").len(), all(&page, "style").len()), (1, 1));
    for element in all(&page, "*") {
        assert!(element.value().attrs().all(|(name, _)| !name.starts_with("on")), "{:?}", element.value());
    }
    let names: Vec<String> =
        all(&page, "#classes tbody bdi").iter().map(|name| name.text().collect()).collect();
    assert_eq!(names.len(), 6);
    assert!(names.iter().any(|name| name == "<script>document.title = 'taken'</script>"), "{names:?}");
    assert!(all(&page, "img").iter().all(|image| image.attr("src").unwrap().starts_with("data:")));
}

/// What a page consists of, without its figures: sections, headings, captions, heads of tables, and what can be unfolded.
fn structure(page: &Html) -> String {
    let mut lines = String::new();
    let told = |element: &ElementRef| {
        element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for element in all(page, "h1, section, h2, h3, figcaption .title, caption, th[scope=col], summary") {
        let id = element.attr("id").map_or(String::new(), |id| format!(" #{id}"));
        let words = if element.value().name() == "section" { String::new() } else { told(&element) };
        let depth = element.ancestors().filter(|node| node.value().is_element()).count();
        let line = format!("{}{}{id} {words}", "  ".repeat(depth), element.value().name());
        lines += &format!("{}\n", line.trim_end());
    }
    lines
}

/// `messages/pages.txt` holds it; `HEADSTART_UPDATE_MESSAGES=1` writes it again, as in [`messages`](super::messages).
#[test]
fn pages_consist_of_what_was_read_before() {
    let place = trained();
    place.run("train photos/double.csv --epochs 5 --name b --quiet").done();
    place.run("evaluate b photos/double.csv --quiet").done();
    place.run("report a --quiet").done();
    place.run("report a b -o comparison.html --quiet").done();
    let pages = ["runs/a/report.html", "comparison.html"];
    let found: String =
        pages.iter().map(|name| format!("{name}\n{}\n", structure(&page(&place, name)))).collect();
    let kept = super::place::repository().join("tests/program/messages/pages.txt");
    if std::env::var_os("HEADSTART_UPDATE_MESSAGES").is_some() {
        fs::write(&kept, &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(&kept).unwrap_or_default());
}
