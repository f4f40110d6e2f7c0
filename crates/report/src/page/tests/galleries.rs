//! What stands in the lists of pictures and of settings, and what does not.

use std::collections::{HashMap, HashSet};

use ndarray::Array2;

use super::*;

/// Two classes; each image is taken for the class, with the confidence, that is said here, and bears the label.
fn said(images: &[(usize, f32, usize)]) -> Material {
    let probabilities = Array2::from_shape_fn((images.len(), 2), |(row, class)| {
        let (prediction, confidence, _) = images[row];
        if class == prediction { confidence } else { 1.0 - confidence }
    });
    let labels: Vec<Option<usize>> = images.iter().map(|&(_, _, label)| Some(label)).collect();
    Material::of(&["cat".to_owned(), "dog".to_owned()], &probabilities, &labels)
}

/// A picture that is its file's alone.
fn own_picture(file: &Path) -> Option<Thumbnail> {
    Some(Thumbnail { media_type: "image/png", bytes: file.to_string_lossy().as_bytes().to_vec() })
}

#[test]
fn an_answer_that_is_sure_is_no_doubt() {
    // Sure ones only: none is shown, however few there are.
    let page = parsed(&said(&[(0, 0.995, 0), (1, 0.999, 1), (1, 0.81, 1), (0, 0.9, 1)]).plain());
    assert!(all(&page, "#doubts li").is_empty());
    let sentence = "None of 3 right predictions is less than 80% sure. The least sure of them is 81.0% sure.";
    assert!(text(all(&page, "#doubts")[0]).contains(sentence), "{}", text(all(&page, "#doubts")[0]));

    // Among others, those alone that are not sure.
    let page = parsed(&said(&[(0, 0.995, 0), (1, 0.79, 1), (1, 0.6, 1), (0, 0.55, 1)]).plain());
    let shown: Vec<String> = all(&page, "#doubts .sure").into_iter().map(text).collect();
    assert_eq!(shown, ["60.0%", "79.0%"]);
    assert!(
        text(all(&page, "#doubts .lead")[0]).starts_with("2 of 3 right predictions are less than 80% sure.")
    );

    // Nothing right: nothing to say.
    assert!(all(&parsed(&said(&[(0, 0.6, 1)]).plain()), "#doubts").is_empty());
}

#[test]
fn mistakes_are_called_sure_only_if_they_are() {
    let lead = |images: &[(usize, f32, usize)]| {
        let page = parsed(&said(images).plain());
        text(all(&page, "#mistakes .lead")[0])
    };
    let of_none = lead(&[(0, 0.7, 1), (1, 0.6, 0), (1, 0.9, 1)]);
    assert!(
        of_none.starts_with(
            "2 of 3 predictions are wrong. The classifier is at least 80% sure of none of them."
        )
    );
    let of_one = lead(&[(0, 0.95, 1)]);
    assert!(
        of_one.starts_with("1 of 1 prediction is wrong. The classifier is at least 80% sure of 1 of them.")
    );
}

#[test]
fn a_gallery_says_what_it_leaves_out() {
    let page = parsed(&said(&[(0, 0.7, 1); 30]).plain());
    assert_eq!(all(&page, "#mistakes li").len(), 24);
    assert_eq!(text(all(&page, "#mistakes .note")[0]), "The first 24 of 30 are shown.");
    let page = parsed(&said(&[(0, 0.7, 1); 24]).plain());
    assert!(all(&page, "#mistakes .note").is_empty());
}

#[test]
fn a_picture_stands_in_one_gallery_and_says_all_that_is_known_of_it() {
    // Thirty mistakes, of which the first 24 are shown; every other one is a likely label error.
    let mut material = said(&[(0, 0.9, 1); 30]);
    let suspect = |row| Suspect { row, label: 1, label_probability: 0.1, guess: 0, guess_probability: 0.9 };
    material.suspects = (0..30).step_by(2).map(suspect).collect();
    let page = parsed(&material.html("run", &mut |file, _| own_picture(file)));
    let mut times: HashMap<&str, usize> = HashMap::new();
    for image in all(&page, "#mistakes img, #doubts img, #labels img") {
        *times.entry(image.attr("src").unwrap()).or_default() += 1;
    }
    assert_eq!(times.len(), 24 + 3);
    assert!(times.values().all(|&times| times == 1), "{times:?}");
    assert_eq!(all(&page, "#mistakes .doubted").len(), 12);
    assert_eq!(all(&page, "#labels li").len(), 3);
    let labels = text(all(&page, "#labels")[0]);
    assert!(labels.contains("15 of 30 labels."), "{labels}");
    assert!(
        labels.contains("12 of them are among the surest mistakes above, and marked there. The others:"),
        "{labels}"
    );
    // The training images have no other gallery.
    assert_eq!(all(&page, "#training-labels li").len(), 15);

    material.suspects.truncate(5);
    let page = parsed(&material.plain());
    assert!(all(&page, "#labels li").is_empty());
    assert!(text(all(&page, "#labels")[0]).contains("All of them are among the surest mistakes above"));
}

