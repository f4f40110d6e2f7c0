//! Strides moved up to where a map is made, so that no place of it is computed which nothing reads.
//!
//! A 1x1 convolution of stride 2 reads a quarter of the places of its map. Keras' ResNet50 begins its stages with them, and
//! throws three quarters away of what the last block of the stage before gives. With the stride in the convolutions that make
//! the map, what is read is the same and what is not read is not computed:
//!
//! ```text
//! Conv 3x3 ─ Relu ─ Conv 1x1 ─ Add ─ Relu ─┬─ Conv 1x1 /2        Conv 3x3 /2 ─ Relu ─ Conv 1x1 ─ Add ─ Relu ─┬─ Conv 1x1
//!           shortcut ──────────┘           └─ Conv 1x1 /2                shortcut ─ MaxPool 1x1 /2 ─┘        └─ Conv 1x1
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::names::fresh;
use super::proto::{Attribute, Graph, Node};
use super::walk::Walk;
use super::window::{Padding, Window};

/// How many nodes are looked at from a map to what makes it. Networks have a handful; a file could have a million.
const FARTHEST: usize = 64;

/// Move every stride up as far as it goes; whether any moved.
///
/// The graph's outputs are what they were. Maps inside keep their names and lose places, so what the graph says of their
/// shapes goes. Weights are not looked at, and may be elsewhere.
pub fn move_strides(graph: &mut Graph) -> bool {
    let mut moved = false;
    while let Some(step) = Step::find(graph) {
        step.take(graph);
        moved = true;
    }
    if moved {
        graph.value_info.clear();
    }
    moved
}

/// Whether [`move_strides`] would do anything.
pub fn can_move_strides(graph: &Graph) -> bool {
    Step::find(graph).is_some()
}

/// One map that is read only at every so many places, and what has to be done for it to have no others. Nodes by their places in
/// the graph.
#[derive(Debug, Default)]
struct Step {
    strides: [usize; 2],
    /// Those that read it, and have a stride of 1 afterwards.
    readers: Vec<usize>,
    /// Those that make it, and the strides that they have afterwards.
    makers: BTreeMap<usize, [usize; 2]>,
    /// Maps on the way that others read too: a node is given every so many places of an input of its.
    thinned: BTreeSet<(usize, String)>,
}

impl Step {
    fn find(graph: &Graph) -> Option<Self> {
        let walk = Walk::new(graph);
        (graph.node.iter().rev().flat_map(|node| node.output.first()))
            .find_map(|map| Self::of(map, graph, &walk))
    }

    fn of(map: &str, graph: &Graph, walk: &Walk<'_>) -> Option<Self> {
        let strides = picked(walk.consumers(map).next()?, map, walk)?;
        let agree = walk.consumers(map).all(|reader| picked(reader, map, walk) == Some(strides));
        if !agree || is_output(graph, map) {
            return None;
        }
        let place = |node: &Node| graph.node.iter().position(|other| std::ptr::eq(other, node));
        let readers = walk.consumers(map).filter_map(place).collect();
        let mut step = Self { strides, readers, ..Self::default() };
        step.up(map, FARTHEST, graph, walk)?;
        // To thin a map out is work, and saves none by itself.
        (!step.makers.is_empty()).then_some(step)
    }

    /// Have `map`, which nothing else needs whole, made without the places that are not read; by nodes so many behind the
    /// first at most. `None` if that cannot be.
    fn up(&mut self, map: &str, nodes: usize, graph: &Graph, walk: &Walk<'_>) -> Option<()> {
        let (node, nodes) = (walk.producer(map)?, nodes.checked_sub(1)?);
        let place = graph.node.iter().position(|other| std::ptr::eq(other, node))?;
        if node.op_type() == "Conv" {
            let together = self.together(node)?;
            // `Same` padding is another one for another stride.
            let told = matches!(together.padding, Padding::Told { .. });
            return (told && is_of_two_axes(node, walk)).then(|| {
                self.makers.insert(place, together.strides);
            });
        }
        for input in place_by_place(node)?.iter().collect::<BTreeSet<_>>() {
            let needed_whole = walk.consumers(input).nth(1).is_some() || is_output(graph, input);
            if walk.initializer(input).is_some() {
                if !alike_everywhere(input, walk) {
                    return None;
                }
            } else if needed_whole || self.up_or_back(input, nodes, graph, walk).is_none() {
                if !is_map(input, walk) {
                    return None;
                }
                self.thinned.insert((place, input.clone()));
            }
        }
        Some(())
    }

