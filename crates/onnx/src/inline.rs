//! Functions that a file brings along, replaced by what they stand for.
//!
//! Some exporters keep the modules of a network as functions of the file, so that its graph is a few calls. A runtime inlines
//! them as well; here it is done so that something can be found inside.

use std::borrow::Cow;
use std::collections::HashMap;

use prost::Message;

use super::guard;
use super::proto::{Attribute, Function, Graph, Model, Node, OperatorSetId};

/// Calls within calls; they may not be recursive, and no honest file nests deeper.
const DEPTH: usize = 64;

/// Replace the calls of `model`'s own functions by the functions' nodes; how many were replaced.
///
/// A call stays as it is if its function was written for other versions of the operators than the graph, if calls are nested
/// without end, or if the nodes would take far more memory than the file. The functions stay in the model.
pub fn inline(model: &mut Model) -> usize {
    if model.functions.is_empty() {
        return 0;
    }
    let budget = guard::ALLOWANCE + 16 * model.encoded_len() as u64;
    let functions = std::mem::take(&mut model.functions);
    let Some(graph) = model.graph.as_mut() else { return 0 };
    let mut inliner = Inliner {
        functions: functions.iter().map(|function| (key_of(function), function)).collect(),
        imports: &mut model.opset_import,
        prefix: unused_prefix(graph),
        calls: 0,
        budget,
    };
    let nodes = std::mem::take(&mut graph.node);
    inliner.expand(nodes, 0, &mut graph.node);
    let calls = inliner.calls;
    model.functions = functions;
    calls
}

/// `model` as [`inline`] leaves it.
pub fn inlined(model: &Model) -> Cow<'_, Model> {
    if model.functions.is_empty() {
        return Cow::Borrowed(model);
    }
    let mut model = model.clone();
    inline(&mut model);
    Cow::Owned(model)
}

type Key<'a> = (&'a str, &'a str, &'a str);

fn key_of(function: &Function) -> Key<'_> {
    (function.domain(), function.name(), function.overload())
}

struct Inliner<'a> {
    functions: HashMap<Key<'a>, &'a Function>,
    /// The versions of the operators that the graph uses.
    imports: &'a mut Vec<OperatorSetId>,
    /// No name in the graph begins so.
    prefix: String,
    calls: usize,
    /// Bytes that may yet be spent.
    budget: u64,
}

impl Inliner<'_> {
    /// Append `nodes` to `to`, calls as what they stand for.
    fn expand(&mut self, nodes: Vec<Node>, depth: usize, to: &mut Vec<Node>) {
        for node in nodes {
            match self.body(&node, depth) {
                Some(body) => self.expand(body, depth + 1, to),
                None => to.push(node),
            }
        }
    }

    /// What `call` stands for, if it is a call and may be replaced.
    fn body(&mut self, call: &Node, depth: usize) -> Option<Vec<Node>> {
        let function = *self.functions.get(&(call.domain(), call.op_type(), call.overload()))?;
        let weight = guard::weight(&function.encode_to_vec());
        if depth == DEPTH || weight > self.budget || !self.imports_fit(function) {
            return None;
        }
        self.budget -= weight;
        self.calls += 1;
        let scope = Scope::new(function, call, format!("{}{}/", self.prefix, self.calls));
        Some(function.node.iter().map(|node| scope.node(node)).collect())
    }

    /// Whether the graph uses the versions that `function` was written for; those of other domains it does from now on.
    fn imports_fit(&mut self, function: &Function) -> bool {
        let domain =
            |set: &OperatorSetId| if set.domain() == "ai.onnx" { "" } else { set.domain() }.to_owned();
        let of_graph = |imports: &[OperatorSetId], set| {
            imports.iter().find(|other| domain(other) == domain(set)).cloned()
        };
        let fits = function
            .opset_import
            .iter()
            .all(|set| of_graph(self.imports, set).is_none_or(|other| other.version() == set.version()));
        if fits {
            let missing = function.opset_import.iter().filter(|set| of_graph(self.imports, set).is_none());
            let missing: Vec<_> = missing.cloned().collect();
            self.imports.extend(missing);
        }
        fits
    }
}

/// What the names in a function's body mean where it is called.
struct Scope<'a> {
    function: &'a Function,
    call: &'a Node,
    /// The function's inputs and outputs.
    values: HashMap<&'a str, &'a str>,
    prefix: String,
}

