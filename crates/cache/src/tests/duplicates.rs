//! What is there more than once is found, all of it and nothing else.

use super::*;

/// A store with one row for each of these; `rows[i]` is of key `i`.
fn store_of(root: &Path, rows: &Array2<f32>) -> Store {
    let mut store = store_at(root, rows.ncols());
    let ids: Vec<_> = (0..rows.nrows() as u32).map(|i| (Key::of(&i.to_le_bytes()), 0)).collect();
    let mut writer = store.writer(Provenance::default()).unwrap();
    writer.append(&ids, rows.view()).unwrap();
    writer.close().unwrap();
    store.refresh().unwrap();
    store
}

fn ids_of(keys: &[u32]) -> Vec<(Key, View)> {
    keys.iter().map(|i| (Key::of(&i.to_le_bytes()), 0)).collect()
}

/// `a-b identical cosine group`, a line for each pair.
fn found(store: &Store, keys: &[u32], parts: &[usize], threshold: f32) -> Vec<String> {
    let ids = ids_of(keys);
    let pairs = duplicates(&store.select(&ids).unwrap(), parts, threshold, |_| {}).unwrap();
    let line = |p: &Pair| format!("{}-{} {} {:.2} {}", p.a, p.b, p.identical, p.cosine, p.group);
    pairs.iter().map(line).collect()
}

#[test]
fn identical_files_are_paired_with_the_first_of_their_part() {
    let root = tempfile::tempdir().unwrap();
    let store = store_of(root.path(), &Array2::eye(4));
    // Key 0 three times in training and twice in test; key 2 in both; the others once.
    let (keys, parts) = ([0, 1, 0, 2, 0, 0, 2, 0, 3], [0, 0, 0, 0, 0, 1, 1, 1, 1]);
    let want =
        ["0-2 true 1.00 0", "0-4 true 1.00 0", "0-5 true 1.00 0", "3-6 true 1.00 1", "5-7 true 1.00 0"];
    assert_eq!(found(&store, &keys, &parts, 0.9), want);
}

#[test]
fn near_ones_go_by_the_angle_alone() {
    let root = tempfile::tempdir().unwrap();
    // Lengths from 1e-3 to 1e4; the last is nothing, and like nothing.
    let rows = ndarray::array![[1.0, 0.0], [1e4, 1e3], [6e-4, 8e-4], [0.0, 2.0], [0.0, 0.0]];
    let store = store_of(root.path(), &rows);
    let all = [0, 1, 2, 3, 4];
    assert_eq!(found(&store, &all, &[0; 5], 0.9), ["0-1 false 1.00 0"]);
    // cos(0,1) = 1/sqrt(1.01) = 0.995, (2,3) = 0.8, (1,2) = 0.68/sqrt(1.01) = 0.677, (0,2) = 0.6.
    let want = ["0-1 false 1.00 0", "2-3 false 0.80 0", "1-2 false 0.68 0"];
    assert_eq!(found(&store, &all, &[0; 5], 0.65), want, "all hang together");
    assert_eq!(found(&store, &all, &[0; 5], 0.7)[1], "2-3 false 0.80 1");
    // Copies stand in each part for their image.
    let want = ["0-2 true 1.00 0", "0-1 false 1.00 0", "1-2 false 1.00 0"];
    assert_eq!(found(&store, &[0, 1, 0], &[0, 0, 1], 0.9), want);
}

#[test]
fn blocks_leave_no_pair_out() {
    let root = tempfile::tempdir().unwrap();
    let (n, dim) = (1300, 8);
    let mut seed = 1_u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let rows = Array2::from_shape_simple_fn((n, dim), &mut random);
    let store = store_of(root.path(), &rows);
    let keys: Vec<u32> = (0..n as u32).collect();
    let mut done = vec![];
    let ids = ids_of(&keys);
    let pairs = duplicates(&store.select(&ids).unwrap(), &vec![0; n], 0.9, |p| done.push(p)).unwrap();
    let mut found: Vec<_> = pairs.iter().map(|pair| (pair.a, pair.b)).collect();
    found.sort_unstable();
    let cosine = |a: usize, b: usize| {
        let (a, b) = (rows.row(a).mapv(f64::from), rows.row(b).mapv(f64::from));
        a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
    };
    let all = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
    let want: Vec<_> = all.filter(|&(a, b)| cosine(a, b) >= 0.9).collect();
    assert_eq!(found, want);
    assert!(want.len() > 100, "{}: the test says little", want.len());
    assert!(pairs.iter().all(|pair| (f64::from(pair.cosine) - cosine(pair.a, pair.b)).abs() < 1e-6));
    assert_eq!(
        done.last().map(|p| (p.done, p.total)),
        Some((6, 6)),
        "three blocks, each with those from it on"
    );
}

#[test]
fn a_threshold_that_says_nothing_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let store = store_of(root.path(), &Array2::ones((4600, 1)));
    let ids = ids_of(&(0..4600).collect::<Vec<_>>());
    let selection = store.select(&ids).unwrap();
    let error = duplicates(&selection, &[0; 4600], 0.5, |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "more than 10000000 pairs have a cosine of 0.5 or more");
}

#[test]
fn leaks_are_the_duplicates_across_parts_without_the_work_within_them() {
    let root = tempfile::tempdir().unwrap();
    let n = 1400;
    // Neighbours lie 1° apart, so each row is near those next to it.
    let at = |(row, column): (usize, usize)| {
        let angle = (row as f32).to_radians();
        if column == 0 { angle.cos() } else { angle.sin() }
    };
    let store = store_of(root.path(), &Array2::from_shape_fn((n, 2), at));
    let mut keys: Vec<u32> = (0..n as u32).collect();
    // The same file in both parts, and its neighbours, which are near its copy.
    keys[1300] = 10;
    let parts: Vec<usize> = (0..n).map(|row| usize::from(row >= 700)).collect();
    let ids = ids_of(&keys);
    let selection = store.select(&ids).unwrap();
    let mut last = None;
    let found = leaks(&selection, &parts, 0.99999, |progress| last = Some(progress)).unwrap();
    let mut expected = duplicates(&selection, &parts, 0.99999, |_| {}).unwrap();
    expected.retain(|pair| parts[pair.a] != parts[pair.b]);
    let ends = |pairs: &[Pair]| pairs.iter().map(|pair| (pair.a, pair.b, pair.identical)).collect::<Vec<_>>();
    assert_eq!(ends(&found), ends(&expected));
    assert_eq!((found[0].a, found[0].b, found[0].identical), (10, 1300, true));
    assert!(found.len() > 500, "{} pairs say little", found.len());
    assert_eq!(found[0].group, 0, "groups are counted from those that are left");
    let last = last.unwrap();
    assert_eq!(last.done, last.total);
    assert!(leaks(&selection, &vec![0; n], 0.9, |_| {}).unwrap().is_empty());
}