    /// As [`up`](Self::up), but leaves nothing behind where it does not succeed.
    fn up_or_back(&mut self, map: &str, nodes: usize, graph: &Graph, walk: &Walk<'_>) -> Option<()> {
        let before = (self.makers.clone(), self.thinned.clone());
        let done = self.up(map, nodes, graph, walk);
        if done.is_none() {
            (self.makers, self.thinned) = before;
        }
        done
    }

    /// How the filter of `conv` goes over its map with these strides on top of its own.
    fn together(&self, conv: &Node) -> Option<Window> {
        let own = Window::of(conv)?;
        let product = |axis: usize| own.strides[axis].checked_mul(self.strides[axis]);
        // No map is as large; and the format has 64 bits with a sign.
        let strides = [product(0)?, product(1)?];
        strides.iter().all(|&stride| stride <= 1 << 31).then_some(Window { strides, ..own })
    }

    fn take(self, graph: &mut Graph) {
        for reader in self.readers {
            set_strides(&mut graph.node[reader], [1, 1]);
        }
        for (maker, strides) in self.makers {
            set_strides(&mut graph.node[maker], strides);
        }
        let mut pools = vec![];
        for (place, input) in self.thinned {
            let name = fresh(graph, &format!("{input}_thinned"));
            let mut pool =
                Node::new("MaxPool", &[&input], &name, vec![Attribute::ints("kernel_shape", [1, 1])]);
            set_strides(&mut pool, self.strides);
            let uses = graph.node[place].input.iter_mut().filter(|name| **name == input);
            uses.for_each(|used| used.clone_from(&name));
            pools.push((place, pool));
        }
        // From the last on: what is put in front of a node moves those behind it.
        for (place, pool) in pools.into_iter().rev() {
            graph.node.insert(place, pool);
        }
    }
}

/// The strides at which `node` reads `map`, if it is a convolution that reads single places of it and not all of them.
fn picked(node: &Node, map: &str, walk: &Walk<'_>) -> Option<[usize; 2]> {
    let window = Window::of(node).filter(|_| node.op_type() == "Conv")?;
    let [first, others @ ..] = &node.input[..] else { return None };
    let kernel = walk.initializer(others.first()?)?;
    let single = matches!(kernel.dims[..], [_, _, 1, 1]) && window.padding == Padding::NONE;
    let fits = single && first == map && others.iter().all(|other| other != map);
    (fits && window.strides != [1, 1]).then_some(window.strides)
}

/// The maps from which `node` computes each place by itself; `None` if it does not.
fn place_by_place(node: &Node) -> Option<&[String]> {
    match node.op_type() {
        "Relu" | "LeakyRelu" | "Clip" | "Elu" | "Selu" | "Sigmoid" | "HardSigmoid" | "HardSwish" | "Tanh" => {
            node.input.get(..1)
        }
        "BatchNormalization" if node.output.len() == 1 => node.input.get(..1),
        "Add" | "Sub" | "Mul" | "Div" | "Sum" | "Max" | "Min" => Some(&node.input),
        _ => None,
    }
}

/// Whether a constant is the same for each place of a map.
fn alike_everywhere(constant: &str, walk: &Walk<'_>) -> bool {
    walk.initializer(constant)
        .is_some_and(|constant| constant.dims.iter().rev().take(2).all(|&size| size == 1))
}

/// Whether a value is known to have two axes beside images and channels, which a pool asks for.
fn is_map(value: &str, walk: &Walk<'_>) -> bool {
    let mut open = vec![value];
    for _ in 0..FARTHEST {
        let Some(node) = open.pop().and_then(|value| walk.producer(value)) else { continue };
        let told = match node.op_type() {
            "Conv" => is_of_two_axes(node, walk),
            "MaxPool" | "AveragePool" => {
                node.attribute("kernel_shape").is_some_and(|kernel| kernel.ints.len() == 2)
            }
            _ => false,
        };
        if told {
            return true;
        }
        // One input as large as that is enough, and none is larger: the sum is, or becomes, an input of a convolution.
        open.extend(place_by_place(node).unwrap_or_default().iter().map(String::as_str));
    }
    false
}

fn is_of_two_axes(conv: &Node, walk: &Walk<'_>) -> bool {
    let kernel = conv.input.get(1).and_then(|kernel| walk.initializer(kernel));
    kernel.is_some_and(|kernel| kernel.dims.len() == 4)
}

fn is_output(graph: &Graph, name: &str) -> bool {
    graph.output.iter().any(|output| output.name() == name)
}

