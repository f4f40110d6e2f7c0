//! Tensors wherever they hide, and the files that hold their elements.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::error::Result;
use super::proto::{Attribute, Graph, Model, Node, SparseTensor, Tensor};

impl Model {
    /// Visit every constant tensor: initializers, attributes, bodies of control flow, functions, training graphs.
    pub fn for_each_tensor<'a>(&'a self, visit: &mut dyn FnMut(&'a Tensor)) {
        let training =
            self.training_info.iter().flat_map(|info| info.initialization.iter().chain(&info.algorithm));
        self.graph.iter().chain(training).for_each(|graph| in_graph(graph, visit));
        for function in &self.functions {
            function.attribute_proto.iter().for_each(|attribute| in_attribute(attribute, visit));
            function.node.iter().for_each(|node| in_node(node, visit));
        }
    }

    /// The files beside the model that hold weights, relative to its folder, in the byte order of their names.
    ///
    /// # Errors
    /// [`Error::ExternalEntry`](super::Error::ExternalEntry) if one would lie outside the folder.
    pub fn external_files(&self) -> Result<BTreeSet<PathBuf>> {
        let mut external = Vec::new();
        self.for_each_tensor(&mut |tensor| external.push(tensor.external()));
        external
            .into_iter()
            .filter_map(|one| one.map(|one| one.map(|one| one.location)).transpose())
            .collect()
    }
}

fn in_graph<'a>(graph: &'a Graph, visit: &mut dyn FnMut(&'a Tensor)) {
    graph.initializer.iter().for_each(&mut *visit);
    graph.sparse_initializer.iter().for_each(|sparse| in_sparse(sparse, visit));
    graph.node.iter().for_each(|node| in_node(node, visit));
}

fn in_node<'a>(node: &'a Node, visit: &mut dyn FnMut(&'a Tensor)) {
    node.attribute.iter().for_each(|attribute| in_attribute(attribute, visit));
}

fn in_attribute<'a>(attribute: &'a Attribute, visit: &mut dyn FnMut(&'a Tensor)) {
    attribute.t.iter().map(|tensor| &**tensor).chain(&attribute.tensors).for_each(&mut *visit);
    let sparse = attribute.sparse_tensor.iter().map(|sparse| &**sparse);
    sparse.chain(&attribute.sparse_tensors).for_each(|sparse| in_sparse(sparse, visit));
    let graphs = attribute.g.iter().map(|graph| &**graph);
    graphs.chain(&attribute.graphs).for_each(|graph| in_graph(graph, visit));
}

fn in_sparse<'a>(sparse: &'a SparseTensor, visit: &mut dyn FnMut(&'a Tensor)) {
    sparse.values.iter().chain(&sparse.indices).for_each(visit);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{DataLocation, StringStringEntry};

    fn tensor(location: &str) -> Tensor {
        Tensor {
            data_location: Some(DataLocation::External as i32),
            external_data: vec![StringStringEntry::new("location", location)],
            ..Tensor::default()
        }
    }

    #[test]
    fn files_are_found_in_every_corner() {
        let body = Graph { initializer: vec![tensor("b.bin"), Tensor::default()], ..Graph::default() };
        let branch =
            Attribute { g: Some(Box::new(body)), t: Some(Box::new(tensor("c.bin"))), ..Attribute::default() };
        let graph = Graph {
            node: vec![Node { attribute: vec![branch], ..Node::default() }],
            initializer: vec![tensor("d.bin"), tensor("b.bin")],
            sparse_initializer: vec![SparseTensor {
                values: Some(tensor("a.bin")),
                ..SparseTensor::default()
            }],
            ..Graph::default()
        };
        let mut model = Model { graph: Some(graph), ..Model::default() };
        let files: Vec<PathBuf> = model.external_files().unwrap().into_iter().collect();
        assert_eq!(files, ["a.bin", "b.bin", "c.bin", "d.bin"].map(PathBuf::from));
        model.graph.as_mut().unwrap().initializer.push(tensor("../e.bin"));
        assert!(model.external_files().is_err());
    }
}
