//! Which layer follows which.

use std::cmp::Ordering;

use super::layers::Layer;
use super::{ImportError, ImportOptions};
use headstart_base::text::listed;

/// More are not tried in all orders; that of their names must do then.
const MOST_TO_TRY: usize = 8;

/// The layers in the order in which they are applied.
pub(super) fn order(mut layers: Vec<Layer>, options: &ImportOptions) -> Result<Vec<Layer>, ImportError> {
    let asked = !options.layers.is_empty();
    if !asked {
        layers.sort_by(|a, b| by_number(&a.name, &b.name));
    }
    let as_they_are: Vec<usize> = (0..layers.len()).collect();
    if leads(&layers, &as_they_are, options) {
        return Ok(layers);
    }
    let mut found = vec![];
    if !asked && layers.len() <= MOST_TO_TRY {
        search(&layers, options, &mut vec![], &mut found);
    }
    match found.as_slice() {
        [] => Err(ImportError::NoChain {
            inputs: options.inputs,
            classes: options.classes,
            found: told(&layers),
        }),
        [only] => Ok(only.iter().map(|&index| layers[index].clone()).collect()),
        _ => Err(ImportError::OrderUnknown { found: told(&layers) }),
    }
}

/// Whether these lead from the features to the classes.
fn leads(layers: &[Layer], order: &[usize], options: &ImportOptions) -> bool {
    let mut size = options.inputs;
    for &index in order {
        if layers[index].inputs() != size {
            return false;
        }
        size = layers[index].units();
    }
    size == options.classes || (size == 1 && options.classes == 2)
}

/// Orders of all layers that lead to the classes, two at most.
fn search(layers: &[Layer], options: &ImportOptions, taken: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
    if taken.len() == layers.len() && leads(layers, taken, options) {
        found.push(taken.clone());
    }
    let size = taken.last().map_or(options.inputs, |&index| layers[index].units());
    for index in 0..layers.len() {
        if found.len() < 2 && !taken.contains(&index) && layers[index].inputs() == size {
            taken.push(index);
            search(layers, options, taken, found);
            taken.pop();
        }
    }
}

fn told(layers: &[Layer]) -> String {
    let one = |layer: &Layer| format!("{}: {} to {}", layer.name, layer.inputs(), layer.units());
    listed(&layers.iter().map(one).collect::<Vec<_>>())
}

/// By their words, and by numbers where both have one: `dense`, `dense_2`, `dense_10`.
fn by_number(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let ((word_a, number_a, rest_a), (word_b, number_b, rest_b)) = (step(a), step(b));
        let order = word_a.cmp(word_b).then(number_a.cmp(&number_b));
        if order.is_ne() || (rest_a.is_empty() && rest_b.is_empty()) {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

/// What stands before the first number, the number, and what comes behind it.
fn step(name: &str) -> (&str, Option<u64>, &str) {
    let start = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
    let (word, rest) = name.split_at(start);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    (word, digits.parse().ok(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_in_order_by_their_numbers() {
        let mut names = ["dense_10", "dense", "a.3.b", "dense_2", "a.3", "a.12.b", "0", "3"];
        names.sort_by(|a, b| by_number(a, b));
        // `dense` is the first that Keras makes, `dense_1` the second.
        assert_eq!(names, ["0", "3", "a.3", "a.3.b", "a.12.b", "dense", "dense_2", "dense_10"]);
    }
}
