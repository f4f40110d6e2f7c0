//! What is said of copies: images that a figure should not be taken on, or not twice.
//!
//! [`Copies`] finds them; this is how it is said.

use std::collections::HashSet;

use headstart_base::text::counted;
use headstart_evaluate::{Copies, shared};

use super::Samples;
use crate::Control;
use crate::dataset::Classes;
use crate::run::{ImageId, RunImages};

/// What is done with copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseOfCopies {
    /// All are trained on or all are held out.
    HeldOutTogether,
    /// Each for itself, as version 0.1.0 held them out.
    HeldOutApart,
    /// All are trained on.
    TrainedOn,
    /// All are evaluated.
    Evaluated,
}

impl UseOfCopies {
    fn words(self) -> &'static str {
        match self {
            Self::HeldOutTogether => "copies of an image are held out together or trained on together",
            Self::HeldOutApart => {
                "they are held out as in version 0.1.0: some are copies of training images, so the validation figures look \
                 better than they are"
            }
            Self::TrainedOn => "each copy counts in training",
            Self::Evaluated => "the figures count each copy",
        }
    }
}

impl Samples {
    /// Say which of them are copies of each other, and which of these contradict each other. Returns whether there was anything
    /// to say.
    pub fn tell_copies(&self, used: UseOfCopies, classes: &Classes, control: &mut Control<'_>) -> bool {
        let copies = Copies::of(&self.ids());
        let repeated = copies.repeated();
        if repeated > 0 {
            let line = format!("{}: {}", copies_of(repeated, copies.len()), used.words());
            match used {
                UseOfCopies::HeldOutApart | UseOfCopies::HeldOutTogether => control.warn(line),
                UseOfCopies::TrainedOn | UseOfCopies::Evaluated => control.note(line),
            }
        }
        self.tell_contradictions(classes, control) || repeated > 0
    }

    fn tell_contradictions(&self, classes: &Classes, control: &mut Control<'_>) -> bool {
        // Where there is no label, there is nothing to contradict.
        let labelled: Vec<usize> = (0..self.len()).filter(|&place| self.get(place).label.is_some()).collect();
        let labelled = self.at(&labelled);
        let found = Copies::of(&labelled.ids()).contradictions(&labelled.labels());
        let Some(example) = found.first() else { return false };
        let [first, second] = [example.first, example.second].map(|place| labelled.get(place));
        let class = |label: Option<usize>| label.map_or("", |label| classes.name(label));
        control.warn(format_args!(
            "{} with two labels: `{}` is `{}`, `{}` with the same content is `{}`; one of them is wrong",
            images(found.len()),
            first.path,
            class(first.label),
            second.path,
            class(second.label)
        ));
        true
    }

    /// Say which of them are validated on though they are trained on. Returns whether there are any.
    pub(super) fn tell_trained_on(&self, training: &Self, control: &mut Control<'_>) -> bool {
        let (mine, theirs) = (self.ids(), training.ids());
        let known = shared(&mine, &theirs).len();
        let all = known == mine.len() && shared(&theirs, &mine).len() == theirs.len();
        match known {
            0 => return false,
            _ if all => control.warn(
                "validating on the training images: the validation figures say nothing about other images",
            ),
            _ => control.warn(format_args!(
                "{known} of {} are trained on too: the validation figures look better than they are",
                counted(mine.len() as u64, "validation image")
            )),
        }
        true
    }

    /// Say which of them a run was trained or validated on. Returns whether it was trained on any.
    pub(super) fn tell_known(&self, run: &str, known: &RunImages, control: &mut Control<'_>) -> bool {
        let ids: Vec<ImageId> = self.iter().map(|sample| (&sample.key).into()).collect();
        let of = |images: &[(ImageId, usize)]| images.iter().map(|(id, _)| *id).collect::<Vec<_>>();
        let (trained, validated) = (of(&known.training), of(&known.validation));
        let seen = shared(&ids, &trained);
        if !seen.is_empty() {
            let is_other = |&&(place, there): &&(usize, usize)| {
                self.get(place).label.is_some_and(|label| label != known.training[there].1)
            };
            let relabelled = match seen.iter().filter(is_other).count() {
                0 => String::new(),
                n => format!("; {n} had another label there"),
            };
            control.warn(format_args!(
                "`{run}` was trained on {} of {}: the figures look better than they are{relabelled}",
                seen.len(),
                images(ids.len())
            ));
        }
        let is_seen = seen.iter().map(|&(place, _)| place).collect::<HashSet<_>>();
        let validated =
            shared(&ids, &validated).into_iter().filter(|(place, _)| !is_seen.contains(place)).count();
        if validated > 0 {
            control.note(format_args!(
                "`{run}` was validated on {validated} of {} while it was trained",
                images(ids.len())
            ));
        }
        !seen.is_empty()
    }
}

fn images(n: usize) -> String {
    counted(n as u64, "image")
}

/// `3 of 12 images are copies of others`
fn copies_of(copies: usize, all: usize) -> String {
    let verb = if copies == 1 { "is a copy of another" } else { "are copies of others" };
    format!("{copies} of {} {verb}", images(all))
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
