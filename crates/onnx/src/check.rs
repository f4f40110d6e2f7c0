//! Whether a graph hangs together: what is wrong with it that no runtime would accept.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::error::{Error, Result};
use super::proto::{Graph, Model, Node, Tensor, ValueInfo};

/// Deeper than any real graph of graphs, and as deep as the decoder goes.
const DEPTH: usize = 100;

/// Why a graph cannot be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// There is nothing to compute.
    #[error("its graph has no nodes, so it computes nothing")]
    NoNodes,
    /// There is nothing to compute it for.
    #[error("its graph has no output")]
    NoOutput,
    /// An output is neither computed, given nor constant.
    #[error("no node makes its output `{output}`")]
    OutputNotMade {
        /// The output's name.
        output: String,
    },
    /// A node reads what is neither computed, given nor constant.
    #[error("{node} reads `{tensor}`, which nothing makes")]
    NotMade {
        /// The node, described for people.
        node: String,
        /// The tensor's name.
        tensor: String,
    },
    /// A node needs its own result.
    #[error("its graph has a cycle: {}", circle(nodes))]
    Cycle {
        /// Each takes what the next one makes, and the last what the first makes.
        nodes: Vec<String>,
    },
    /// Two nodes write under one name.
    #[error("`{tensor}` is made twice: by {first} and by {second}")]
    MadeTwice {
        /// The tensor's name.
        tensor: String,
        /// One of them, described for people.
        first: String,
        /// The other one, described for people.
        second: String,
    },
    /// A node does not say what it computes.
    #[error("the node that makes `{tensor}` names no operator")]
    NoOperator {
        /// The name of its first output.
        tensor: String,
    },
    /// The elements of a constant cannot be read.
    #[error(transparent)]
    Tensor(Box<Error>),
}

/// The nodes of a circle, as a list.
fn circle(nodes: &[String]) -> String {
    const SHOWN: usize = 5;
    match nodes {
        [] => String::new(),
        [only] => format!("{only} reads its own output"),
        [first @ .., last] if nodes.len() <= SHOWN => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", nodes[..SHOWN].join(", "), nodes.len() - SHOWN),
    }
}

/// Find out whether the graph of `model`, which was read from `path`, can be computed at all: every value that is taken is made,
/// once, and not out of itself, and every constant has as many elements as its shape says.
///
/// `stepped_over` are the lengths in bytes of raw data that are not in `model`, by the place of their initializer.
///
/// # Errors
/// [`Error::Broken`] with what was found first.
pub fn check(path: &Path, model: &Model, stepped_over: &[(usize, u64)]) -> Result<()> {
    let Some(graph) = &model.graph else { return Err(Error::NoGraph { path: path.to_owned() }) };
    let folder = path.parent().unwrap_or(Path::new(""));
    let lengths: HashMap<usize, u64> = stepped_over.iter().copied().collect();
    wiring(graph)
        .and_then(|()| tensors(graph, folder, &lengths))
        .map_err(|source| Error::Broken { path: path.to_owned(), source })
}

type Checked = std::result::Result<(), Flaw>;

fn wiring(graph: &Graph) -> Checked {
    if graph.node.is_empty() {
        return Err(Flaw::NoNodes);
    }
    if graph.output.is_empty() {
        return Err(Flaw::NoOutput);
    }
    made_once(graph)?;
    let made = names_in(graph);
    let scope = Scope { made: &made, outer: None };
    scope.nodes(&graph.node, 0)?;
    if let Some(output) = graph.output.iter().find(|output| !made.contains(output.name())) {
        return Err(Flaw::OutputNotMade { output: output.name().to_owned() });
    }
    no_circle(graph)
}

/// The names in reach of the nodes of a body, and of the graph around it.
struct Scope<'a> {
    made: &'a HashSet<&'a str>,
    outer: Option<&'a Scope<'a>>,
}

