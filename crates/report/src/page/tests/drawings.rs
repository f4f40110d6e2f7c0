//! What is drawn, and whether all of it is seen.

use ndarray::Array2;

use super::*;

fn number(element: &ElementRef, attribute: &str) -> f64 {
    element.attr(attribute).unwrap_or_else(|| panic!("{attribute} of {:?}", element.value())).parse().unwrap()
}

/// So many images of each confidence, two classes, each right as often as it says.
fn of_confidences(groups: &[(f32, usize)]) -> Material {
    let confidences: Vec<f32> = groups.iter().flat_map(|&(p, count)| vec![p; count]).collect();
    let probabilities = Array2::from_shape_fn((confidences.len(), 2), |(row, class)| {
        if class == 0 { confidences[row] } else { 1.0 - confidences[row] }
    });
    let labels: Vec<Option<usize>> =
        (0..confidences.len()).map(|row| Some(usize::from(row % 5 == 4))).collect();
    Material::of(&["cat".to_owned(), "dog".to_owned()], &probabilities, &labels)
}

#[test]
fn points_of_the_reliability_diagram_stand_for_ten_images_and_no_line_joins_them() {
    // Single images in four ranges, and many in the last.
    let material = of_confidences(&[(0.55, 1), (0.62, 2), (0.7, 3), (0.76, 1), (0.85, 12), (0.97, 200)]);
    assert_eq!(material.metrics.reliability.iter().filter(|bin| bin.count > 0).count(), 6);
    let page = parsed(&material.plain());
    let points = all(&page, ".reliability svg circle");
    assert_eq!(points.len(), 2, "7 and 12 images together, and 200");
    let radii: Vec<f64> = points.iter().map(|point| number(point, "r")).collect();
    assert!(radii[0] < radii[1], "the larger, the more images: {radii:?}");
    // What is drawn in the colour of the points are their intervals: straight up.
    let colour = points[0].attr("fill").unwrap();
    let lines = all(&page, ".reliability svg polyline, .reliability svg path, .reliability svg line");
    let own: Vec<&ElementRef> = lines.iter().filter(|line| line.attr("stroke") == Some(colour)).collect();
    assert_eq!(own.len(), 2);
    for line in own {
        let across: HashSet<&str> = line
            .attr("points")
            .unwrap()
            .split_whitespace()
            .map(|point| point.split(',').next().unwrap())
            .collect();
        assert_eq!(across.len(), 1, "{:?}", line.value());
    }
    // The numbers behind it are there as they are.
    assert_eq!(all(&page, "#confidence details tbody tr").len(), 6);
}

#[test]
fn few_images_are_one_point() {
    let page = parsed(&of_confidences(&[(0.55, 1), (0.62, 2), (0.9, 2)]).plain());
    assert_eq!(all(&page, ".reliability svg circle").len(), 1);
    assert!(text(all(&page, ".reliability svg desc")[0]).contains("1 point for 5 images"));
}

/// No label of an axis leaves its drawing, in the size that a phone shows it in.
fn nothing_is_clipped(page: &Html) {
    // `.plot text` of style.css, and the widest that digits and a percent sign are in common fonts.
    const SIZE: f64 = 15.0;
    const WIDEST: f64 = 0.64;
    let mut labels = 0;
    for drawing in all(page, ".plot svg") {
        let width = number(&drawing, "width");
        for label in drawing.select(&Selector::parse("text:not([transform])").unwrap()) {
            let words = text(label);
            let length = words.trim().chars().count() as f64 * SIZE * WIDEST;
            let before = match label.attr("text-anchor") {
                Some("middle") => length / 2.0,
                Some("end") => length,
                _ => 0.0,
            };
            let left = number(&label, "x") - before;
            // Axes: names on a map may lie over the edge, and are elsewhere too.
            if label
                .parent()
                .and_then(ElementRef::wrap)
                .is_some_and(|parent| parent.attr("class") == Some("names"))
            {
                continue;
            }
            labels += 1;
            assert!(
                left >= 0.0 && left + length <= width,
                "`{}` from {left} to {} of {width}",
                words.trim(),
                left + length
            );
        }
    }
    assert!(labels > 20, "{labels}");
}

#[test]
fn the_last_label_of_an_axis_is_whole_on_a_phone() {
    let mut material = Material::new(&numbered(3));
    nothing_is_clipped(&parsed(&material.plain()));
    material.history = (1..=2000).map(epoch).collect();
    nothing_is_clipped(&parsed(&material.plain()));
}

#[test]
fn a_name_on_the_map_does_not_hide_the_only_image_of_its_class() {
    let classes = 8;
    let probabilities =
        Array2::from_shape_fn((classes, classes), |(row, class)| if row == class { 0.9 } else { 0.1 / 7.0 });
    let labels: Vec<Option<usize>> = (0..classes).map(Some).collect();
    let page = parsed(&Material::of(&numbered(classes), &probabilities, &labels).plain());
    let drawing = all(&page, "#map figure svg")[0];
    let select = |selector: &str| drawing.select(&Selector::parse(selector).unwrap()).collect::<Vec<_>>();
    let (names, marks) = (select(".names text"), select(".points path"));
    // Every other image is on the map.
    assert_eq!((names.len(), marks.len()), (4, 4));
    for (name, mark) in names.iter().zip(&marks) {
        let path = mark.attr("d").unwrap();
        let place = path[1..].split(|c: char| c.is_alphabetic()).next().unwrap();
        let y: f64 = place.split_whitespace().nth(1).unwrap().parse().unwrap();
        let above = y - number(name, "y");
        assert!(above > 2.0 || number(name, "y") <= 14.0, "{above} above {place}");
    }
}
