//! Names of values: new ones, and others for old ones.

use std::collections::HashSet;

use crate::{Graph, Node};

/// `wanted`, or that with a number, so that no value of `graph` is called so.
pub fn fresh(graph: &Graph, wanted: &str) -> String {
    let mut taken = HashSet::new();
    collect(graph, &mut taken);
    free(wanted, |name| taken.contains(name))
}

fn free(wanted: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (1..).map(|number| format!("{wanted}_{number}"));
    let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
    names.find(|name| !taken(name)).expect("the numbers do not end")
}

/// The names of a graph while many are added.
#[derive(Debug)]
pub struct Names(HashSet<String>);

impl Names {
    /// The names of all values of `graph`, those within its nodes included.
    pub fn of(graph: &Graph) -> Self {
        let mut taken = HashSet::new();
        collect(graph, &mut taken);
        Self(taken.into_iter().map(str::to_owned).collect())
    }

    /// As [`fresh`], and taken from now on.
    pub fn fresh(&mut self, wanted: &str) -> String {
        let name = free(wanted, |name| self.0.contains(name));
        self.0.insert(name.clone());
        name
    }
}

fn collect<'a>(graph: &'a Graph, names: &mut HashSet<&'a str>) {
    names.extend(graph.input.iter().chain(&graph.output).chain(&graph.value_info).map(|info| info.name()));
    names.extend(graph.initializer.iter().map(|tensor| tensor.name()));
    names.extend(graph.sparse_initializer.iter().filter_map(|sparse| Some(sparse.values.as_ref()?.name())));
    for node in &graph.node {
        names.extend(node.input.iter().chain(&node.output).map(String::as_str));
        bodies(node).for_each(|body| collect(body, names));
    }
}

fn bodies(node: &Node) -> impl Iterator<Item = &Graph> {
    node.attribute
        .iter()
        .flat_map(|attribute| attribute.g.iter().map(|body| &**body).chain(&attribute.graphs))
}

/// Let all of `nodes`, and the bodies in them, read `to` where they read `from`.
pub fn rename_uses(nodes: &mut [Node], from: &str, to: &str) {
    for node in nodes {
        for input in node.input.iter_mut().filter(|input| *input == from) {
            to.clone_into(input);
        }
        for attribute in &mut node.attribute {
            let bodies = attribute.g.iter_mut().map(|body| &mut **body).chain(&mut attribute.graphs);
            for body in bodies.filter(|body| !body.input.iter().any(|input| input.name() == from)) {
                rename_uses(&mut body.node, from, to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attribute, ValueInfo};

    #[test]
    fn a_fresh_name_is_new_everywhere() {
        let body = Graph { node: vec![Node::new("Neg", &["x"], "features_1", vec![])], ..Graph::default() };
        let branch = Attribute { g: Some(Box::new(body)), ..Attribute::default() };
        let graph = Graph {
            node: vec![Node::new("If", &["c"], "features", vec![branch])],
            output: vec![ValueInfo::float_tensor("features_2", &[])],
            ..Graph::default()
        };
        assert_eq!(fresh(&graph, "pooled"), "pooled");
        assert_eq!(fresh(&graph, "features"), "features_3");
        let mut nodes = graph.node;
        rename_uses(&mut nodes, "x", "y");
        assert_eq!(nodes[0].attribute[0].g.as_ref().unwrap().node[0].input, ["y"]);
    }
}