impl<'a> Scope<'a> {
    fn new(function: &'a Function, call: &'a Node, prefix: String) -> Self {
        let names = |names: &'a [String]| names.iter().map(String::as_str);
        // Inputs that the call leaves out are left out inside.
        let given = names(&call.input).chain(std::iter::repeat(""));
        let inputs = names(&function.input).zip(given);
        // Outputs that nobody wants need a name of their own.
        let outputs =
            names(&function.output).zip(names(&call.output)).filter(|(_, outside)| !outside.is_empty());
        Self { function, call, values: inputs.chain(outputs).collect(), prefix }
    }

    fn value(&self, name: &str) -> String {
        match self.values.get(name) {
            Some(&outside) => outside.to_owned(),
            None if name.is_empty() => String::new(),
            None => format!("{}{name}", self.prefix),
        }
    }

    fn node(&self, node: &Node) -> Node {
        let values = |names: &[String]| names.iter().map(|name| self.value(name)).collect();
        Node {
            input: values(&node.input),
            output: values(&node.output),
            name: node.name.as_ref().map(|name| format!("{}{name}", self.prefix)),
            attribute: node.attribute.iter().filter_map(|attribute| self.attribute(attribute)).collect(),
            ..node.clone()
        }
    }

    /// With the value that the call gives, or the function by default; none where neither does.
    fn attribute(&self, attribute: &Attribute) -> Option<Attribute> {
        let mut attribute = match attribute.ref_attr_name.as_deref().filter(|name| !name.is_empty()) {
            Some(told) => {
                let given = self.call.attribute(told);
                let default = || self.function.attribute_proto.iter().find(|default| default.name() == told);
                Attribute { name: attribute.name.clone(), ..given.or_else(default)?.clone() }
            }
            None => Attribute { ref_attr_name: None, ..attribute.clone() },
        };
        attribute.g = attribute.g.map(|body| Box::new(self.graph(&body)));
        attribute.graphs = attribute.graphs.iter().map(|body| self.graph(body)).collect();
        Some(attribute)
    }

    /// The body of an `If` or `Loop`: nothing in it means anything outside the function.
    fn graph(&self, graph: &Graph) -> Graph {
        let mut graph = graph.clone();
        graph.node = graph.node.iter().map(|node| self.node(node)).collect();
        for info in graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info) {
            info.name = Some(self.value(info.name()));
        }
        for tensor in &mut graph.initializer {
            tensor.name = Some(self.value(tensor.name()));
        }
        for values in graph.sparse_initializer.iter_mut().filter_map(|sparse| sparse.values.as_mut()) {
            values.name = Some(self.value(values.name()));
        }
        graph
    }
}

