//! What is said of copies: images that a figure should not be taken on, or not twice.
//!
//! They are found by [`headstart::dataset::Copies`]; this is how it is said.

use std::path::Path;

use headstart::cache::{Key, View};
use headstart::dataset::{Classes, Columns, Copies, shared};
use headstart::run::{ImageId, RunImages};

use super::console::{Console, count};
use super::source::Source;

/// Images with their names and classes, as far as they are labelled.
pub struct Looked<'a> {
    pub ids: &'a [(Key, View)],
    pub names: &'a [String],
    pub labels: &'a [Option<usize>],
    pub classes: &'a Classes,
}

/// What is done with copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// All are trained on or all are held out.
    HeldOutTogether,
    /// Each for itself, as version 0.1.0 held them out.
    HeldOutApart,
    /// All are trained on.
    TrainedOn,
    /// All are evaluated.
    Evaluated,
}

impl Looked<'_> {
    /// Say which images are copies of each other, and which of these contradict each other. Returns whether there was anything to say.
    pub fn tell(&self, used: Use, console: &Console) -> bool {
        let copies = Copies::of(self.ids);
        let repeated = copies.repeated();
        if repeated > 0 {
            let what = match used {
                Use::HeldOutTogether => "copies of an image are held out together or trained on together",
                Use::HeldOutApart => {
                    "held out as version 0.1.0 did, some are known from training, and the validation figures look better \
                     than they are"
                }
                Use::TrainedOn => "they count as often as they are there",
                Use::Evaluated => "figures count them as often as they are there",
            };
            let line = format!("{}: {what}", copies_of(repeated, copies.len()));
            match used {
                Use::HeldOutApart | Use::HeldOutTogether => console.warn(line),
                Use::TrainedOn | Use::Evaluated => console.note(line),
            }
        }
        self.tell_contradictions(&copies, console) || repeated > 0
    }

    fn tell_contradictions(&self, copies: &Copies, console: &Console) -> bool {
        // Where there is no label, there is nothing to contradict.
        let labelled: Vec<usize> = (0..self.labels.len()).filter(|&row| self.labels[row].is_some()).collect();
        let labels: Vec<Option<usize>> = labelled.iter().map(|&row| self.labels[row]).collect();
        let found = match labelled.len() == copies.len() {
            true => copies.contradictions(&labels),
            false => Copies::of(&labelled.iter().map(|&row| self.ids[row]).collect::<Vec<_>>())
                .contradictions(&labels),
        };
        let Some(example) = found.first() else { return false };
        let [first, second] = [example.first, example.second].map(|place| labelled[place]);
        let class = |row: usize| self.labels[row].map_or("", |class| self.classes.name(class));
        console.warn(format_args!(
            "{} with two labels: `{}` is `{}`, `{}` with the same content is `{}`; one of them is wrong",
            count(found.len(), "image"),
            self.names[first],
            class(first),
            self.names[second],
            class(second)
        ));
        true
    }
}

/// Say how to see them all.
pub fn tell_more<'a>(
    source: &Source,
    manifests: impl Iterator<Item = &'a Path>,
    columns: &Columns,
    console: &Console,
) {
    let command = source.command("cache duplicates", manifests, columns);
    console.note(format_args!("`{command}` lists them, and images that are nearly the same"));
}

/// `3 of 12 images are copies of others`
fn copies_of(copies: usize, images: usize) -> String {
    let verb = if copies == 1 { "is a copy of another" } else { "are copies of others" };
    format!("{copies} of {} {verb}", count(images, "image"))
}

/// Say which images are validated on though they are trained on. Returns whether there are any.
pub fn tell_validated(training: &[(Key, View)], validation: &[(Key, View)], console: &Console) -> bool {
    let known = shared(validation, training).len();
    let all = known == validation.len() && shared(training, validation).len() == training.len();
    match known {
        0 => return false,
        _ if all => console
            .warn("validating on the training images: the validation figures say nothing about other images"),
        _ => console.warn(format_args!(
            "{known} of {} are trained on too: the validation figures look better than they are",
            count(validation.len(), "validation image")
        )),
    }
    true
}

/// Say which of the images the run was trained or validated on. Returns whether it was trained on any.
pub fn tell_evaluated(run: &str, known: &RunImages, looked: &Looked, console: &Console) -> bool {
    let ids: Vec<ImageId> = looked.ids.iter().map(|(key, _)| key.into()).collect();
    let of = |images: &[(ImageId, usize)]| images.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    let (trained, validated) = (of(&known.training), of(&known.validation));
    let seen = shared(&ids, &trained);
    if !seen.is_empty() {
        let relabelled = seen.iter().filter(|&&(row, place)| {
            looked.labels[row].is_some_and(|label| label != known.training[place].1)
        });
        let relabelled = match relabelled.count() {
            0 => String::new(),
            n => format!("; {n} had another label there"),
        };
        console.warn(format_args!(
            "`{run}` was trained on {} of {}: the figures look better than they are{relabelled}",
            seen.len(),
            count(ids.len(), "image")
        ));
    }
    let unseen = seen.iter().map(|&(row, _)| row).collect::<std::collections::HashSet<_>>();
    let validated = shared(&ids, &validated).into_iter().filter(|(row, _)| !unseen.contains(row)).count();
    if validated > 0 {
        console.note(format_args!(
            "`{run}` was validated on {validated} of {} while it was trained",
            count(ids.len(), "image")
        ));
    }
    !seen.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_copy_is_not_many() {
        assert_eq!(copies_of(1, 12), "1 of 12 images is a copy of another");
        assert_eq!(copies_of(3, 12), "3 of 12 images are copies of others");
    }
}
