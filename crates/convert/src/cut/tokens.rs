//! Transformers that end in one vector for each patch of the image.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::error::{Error, Result};
use headstart_backbone::meaning::follow::Sources;
use headstart_backbone::meaning::linear::{Linear, Order};
use headstart_onnx::{Graph, Node, Walk};

/// How the tokens of a transformer become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// The class token, the first of all.
    Cls,
    /// The mean of the patches' tokens; those that the network was given beside the image are left out.
    Mean,
}

impl FromStr for Pool {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        match text {
            "cls" => Ok(Self::Cls),
            "mean" => Ok(Self::Mean),
            _ => Err("expected `cls` or `mean`"),
        }
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cls => "cls",
            Self::Mean => "mean",
        })
    }
}

/// What a graph tells about the tokens that it puts beside those of the patches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tokens {
    /// Tensors `(1, k, d)` of tokens that depend on no image: class tokens, registers.
    pub(super) learned: Vec<String>,
}

impl Tokens {
    pub(super) fn of(walk: &Walk<'_>, graph: &Graph) -> Self {
        let joins = graph.node.iter().filter(|node| joins_tokens(node));
        // Whatever is put after the patches, too, is none of them; but nobody does, and then it is not the class token.
        let lists = joins.filter(|node| node.input.last().is_some_and(|last| !is_learned(walk, last)));
        let learned = lists.flat_map(|node| &node.input).filter(|name| is_learned(walk, name));
        Self { learned: learned.cloned().collect() }
    }

    /// How `count` tokens, the first `learned` of them not the image's, become one vector: as was told, or in the only way
    /// that there is.
    pub(super) fn pool(tensor: &str, told: Option<Pool>, learned: usize, count: usize) -> Result<Places> {
        let tensor = tensor.to_owned();
        match told {
            Some(Pool::Cls) if learned == 0 => Err(Error::NoClassToken { tensor }),
            Some(Pool::Cls) => Ok(Places::FirstToken),
            Some(Pool::Mean) => Ok(Places::Tokens { skip: learned }),
            // With a class token that was overlooked the others would not fill a square.
            None if learned == 0 && count.isqrt().pow(2) == count => Ok(Places::Tokens { skip: 0 }),
            None => Err(Error::Tokens { tensor, count }),
        }
    }
}

/// Several places that one vector is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Places {
    /// The mean of a map `(n, d, h, w)` or `(n, h, w, d)`.
    Map(headstart_image::recipe::Layout),
    /// The first of `(n, tokens, d)`.
    FirstToken,
    /// The mean of `(n, tokens, d)` without the first few.
    Tokens { skip: usize },
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(layout) => write!(f, "the map ({layout}) is averaged over its places"),
            Self::FirstToken => f.write_str("the class token is taken, the first of all"),
            Self::Tokens { skip: 0 } => f.write_str("the tokens are averaged"),
            Self::Tokens { skip: 1 } => {
                f.write_str("the tokens are averaged without the first, the class token")
            }
            Self::Tokens { skip } => {
                write!(f, "the tokens are averaged without the first {skip}, which are not the image's")
            }
        }
    }
}

/// Whether `tensor`, of rank three, can be `(n, tokens, d)`: the last of its trained layers is a product with a matrix, which works
/// on the last axis as no convolution does. (What the patches began as, a convolution, is added to it.)
pub(super) fn are_tokens(walk: &Walk<'_>, tensor: &str) -> bool {
    let sources = Sources::of(walk, tensor);
    let on_last_axis =
        |node: &&Node| Linear::of(walk, node).is_some_and(|linear| linear.order == Order::FeaturesFirst);
    !sources.unknown && sources.detection.is_none() && sources.mixing.iter().any(on_last_axis)
}

fn joins_tokens(node: &Node) -> bool {
    node.op_type() == "Concat" && node.attribute("axis").is_some_and(|axis| matches!(axis.i(), 1 | -2))
}

/// Whether `name` is a constant, perhaps repeated for each image.
fn is_learned(walk: &Walk<'_>, name: &str) -> bool {
    let mut at = name;
    // No chain of such nodes is longer, and a cycle would not end.
    for _ in 0..16 {
        if walk.is_constant(at) {
            return true;
        }
        let repeats = |node: &&Node| matches!(node.op_type(), "Expand" | "Tile" | "Identity" | "Cast");
        let Some(node) = walk.producer(at).filter(repeats) else { return false };
        let Some(input) = node.input.first() else { return false };
        at = input;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use headstart_onnx::{Attribute, Tensor};

    #[test]
    fn a_class_token_is_one_that_no_image_changes() {
        let axis = |axis| vec![Attribute::int("axis", axis)];
        let graph = Graph {
            node: vec![
                Node::new("Expand", &["cls", "batch"], "repeated", vec![]),
                Node::new("Concat", &["repeated", "patches"], "tokens", axis(1)),
                Node::new("Slice", &["tokens", "from"], "first", vec![]),
                Node::new("Concat", &["first", "registers", "tokens"], "more", axis(-2)),
                Node::new("Concat", &["cls", "patches"], "wider", axis(2)),
                Node::new("Concat", &["patches", "cls"], "after", axis(1)),
            ],
            initializer: ["cls", "registers"]
                .map(|name| Tensor::from_f32(name, &[1, 1, 2], &[0.0; 2]))
                .to_vec(),
            ..Graph::default()
        };
        let walk = Walk::new(&graph);
        assert_eq!(Tokens::of(&walk, &graph).learned, ["repeated", "registers"]);
    }

    #[test]
    fn what_is_not_known_is_asked_for() {
        let pool = |told, learned, count| Tokens::pool("t", told, learned, count);
        assert!(matches!(pool(None, 1, 197), Err(Error::Tokens { count: 197, .. })));
        assert!(matches!(pool(None, 0, 197), Err(Error::Tokens { .. })), "one too many for a square");
        assert_eq!(pool(None, 0, 196).unwrap(), Places::Tokens { skip: 0 });
        assert_eq!(pool(Some(Pool::Mean), 5, 201).unwrap(), Places::Tokens { skip: 5 });
        assert_eq!(pool(Some(Pool::Cls), 1, 197).unwrap(), Places::FirstToken);
        assert!(matches!(pool(Some(Pool::Cls), 0, 196), Err(Error::NoClassToken { .. })));
    }
}