#[test]
fn a_second_opinion_that_is_another_class_is_told() {
    let mut material = said(&[(0, 0.9, 1), (0, 0.8, 1)]);
    let suspect =
        |row, guess| Suspect { row, label: 1, label_probability: 0.1, guess, guess_probability: 0.4 };
    material.suspects = vec![suspect(0, 0), suspect(1, 1)];
    let page = parsed(&material.plain());
    let marks: Vec<String> = all(&page, "#mistakes .doubted").into_iter().map(text).collect();
    assert_eq!(marks, ["likely a label error", "likely a label error: rather dog"]);
}

#[test]
fn what_differs_in_a_name_is_seen_and_the_whole_is_a_tooltip() {
    let mut material = said(&[(0, 0.7, 1); 20]);
    for (number, path) in material.paths.iter_mut().enumerate() {
        *path = format!(
            "/home/somebody/pictures/a photograph of the garden, taken in summer {number:04}, resized.png"
        );
    }
    let page = parsed(&material.plain());
    let shown: HashSet<String> = all(&page, "#mistakes .path").into_iter().map(text).collect();
    assert_eq!(shown.len(), 20, "{shown:?}");
    assert!(shown.iter().all(|name| name.chars().count() <= 44 && !name.contains("somebody")), "{shown:?}");
    let whole: HashSet<&str> =
        all(&page, "#mistakes .path").iter().map(|path| path.attr("title").unwrap()).collect();
    assert!(material.paths.iter().all(|path| whole.contains(path.as_str())));
    let listed: HashSet<String> = all(&page, ".sheet .path").into_iter().map(text).collect();
    assert_eq!(listed.len(), 10, "on the map as well");
    // What is computed is what is seen: the style cuts nothing off.
    let style = text(all(&page, "style")[0]);
    assert!(!style.contains("ellipsis") && !style.contains("clamp:"), "names are cut in one place");
}

#[test]
fn classes_that_begin_alike_are_told_apart_wherever_they_stand() {
    let names: Vec<String> = (0..12)
        .map(|n| format!("n020856{n:02} a dog of the breed with the very long name, variety {n}"))
        .collect();
    let page = parsed(&Material::new(&names).plain());
    for (place, count) in [
        ("#confusion thead th", 12),
        ("#confusion tbody th", 12),
        ("#classes tbody th", 12),
        (".marks li", 12),
        ("#map .names text", 12),
    ] {
        let shown: HashSet<String> = all(&page, place).into_iter().map(text).collect();
        // Two drawings have the same names.
        assert_eq!(shown.len(), count, "{place}: {shown:?}");
    }
}

#[test]
fn a_label_of_a_hundred_thousand_letters_does_not_fill_the_page() {
    let names = ["x".repeat(100_000), "x".repeat(100_001)];
    let html = Material::new(&names).plain();
    parsed(&html);
    assert!(html.len() < 300_000, "{} bytes", html.len());
}

#[test]
fn settings_that_nobody_changed_unfold() {
    let mut material = said(&[(0, 0.9, 0)]);
    let defaults: Vec<(&str, &str)> = vec![("alpha", "0.0"), ("beta_1", "0.9")];
    material.facts =
        vec![facts("Settings", &[("epochs", "7")], &defaults), facts("Provenance", &[("a", "b")], &[])];
    let page = parsed(&material.plain());
    let open = |page: &Html| -> Vec<String> {
        let rows = all(page, "#settings .facts > div > table tr");
        rows.into_iter().map(text).collect()
    };
    assert_eq!(open(&page), ["epochs7", "ab"]);
    assert_eq!(text(all(&page, "#settings summary")[0]), "The other 2 settings, which are the defaults");
    assert_eq!(all(&page, "#settings details tr").len(), 2);

    material.facts = vec![facts("Settings", &[], &defaults[..1])];
    let page = parsed(&material.plain());
    assert_eq!(open(&page), Vec::<String>::new());
    assert!(text(all(&page, "#settings")[0]).contains("All settings are the defaults."));
    assert_eq!(text(all(&page, "#settings summary")[0]), "The 1 setting, which are the defaults");
}

#[test]
fn one_is_never_many() {
    let names = ["cat".to_owned()];
    let mut material = Material::of(&names, &Array2::from_elem((2, 1), 1.0), &[Some(0), None]);
    material.history.truncate(1);
    material.leaks = vec![(0, 0, 1.0), (1, 0, 0.97)];
    for html in [material.plain(), said(&[(0, 0.6, 1)]).plain()] {
        let page = parsed(&html);
        let words =
            all(&page, "body *:not(script):not(style)").into_iter().map(text).collect::<Vec<_>>().join(" ");
        for (place, _) in words
            .match_indices("1 ")
            .filter(|(place, _)| !words[..*place].ends_with(|c: char| c.is_numeric() || ".,".contains(c)))
        {
            let next = words[place + 2..].split(|c: char| !c.is_alphabetic()).next().unwrap();
            let around: String = words[place..].chars().take(30).collect();
            assert!(
                ![
                    "images",
                    "classes",
                    "labels",
                    "predictions",
                    "parts",
                    "points",
                    "epochs",
                    "pairs",
                    "are",
                    "have"
                ]
                .contains(&next),
                "{around}"
            );
        }
    }
}