fn set_strides(node: &mut Node, strides: [usize; 2]) {
    node.set_attribute(Attribute::ints("strides", strides.map(|stride| stride as i64)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dim, Tensor, ValueInfo};

    /// A convolution with as many rows as columns in its filter, and padding that keeps the size at stride 1.
    fn conv(input: &str, output: &str, size: usize, stride: i64) -> Node {
        let pad = (size / 2) as i64;
        let attributes = vec![Attribute::ints("pads", [pad; 4]), Attribute::ints("strides", [stride; 2])];
        Node::new("Conv", &[input, &format!("w{size}")], output, attributes)
    }

    fn node(operator: &str, inputs: &[&str], output: &str) -> Node {
        Node::new(operator, inputs, output, vec![])
    }

    /// The end of one stage and the beginning of the next, as Keras' ResNet50 has them.
    fn stages() -> Graph {
        let kernel =
            |size: usize| Tensor::from_f32(&format!("w{size}"), &[1, 1, size, size], &vec![1.0; size * size]);
        Graph {
            node: vec![
                conv("x", "stem", 3, 1),
                node("Relu", &["stem"], "shortcut"),
                conv("shortcut", "a", 1, 1),
                node("Relu", &["a"], "a_relu"),
                conv("a_relu", "b", 3, 1),
                node("Relu", &["b"], "b_relu"),
                conv("b_relu", "c", 1, 1),
                node("Add", &["shortcut", "c"], "sum"),
                node("Relu", &["sum"], "out"),
                conv("out", "left", 1, 2),
                conv("out", "right", 1, 2),
                node("Add", &["left", "right"], "y"),
            ],
            initializer: vec![kernel(1), kernel(3)],
            input: vec![ValueInfo::float_tensor("x", &[])],
            output: vec![ValueInfo::float_tensor("y", &[])],
            value_info: vec![ValueInfo::float_tensor("c", &[Dim::Static(1), Dim::Static(1), Dim::Static(8)])],
            ..Graph::default()
        }
    }

    fn at<'a>(graph: &'a mut Graph, output: &str) -> &'a mut Node {
        graph.node.iter_mut().find(|node| node.output[0] == output).unwrap()
    }

    /// What makes `output`, and its strides if they are not 1.
    fn made(graph: &mut Graph, output: &str) -> (String, Vec<i64>) {
        let node = at(graph, output);
        let strides = node.attribute("strides").map(|strides| strides.ints.clone()).unwrap_or_default();
        (node.op_type().to_owned(), if strides == [1, 1] { vec![] } else { strides })
    }

    #[test]
    fn strides_go_up_to_the_convolution_that_reads_more_than_one_place() {
        let mut graph = stages();
        assert!(can_move_strides(&graph));
        assert!(move_strides(&mut graph));
        for (map, strides) in
            [("left", vec![]), ("right", vec![]), ("c", vec![]), ("b", vec![2, 2]), ("a", vec![])]
        {
            assert_eq!(made(&mut graph, map), ("Conv".into(), strides), "{map}");
        }
        // Others read the shortcut whole.
        assert_eq!(made(&mut graph, "stem"), ("Conv".into(), vec![]));
        assert_eq!(at(&mut graph, "sum").input, ["shortcut_thinned", "c"]);
        assert_eq!(made(&mut graph, "shortcut_thinned"), ("MaxPool".into(), vec![2, 2]));
        assert!(graph.value_info.is_empty(), "maps are smaller than they were");
        let made: Vec<&str> = graph.node.iter().map(|node| node.output[0].as_str()).collect();
        let place = |name| made.iter().position(|made| *made == name);
        assert!(place("shortcut") < place("shortcut_thinned") && place("shortcut_thinned") < place("sum"));
        assert!(!move_strides(&mut graph), "nothing is left to do");
    }

    #[test]
    fn a_map_that_somebody_needs_whole_is_left_whole() {
        let left_alone = |change: &dyn Fn(&mut Graph), why: &str| {
            let mut graph = stages();
            change(&mut graph);
            let before = graph.clone();
            assert!(!can_move_strides(&graph) && !move_strides(&mut graph), "{why}");
            assert_eq!(graph, before, "{why}");
        };
        left_alone(&|graph| graph.output.push(ValueInfo::float_tensor("out", &[])), "it is an output");
        left_alone(&|graph| set_strides(at(graph, "left"), [1, 1]), "one reader takes every place");
        left_alone(
            &|graph| at(graph, "left").op_type = Some("MaxPool".into()),
            "one reader is no convolution",
        );
        left_alone(&|graph| at(graph, "left").input[1] = "w3".into(), "one reader sees neighbours");
        left_alone(
            &|graph| at(graph, "left").attribute[0] = Attribute::ints("pads", [0, 0, 1, 1]),
            "padding",
        );
        left_alone(&|graph| at(graph, "left").input[1] = "out".into(), "it is also weights");
        left_alone(
            &|graph| at(graph, "out").op_type = Some("Softmax".into()),
            "made from all places at once",
        );
        left_alone(&|graph| at(graph, "sum").input[0] = "x".into(), "nobody knows how many axes `x` has");
        let by_place = |graph: &mut Graph| {
            graph.initializer.push(Tensor::from_f32("plane", &[2, 2], &[1.0; 4]));
            at(graph, "sum").input[0] = "plane".into();
        };
        left_alone(&by_place, "another summand at each place");
        let pool_only = |graph: &mut Graph| at(graph, "sum").input[1] = "shortcut".into();
        left_alone(&pool_only, "no convolution would have less to do");
    }

    #[test]
    fn strides_stop_where_they_would_change_something() {
        let mut graph = stages();
        at(&mut graph, "b").attribute[0] = Attribute::string("auto_pad", "SAME_UPPER");
        move_strides(&mut graph);
        // What is padded for stride 1 is not padded so for stride 2, so the map is computed whole and read in parts.
        assert_eq!(made(&mut graph, "b").1, [] as [i64; 0]);
        assert_eq!(made(&mut graph, "c").1, [2, 2]);

        let mut graph = stages();
        graph.output.push(ValueInfo::float_tensor("c", &[]));
        move_strides(&mut graph);
        assert!(!can_move_strides(&graph), "`sum` would have thinned maps only");
        assert_eq!(made(&mut graph, "left").1, [2, 2]);
    }

    #[test]
    fn strides_multiply_and_need_not_be_square() {
        let mut graph = stages();
        set_strides(at(&mut graph, "b"), [2, 2]);
        set_strides(at(&mut graph, "left"), [1, 3]);
        set_strides(at(&mut graph, "right"), [1, 3]);
        graph.initializer.push(Tensor::from_f32("channel", &[1, 1, 1], &[1.0]));
        at(&mut graph, "sum").input[0] = "channel".into();
        move_strides(&mut graph);
        assert_eq!(made(&mut graph, "b").1, [2, 6]);
        assert_eq!(made(&mut graph, "left").1, [] as [i64; 0]);
        assert_eq!(at(&mut graph, "sum").input, ["channel", "c"]);
        assert!(graph.node.iter().all(|node| node.op_type() != "MaxPool"));
    }

    #[test]
    fn what_no_network_has_takes_no_time_and_no_room() {
        let ending = |mut nodes: Vec<Node>, last: &str| {
            nodes.push(conv(last, "y", 1, 2));
            Graph { node: nodes, ..stages() }
        };
        let chain = |length: usize, link: &dyn Fn(&str, &str) -> Node| {
            let name = |at: usize| format!("x{at}");
            let mut nodes = vec![conv("x", "x0", 3, 1)];
            nodes.extend((0..length).map(|at| link(&name(at), &name(at + 1))));
            ending(nodes, &name(length))
        };
        assert!(!move_strides(&mut chain(100_000, &|from, to| node("Relu", &[from], to))));
        assert!(!move_strides(&mut chain(100, &|from, to| node("Add", &[from, from], to))));
        assert!(move_strides(&mut chain(50, &|from, to| node("Add", &[from, from], to))));
        let mut gated: Vec<Node> = (0..100)
            .flat_map(|at| {
                let [from, gate, to] = [format!("x{at}"), format!("gate{at}"), format!("x{}", at + 1)];
                [node("Sigmoid", &[&from], &gate), node("Mul", &[&from, &gate], &to)]
            })
            .collect();
        gated[0].input[0] = "x".into();
        assert!(!move_strides(&mut ending(gated, "x100")));
        // Two to the hundredth is no stride.
        assert!(move_strides(&mut chain(100, &|from, to| conv(from, to, 1, 2))));
    }

    #[test]
    fn one_node_may_have_several_maps_thinned() {
        let mut graph = stages();
        at(&mut graph, "sum").op_type = Some("Sum".into());
        at(&mut graph, "sum").input = ["shortcut", "a_relu", "c", "shortcut"].map(String::from).to_vec();
        move_strides(&mut graph);
        assert_eq!(
            at(&mut graph, "sum").input,
            ["shortcut_thinned", "a_relu_thinned", "c", "shortcut_thinned"]
        );
        assert_eq!(at(&mut graph, "shortcut_thinned").input, ["shortcut"]);
        assert_eq!(at(&mut graph, "a_relu_thinned").input, ["a_relu"]);
        assert_eq!(made(&mut graph, "b").1, [2, 2]);
    }
}
