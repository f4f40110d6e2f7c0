//! The classes and how many images each has, in a line.

use headstart_base::text::{counted, grouped};

use crate::dataset::Classes;

/// Classes that are named; of more, the largest and the smallest are.
const SHOWN: usize = 12;
/// Characters of a name.
const LONGEST: usize = 30;

/// Such as `2 classes: box 6, disc 6`. `labels` are places among the classes.
pub(super) fn class_counts(classes: &Classes, labels: &[usize]) -> String {
    let mut counts = vec![0_u64; classes.len()];
    labels.iter().for_each(|&label| counts[label] += 1);
    let told = |class: usize| format!("{} {}", short(classes.name(class)), grouped(counts[class]));
    let all = counted(classes.len() as u64, "class");
    if classes.len() <= SHOWN {
        let each: Vec<String> = (0..classes.len()).map(told).collect();
        return format!("{all}: {}", each.join(", "));
    }
    let first: Vec<String> = (0..SHOWN / 2).map(told).collect();
    // Of equal ones the first.
    let smallest = (0..classes.len()).min_by_key(|&class| counts[class]).expect("there are many");
    let largest = (0..classes.len()).rev().max_by_key(|&class| counts[class]).expect("there are many");
    let more = grouped((classes.len() - first.len()) as u64);
    format!("{all}: {} and {more} more; from {} to {}", first.join(", "), told(smallest), told(largest))
}

fn short(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_named_and_many_are_shortened() {
        let few = Classes::new(["box", "disc"]).unwrap();
        assert_eq!(class_counts(&few, &[0, 1, 1]), "2 classes: box 1, disc 2");
        let many = Classes::new((0..1000).map(|n| format!("class{n:04}"))).unwrap();
        let mut labels: Vec<usize> = (0..1000).chain(0..1000).collect();
        labels.retain(|&label| label != 700);
        labels.extend([700, 8]);
        assert_eq!(
            class_counts(&many, &labels),
            "1,000 classes: class0000 2, class0001 2, class0002 2, class0003 2, class0004 2, class0005 2 and 994 more; \
             from class0700 1 to class0008 3"
        );
        let long = Classes::new(["é".repeat(500), "x".into()]).unwrap();
        assert_eq!(class_counts(&long, &[0]), format!("2 classes: {}… 1, x 0", "é".repeat(29)));
    }
}
