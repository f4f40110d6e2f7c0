//! Bringing a graph to another version of ONNX's operators.
//!
//! That is more than a number: a node must mean the same in both versions. For each operator that image networks are made of, this
//! module knows from which version on it does (`known`), which of its attributes became inputs (`moved`), and what else to write in another
//! way (`special`); an operator that it does not know is refused.
//!
//! # Source
//! The changes that ONNX lists for each operator, in `Changelog.md` of its releases.

mod known;
mod moved;
mod special;
#[cfg(test)]
mod tests;

use super::build::ir_version_of;
use super::error::{Error, Result};
use super::proto::{Model, Node};

/// What can be asked for: 13 is read by runtimes since 2020, and 21 is the last whose format (IR version 10) they all know.
pub const OPSETS: std::ops::RangeInclusive<i64> = 13..=21;

/// Before it sums and products told along which axis they repeat the smaller of two tensors.
const OLDEST: i64 = 7;

/// Let `model` use the operators of version `asked`, one of [`OPSETS`], up or down; it computes what it computed.
///
/// # Errors
/// [`Error::Opset`], which names the operator that would mean something else, or that is not known; `model` is then neither.
pub fn bring_to_opset(model: &mut Model, asked: i64) -> Result<()> {
    let found = model.opset();
    bring(model, found, asked).map_err(|why| Error::Opset { found, asked, why })
}

/// That `model` may use what `least` brought; `what` needs it.
pub fn at_least(model: &Model, least: i64, what: &str) -> Result<()> {
    match model.opset() {
        found if found < least => {
            Err(Error::Opset { found, asked: least, why: format!("{what} needs {least}") })
        }
        _ => Ok(()),
    }
}

fn bring(model: &mut Model, found: i64, asked: i64) -> std::result::Result<(), String> {
    if !OPSETS.contains(&asked) {
        return Err(format!("possible are {} to {}", OPSETS.start(), OPSETS.end()));
    }
    if asked == found {
        return Ok(());
    }
    if found < OLDEST {
        return Err(format!("{OLDEST} is the oldest whose operators are known here"));
    }
    if !model.functions.is_empty() {
        return Err("it has functions of its own".into());
    }
    let Some(graph) = model.graph.as_mut() else { return Ok(()) };
    let own = |node: &&mut Node| matches!(node.domain(), "" | "ai.onnx");
    graph.node.iter_mut().filter(own).try_for_each(|node| known::check(node, found.min(asked)))?;
    special::bring(graph, found, asked)?;
    moved::bring(graph, found, asked)?;
    graph.drop_unused();
    for set in model.opset_import.iter_mut().filter(|set| matches!(set.domain(), "" | "ai.onnx")) {
        set.version = Some(asked);
    }
    model.ir_version = Some(ir_version_of(asked));
    Ok(())
}