impl Scope<'_> {
    fn has(&self, name: &str) -> bool {
        self.made.contains(name) || self.outer.is_some_and(|outer| outer.has(name))
    }

    fn nodes(&self, nodes: &[Node], depth: usize) -> Checked {
        for node in nodes {
            if node.op_type().is_empty() {
                let tensor = node.output.first().cloned().unwrap_or_default();
                return Err(Flaw::NoOperator { tensor });
            }
            if let Some(tensor) = node.input.iter().find(|name| !name.is_empty() && !self.has(name)) {
                return Err(Flaw::NotMade { node: node.title(), tensor: tensor.clone() });
            }
            if depth < DEPTH {
                node.bodies().try_for_each(|body| self.body(body, node, depth))?;
            }
        }
        Ok(())
    }

    fn body(&self, body: &Graph, holder: &Node, depth: usize) -> Checked {
        let made = names_in(body);
        let scope = Scope { made: &made, outer: Some(self) };
        scope.nodes(&body.node, depth + 1)?;
        match body.output.iter().find(|output| !scope.has(output.name())) {
            Some(output) => Err(Flaw::NotMade { node: holder.title(), tensor: output.name().to_owned() }),
            None => Ok(()),
        }
    }
}

fn names_in(graph: &Graph) -> HashSet<&str> {
    let sparse = graph.sparse_initializer.iter().filter_map(|sparse| sparse.values.as_ref());
    let given = graph.input.iter().map(ValueInfo::name);
    let constants = graph.initializer.iter().chain(sparse).map(Tensor::name);
    let made = graph.node.iter().flat_map(|node| &node.output).map(String::as_str);
    given.chain(constants).chain(made).filter(|name| !name.is_empty()).collect()
}

/// No two readers would take the same of two values of one name.
fn made_once(graph: &Graph) -> Checked {
    // Old files list their initializers among the inputs, so that these two may be one.
    let inputs = graph.input.iter().map(|input| (input.name(), "the caller".to_owned()));
    let mut makers: HashMap<&str, String> = HashMap::new();
    for (name, maker) in inputs {
        if makers.insert(name, maker).is_some() {
            return Err(twice(name, "one input", "another"));
        }
    }
    let mut constants = HashSet::new();
    for tensor in &graph.initializer {
        if !constants.insert(tensor.name()) {
            return Err(twice(tensor.name(), "one initializer", "another"));
        }
        makers.insert(tensor.name(), "an initializer".to_owned());
    }
    for node in &graph.node {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            let maker = || match node.name() {
                "" => format!("a `{}`", node.op_type()),
                _ => node.title(),
            };
            if let Some(first) = makers.insert(name, maker()) {
                return Err(twice(name, &first, &maker()));
            }
        }
    }
    Ok(())
}

fn twice(tensor: &str, first: &str, second: &str) -> Flaw {
    Flaw::MadeTwice { tensor: tensor.to_owned(), first: first.to_owned(), second: second.to_owned() }
}

/// Take away every node that nothing open is before, until none is left, or only circles and what hangs on them.
fn no_circle(graph: &Graph) -> Checked {
    let makers: HashMap<&str, usize> = (graph.node.iter().enumerate())
        .flat_map(|(index, node)| node.output.iter().map(move |name| (name.as_str(), index)))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    let before: Vec<Vec<usize>> = graph.node.iter().map(|node| makers_of(node, &makers)).collect();
    let mut after: Vec<Vec<usize>> = vec![vec![]; before.len()];
    for (index, makers) in before.iter().enumerate() {
        makers.iter().for_each(|&maker| after[maker].push(index));
    }
    let mut waits: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut ready: Vec<usize> = (0..waits.len()).filter(|&index| waits[index] == 0).collect();
    while let Some(index) = ready.pop() {
        for &user in &after[index] {
            waits[user] -= 1;
            if waits[user] == 0 {
                ready.push(user);
            }
        }
    }
    let Some(start) = waits.iter().position(|&open| open > 0) else { return Ok(()) };
    // Whatever still waits, waits for one that still waits: going on from one to the next must come round.
    let mut way: Vec<usize> = vec![];
    let mut place: HashMap<usize, usize> = HashMap::new();
    let mut at = start;
    while !place.contains_key(&at) {
        place.insert(at, way.len());
        way.push(at);
        let Some(&next) = before[at].iter().find(|&&maker| waits[maker] > 0) else { break };
        at = next;
    }
    let circle = &way[place.get(&at).copied().unwrap_or(0)..];
    Err(Flaw::Cycle { nodes: circle.iter().map(|&index| graph.node[index].title()).collect() })
}

/// The nodes whose values `node` takes, each once.
fn makers_of(node: &Node, makers: &HashMap<&str, usize>) -> Vec<usize> {
    let mut found = vec![];
    super::walk::for_each_use(node, &mut |name| {
        if let Some(&maker) = makers.get(name)
            && !found.contains(&maker)
        {
            found.push(maker);
        }
    });
    found
}

