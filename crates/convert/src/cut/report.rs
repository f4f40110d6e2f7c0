//! A cut, told to people.

use std::fmt;

use super::{Cut, Removed};
use headstart_base::text::grouped;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} features an image", self.output.display(), grouped(self.feature_size as u64))?;
        let mut fact = |name: &str, fact: &dyn fmt::Display| writeln!(f, "  {name:<9} {fact}");
        fact("features", &format_args!("`{}`: {}", self.tensor, self.reason))?;
        for note in &self.notes {
            fact("note", note)?;
        }
        let Removed { nodes, parameters } = self.removed;
        let nodes = if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") };
        let removed = format!("{nodes} with {} weights: all that follows the features", grouped(parameters));
        fact("removed", &removed)?;
        fact("input", &format_args!("`{}` {}", self.input, self.input_shape))?;
        match (&self.recipe, &self.guess) {
            (Some(recipe), None) => fact("recipe", recipe)?,
            (Some(recipe), Some(guess)) => {
                fact("recipe", recipe)?;
                fact("guessed", guess)?;
            }
            (None, Some(guess)) => {
                fact("recipe", &format_args!("unknown, so not in the file; perhaps {guess}"))?
            }
            (None, None) => fact("recipe", &"unknown, so not in the file")?,
        }
        if !self.labels.is_empty() {
            fact("labels", &format_args!("{}, from `{}` on", self.labels.len(), self.labels[0]))?;
        }
        self.proof.fmt(f)
    }
}

impl fmt::Display for super::Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "proof, on {} images ({}), by {}:",
            self.images.len(),
            self.images.join(", "),
            self.runtime
        )?;
        let [low, high] = self.range;
        writeln!(f, "  {} finite features an image, from {low:.3} to {high:.3}", grouped(self.size as u64))?;
        writeln!(f, "  as in the whole network: off by {} at most", self.original)?;
        writeln!(f, "  alone as among others: off by {} at most", self.batch)?;
        let super::Measured { value, bound } = self.apart;
        writeln!(f, "  the two images most alike differ by {value:.1e} (more than {bound:.1e})")?;
        match &self.scores {
            Some(scores) => {
                write!(f, "  W·features + b is the network's own score: off by {scores} at most")?
            }
            None => write!(f, "  no classifier reads them, so there are no scores to compare")?,
        }
        if let Some(output) = &self.output {
            write!(f, "\n  and gives the network's own output: off by {output} at most")?;
        }
        Ok(())
    }
}