fn unused_prefix(graph: &Graph) -> String {
    let values = graph.node.iter().flat_map(|node| node.input.iter().chain(&node.output).map(String::as_str));
    let nodes = graph.node.iter().map(Node::name);
    let infos = graph.input.iter().chain(&graph.output).map(|info| info.name());
    let tensors = graph.initializer.iter().map(|tensor| tensor.name());
    let names: Vec<&str> = values.chain(nodes).chain(infos).chain(tensors).collect();
    let mut prefix = "inlined_".to_owned();
    while names.iter().any(|name| name.starts_with(&prefix)) {
        prefix.push('_');
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueInfo;

    fn function(name: &str, inputs: &[&str], outputs: &[&str], node: Vec<Node>) -> Function {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let import = OperatorSetId { domain: None, version: Some(18) };
        Function {
            name: Some(name.into()),
            domain: Some("mine".into()),
            input: names(inputs),
            output: names(outputs),
            node,
            opset_import: vec![import],
            ..Function::default()
        }
    }

    fn call(name: &str, inputs: &[&str], output: &str) -> Node {
        Node { domain: Some("mine".into()), ..Node::new(name, inputs, output, vec![]) }
    }

    fn model(functions: Vec<Function>, node: Vec<Node>) -> Model {
        let graph = Graph { node, output: vec![ValueInfo::float_tensor("y", &[])], ..Graph::default() };
        let import = OperatorSetId { domain: Some("ai.onnx".into()), version: Some(18) };
        Model { graph: Some(graph), functions, opset_import: vec![import], ..Model::default() }
    }

    fn lines(model: &Model) -> Vec<String> {
        let line = |node: &Node| {
            format!("{} = {}({})", node.output.join(", "), node.op_type(), node.input.join(", "))
        };
        model.graph.as_ref().unwrap().node.iter().map(line).collect()
    }

    #[test]
    fn calls_become_nodes_with_names_of_their_own() {
        let body = vec![Node::new("Neg", &["a"], "t", vec![]), Node::new("Clip", &["t", "b"], "c", vec![])];
        let inner = function("inner", &["a", "b"], &["c"], body);
        let outer = function(
            "outer",
            &["x"],
            &["z"],
            vec![call("inner", &["x"], "t"), call("inner", &["t", "x"], "z")],
        );
        let mut twice =
            model(vec![inner, outer], vec![call("outer", &["inlined_"], "m"), call("outer", &["m"], "y")]);
        assert_eq!(inline(&mut twice), 6);
        assert_eq!(
            lines(&twice),
            [
                "inlined__2/t = Neg(inlined_)",
                "inlined__1/t = Clip(inlined__2/t, )",
                "inlined__3/t = Neg(inlined__1/t)",
                "m = Clip(inlined__3/t, inlined_)",
                "inlined__5/t = Neg(m)",
                "inlined__4/t = Clip(inlined__5/t, )",
                "inlined__6/t = Neg(inlined__4/t)",
                "y = Clip(inlined__6/t, m)",
            ]
        );
        assert_eq!(twice.opset_import.len(), 1, "`ai.onnx` is another word for the empty domain");
    }

    #[test]
    fn attributes_come_from_the_call_or_by_default() {
        let wants = |name: &str, told: &str| Attribute {
            ref_attr_name: Some(told.into()),
            name: Some(name.into()),
            ..Attribute::default()
        };
        let inside =
            Node::new("Softmax", &["x"], "y", vec![wants("axis", "a"), wants("b", "b"), wants("c", "c")]);
        let inside = Function {
            attribute_proto: vec![Attribute::int("b", 5)],
            ..function("f", &["x"], &["y"], vec![inside])
        };
        let told = Node { attribute: vec![Attribute::int("a", -1)], ..call("f", &["x"], "y") };
        let mut model = model(vec![inside], vec![told]);
        inline(&mut model);
        let node = &model.graph.unwrap().node[0];
        let found: Vec<_> =
            node.attribute.iter().map(|attribute| (attribute.name(), attribute.i())).collect();
        assert_eq!(found, [("axis", -1), ("b", 5)]);
    }

    #[test]
    fn what_cannot_be_inlined_stays_a_call() {
        let mut old = function("f", &["x"], &["y"], vec![Node::new("Neg", &["x"], "y", vec![])]);
        old.opset_import[0].version = Some(9);
        let mut other_version = model(vec![old], vec![call("f", &["x"], "y")]);
        assert_eq!(inline(&mut other_version), 0);
        assert_eq!(lines(&other_version), ["y = f(x)"]);

        let endless = function("f", &["x"], &["y"], vec![call("f", &["x"], "t"), call("f", &["t"], "y")]);
        let mut endless = model(vec![endless], vec![call("f", &["x"], "y")]);
        inline(&mut endless);
        // Stopped by the memory that it would take, long before two to the power of 64 calls.
        assert!(lines(&endless).len() < 200_000);
    }

    #[test]
    fn bodies_of_control_flow_are_renamed_throughout() {
        let body = Graph {
            node: vec![Node::new("Add", &["x", "k"], "r", vec![])],
            output: vec![ValueInfo::float_tensor("r", &[])],
            ..Graph::default()
        };
        let branch =
            Attribute { name: Some("then_branch".into()), g: Some(Box::new(body)), ..Attribute::default() };
        let inside = vec![Node::new("Neg", &["x"], "k", vec![]), Node::new("If", &["x"], "y", vec![branch])];
        let mut model =
            model(vec![function("f", &["x"], &["y"], inside)], vec![call("f", &["image"], "out")]);
        inline(&mut model);
        let graph = model.graph.unwrap();
        let body = graph.node[1].attribute[0].g.as_ref().unwrap();
        assert_eq!(body.node[0].input, ["image".to_owned(), graph.node[0].output[0].clone()]);
        assert_eq!(body.output[0].name(), body.node[0].output[0]);
    }
}
