use super::*;

/// Groups of rows around corners that lie far apart, with a little noise that has no pattern.
fn groups(rows: usize, columns: usize, groups: usize) -> Array2<f32> {
    let noise = |row: usize, column: usize| {
        let of = |number: usize, factor: u64| (number as u64 + 1).wrapping_mul(factor);
        let mixed = of(row, 0x9E37_79B9_7F4A_7C15) ^ of(column, 0xD1B5_4A32_D192_ED03);
        let drawn = mixed.rotate_left(31).wrapping_mul(0x94D0_49BB_1331_11EB) >> 40;
        drawn as f32 / (1 << 24) as f32 - 0.5
    };
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        noise(row, column) + if column % groups == row % groups { 4.0 } else { 0.0 }
    })
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The part of the rows whose nearest neighbour on the map is of the same group.
fn kept(places: &[[f64; 2]], groups: usize) -> f64 {
    let nearest = |row: usize| {
        let others = (0..places.len()).filter(|&other| other != row);
        others.min_by(|&a, &b| distance(places[row], places[a]).total_cmp(&distance(places[row], places[b])))
    };
    let hits =
        (0..places.len()).filter(|&row| nearest(row).is_some_and(|other| other % groups == row % groups));
    hits.count() as f64 / places.len() as f64
}

#[test]
fn groups_stay_together_on_both_maps_and_each_time() {
    let features = groups(120, 60, 3);
    let maps = Maps::of(features.clone()).unwrap();
    assert_eq!(maps.pca.len(), 120);
    assert!(kept(&maps.pca, 3) > 0.98, "{}", kept(&maps.pca, 3));
    let tsne = maps.tsne.as_ref().unwrap();
    assert!(kept(tsne, 3) > 0.98, "{}", kept(tsne, 3));
    // Three corners lie in a plane: two directions have nearly everything, each as much as the other.
    let [first, second] = maps.explained;
    assert!(first >= second && second > 0.4 && first + second < 1.0, "{first} {second}");
    assert_eq!(maps, Maps::of(features).unwrap());
}

#[test]
fn the_components_are_those_of_the_covariance() {
    // Four columns of which the second follows the first: standardised, the correlation matrix has the eigenvalues
    // 1 + r and 1 - r, and the uncorrelated others their own.
    let features = Array2::from_shape_fn((400, 2), |(row, column)| {
        let (a, b) = ((row as f32 * 0.7).sin(), (row as f32 * 1.3).cos());
        if column == 0 { a } else { a + b }
    });
    let mut standardised = features.clone();
    Standardiser::of(&features).apply(&mut standardised);
    let columns = standardised.mapv(f64::from);
    let r = columns.column(0).dot(&columns.column(1)) / 400.0;
    let maps = Maps::of(features).unwrap();
    // Computed by an iteration that ends at about this.
    assert!((maps.explained[0] - (1.0 + r) / 2.0).abs() < 1e-6, "{:?} {r}", maps.explained);
    assert!((maps.explained[1] - (1.0 - r) / 2.0).abs() < 1e-6, "{:?} {r}", maps.explained);
    for (row, place) in maps.pca.iter().enumerate() {
        let sum = (columns[(row, 0)] + columns[(row, 1)]) / 2f64.sqrt();
        assert!((place[0].abs() - sum.abs()).abs() < 1e-5, "row {row}: {place:?} {sum}");
    }
}

#[test]
fn hardly_any_rows_and_rows_that_are_alike_have_maps_too() {
    for rows in [1, 2, 3, 7, 8, 9, 20, 60] {
        let maps = Maps::of(groups(rows, 100, 2)).unwrap_or_else(|error| panic!("{rows} rows: {error:?}"));
        assert_eq!(maps.pca.len(), rows);
        assert!(maps.pca.iter().flatten().all(|value| value.is_finite()));
        assert_eq!(maps.tsne.is_some(), rows >= Maps::FEWEST, "{rows}");
    }
    let alike = Maps::of(Array2::from_elem((30, 16), 0.3)).unwrap();
    assert_eq!(alike.explained, [0.0, 0.0]);
    assert!(alike.pca.iter().all(|place| *place == [0.0, 0.0]));
    // Two kinds of rows, each many times over.
    let twins = Maps::of(Array2::from_shape_fn((40, 16), |(row, column)| (row % 2 * column) as f32)).unwrap();
    assert!(twins.pca.iter().flatten().all(|value| value.is_finite()));
    assert!((twins.explained[0] - 1.0).abs() < 1e-6, "{:?}", twins.explained);
    // A single column, and none at all.
    assert!(Maps::of(groups(20, 1, 2)).unwrap().tsne.is_none());
    assert_eq!(Maps::of(Array2::zeros((0, 5))).unwrap().pca, Vec::<[f64; 2]>::new());
}

#[test]
fn what_cannot_be_placed_is_named() {
    let mut features = groups(20, 10, 2);
    features[(7, 3)] = f32::NAN;
    assert!(matches!(Maps::of(features), Err(Error::NotFinite { row: 7 })));
}