fn tensors(graph: &Graph, folder: &Path, stepped_over: &HashMap<usize, u64>) -> Checked {
    let mut used: HashSet<&str> = graph.output.iter().map(ValueInfo::name).collect();
    graph.node.iter().for_each(|node| {
        super::walk::for_each_use(node, &mut |name| {
            used.insert(name);
        });
    });
    for (place, tensor) in graph.initializer.iter().enumerate() {
        // A runtime does not look at constants that nothing uses.
        if used.contains(tensor.name()) {
            let length = stepped_over.get(&place).copied();
            tensor.check(folder, length).map_err(|error| Flaw::Tensor(Box::new(error)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attribute, DataLocation, Dim, StringStringEntry};

    /// Without a name of its own.
    fn node(op: &str, inputs: &[&str], output: &str, attributes: Vec<Attribute>) -> Node {
        Node { name: None, ..Node::new(op, inputs, output, attributes) }
    }

    /// `y = relu(x · w)`, and nothing wrong with it.
    fn sound() -> Graph {
        Graph {
            node: vec![
                node("MatMul", &["x", "w"], "t", vec![]),
                Node { name: Some("last".into()), ..Node::new("Relu", &["t", ""], "y", vec![]) },
            ],
            initializer: vec![Tensor::from_f32("w", &[2, 3], &[0.0; 6])],
            input: vec![ValueInfo::float_tensor("x", &[Dim::Unknown(()), Dim::Static(2)])],
            output: vec![ValueInfo::float_tensor("y", &[Dim::Unknown(()), Dim::Static(3)])],
            ..Graph::default()
        }
    }

    /// What is said of the sound graph once it is changed; nothing if it still is sound.
    fn said(change: impl FnOnce(&mut Graph)) -> String {
        let mut graph = sound();
        change(&mut graph);
        let model = Model { graph: Some(graph), ..Model::default() };
        match check(Path::new("net.onnx"), &model, &[]) {
            Ok(()) => String::new(),
            Err(Error::Broken { path, source }) => {
                assert_eq!(path, Path::new("net.onnx"));
                source.to_string()
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_sound_passes() {
        assert_eq!(said(|_| {}), "");
        // As old files have it.
        assert_eq!(said(|graph| graph.input.push(ValueInfo::float_tensor("w", &[]))), "");
        // Order is no part of the meaning.
        assert_eq!(said(|graph| graph.node.reverse()), "");
        // Nobody looks at it.
        assert_eq!(said(|graph| graph.initializer.push(Tensor { dims: vec![7], ..Tensor::default() })), "");
    }

    #[test]
    fn each_kind_of_damage_is_called_by_its_name() {
        let node = |op: &str, from: &str, to: &str| node(op, &[from], to, vec![]);
        let output = |name: &str| ValueInfo::float_tensor(name, &[]);
        assert_eq!(said(|graph| graph.node.clear()), "its graph has no nodes, so it computes nothing");
        assert_eq!(said(|graph| graph.output.clear()), "its graph has no output");
        assert_eq!(said(|graph| graph.output = vec![output("z")]), "no node makes its output `z`");
        assert_eq!(
            said(|graph| graph.initializer.clear()),
            "the `MatMul` that makes `t` reads `w`, which nothing makes"
        );
        assert_eq!(
            said(|graph| graph.node[1].input[0] = "gone".into()),
            "the `Relu` called `last` reads `gone`, which nothing makes"
        );
        assert_eq!(
            said(|graph| graph.node.push(node("Neg", "x", "t"))),
            "`t` is made twice: by a `MatMul` and by a `Neg`"
        );
        assert_eq!(
            said(|graph| graph.node.push(node("Neg", "x", "w"))),
            "`w` is made twice: by an initializer and by a `Neg`"
        );
        assert_eq!(
            said(|graph| graph.initializer.push(graph.initializer[0].clone())),
            "`w` is made twice: by one initializer and by another"
        );
        assert_eq!(
            said(|graph| graph.input.push(graph.input[0].clone())),
            "`x` is made twice: by one input and by another"
        );
        assert_eq!(said(|graph| graph.node[0].op_type = None), "the node that makes `t` names no operator");
    }

    #[test]
    fn circles_are_followed() {
        let node = |op: &str, from: &str, to: &str| node(op, &[from], to, vec![]);
        assert_eq!(
            said(|graph| graph.node[1].input[0] = "y".into()),
            "its graph has a cycle: the `Relu` called `last` reads its own output"
        );
        let two = said(|graph| {
            graph.node[0].input[0] = "back".into();
            graph.node.push(node("Neg", "y", "back"));
        });
        assert_eq!(
            two,
            "its graph has a cycle: the `MatMul` that makes `t`, the `Neg` that makes `back` and the `Relu` called `last`"
        );
        // What only hangs on a circle is no part of it.
        let beside = said(|graph| {
            graph.node.insert(0, node("Neg", "a", "c"));
            graph.node.push(node("Abs", "b", "a"));
            graph.node.push(node("Exp", "a", "b"));
        });
        assert!(
            beside.contains("`Abs`") && beside.contains("`Exp`") && !beside.contains("`Neg`"),
            "{beside}"
        );
        let long = said(|graph| {
            (0..50).for_each(|n| {
                graph.node.push(node("Neg", &format!("v{n}"), &format!("v{}", (n + 1) % 50)));
            });
        });
        assert!(long.contains("and 45 more") && long.len() < 400, "{long}");
    }

    #[test]
    fn bodies_read_what_is_around_them_and_no_more() {
        let with_body = |from: &str, gives: &str| {
            let body = Graph {
                node: vec![node("Neg", &[from], "inner", vec![])],
                output: vec![ValueInfo::float_tensor(gives, &[])],
                ..Graph::default()
            };
            let branch = Attribute { g: Some(Box::new(body)), ..Attribute::default() };
            said(|graph| graph.node.push(node("If", &["x"], "d", vec![branch])))
        };
        assert_eq!(with_body("t", "inner"), "");
        assert_eq!(
            with_body("inside", "inner"),
            "the `Neg` that makes `inner` reads `inside`, which nothing makes"
        );
        assert_eq!(with_body("t", "other"), "the `If` that makes `d` reads `other`, which nothing makes");
        // A circle may lead through a body.
        assert!(with_body("d", "inner").starts_with("its graph has a cycle"));
    }

    #[test]
    fn constants_must_be_whole() {
        let change = |change: &dyn Fn(&mut Tensor)| said(|graph| change(&mut graph.initializer[0]));
        assert_eq!(change(&|w| w.dims = vec![2, 4]), "tensor `w`: expected 32 bytes, found 24");
        assert_eq!(change(&|w| w.raw_data = None), "tensor `w`: expected 6 elements, found 0");
        assert!(change(&|w| w.dims = vec![-2, 3]).contains("shape (-2, 3)"));
        assert!(change(&|w| w.data_type = None).contains("elements of type `undefined`"));
        assert!(change(&|w| w.data_type = Some(99)).contains("elements of type `type 99`"));
        let elsewhere = |w: &mut Tensor| {
            w.raw_data = None;
            w.data_location = Some(DataLocation::External as i32);
            w.external_data = vec![StringStringEntry::new("location", "w.bin")];
        };
        assert_eq!(change(&elsewhere), "tensor `w`: its data lie in `w.bin`, which cannot be read");
    }

    #[test]
    fn data_beside_the_file_and_data_that_were_stepped_over_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("w.bin"), [0; 20]).unwrap();
        let mut graph = sound();
        graph.initializer[0].raw_data = None;
        let model = |graph: &Graph| Model { graph: Some(graph.clone()), ..Model::default() };
        let path = folder.path().join("net.onnx");
        assert!(check(&path, &model(&graph), &[(0, 24)]).is_ok());
        let found = check(&path, &model(&graph), &[(0, 23)]).unwrap_err();
        assert!(matches!(&found, Error::Broken { source: Flaw::Tensor(_), .. }), "{found:?}");

        graph.initializer[0].data_location = Some(DataLocation::External as i32);
        graph.initializer[0].external_data = vec![StringStringEntry::new("location", "w.bin")];
        let short = check(&path, &model(&graph), &[]).unwrap_err();
        let Error::Broken { source, .. } = short else { panic!("{short:?}") };
        let message = source.to_string();
        assert!(message.contains("w.bin") && message.contains("24") && message.contains("20"), "{message}");
        std::fs::write(folder.path().join("w.bin"), [0; 24]).unwrap();
        assert!(check(&path, &model(&graph), &[]).is_ok());
    }
}
