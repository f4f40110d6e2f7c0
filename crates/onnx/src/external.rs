//! Tensors wherever they hide, and the files that hold their elements.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use super::proto::{Attribute, Graph, Model, Node, SparseTensor, StringStringEntry, Tensor};

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

/// Copy the tensors of `model` that stand in other files of the folder `from` into `to`, one after another, and let
/// the model look for them in the file `name` beside it.
///
/// # Errors
/// If such a file cannot be read or has not the bytes that the tensor needs; [`Error::Write`].
pub fn move_external_data(model: &mut Model, from: &Path, name: &str, to: &mut impl Write) -> Result<()> {
    let mut writer = DataWriter { to, name, offset: 0 };
    let mut outcome = Ok(());
    for_each_tensor_mut(model, &mut |tensor| {
        if outcome.is_ok() && tensor.is_external() {
            outcome = writer.take(tensor, from);
        }
    });
    outcome
}

/// Take the tensors of `model` that stand in other files of the folder `from` into the model itself, so that one file
/// is enough.
///
/// # Errors
/// If such a file cannot be read or has not the bytes that the tensor needs.
pub fn embed_external_data(model: &mut Model, from: &Path) -> Result<()> {
    let mut outcome = Ok(());
    for_each_tensor_mut(model, &mut |tensor| {
        if outcome.is_ok() && tensor.is_external() {
            outcome = tensor.external_bytes(from).map(|bytes| {
                tensor.raw_data = Some(bytes.into());
                tensor.external_data.clear();
                tensor.data_location = None;
            });
        }
    });
    outcome
}

struct DataWriter<'w, W> {
    to: &'w mut W,
    name: &'w str,
    offset: u64,
}

impl<W: Write> DataWriter<'_, W> {
    /// Where a tensor begins: a whole page for one that a runtime would map, a cache line for small ones.
    fn pad(&mut self, bytes: usize) -> std::io::Result<()> {
        let alignment = if bytes >= 1 << 20 { 4096 } else { 64 };
        let padding = self.offset.next_multiple_of(alignment) - self.offset;
        self.to.write_all(&vec![0; padding as usize])?;
        self.offset += padding;
        Ok(())
    }

    fn take(&mut self, tensor: &mut Tensor, from: &Path) -> Result<()> {
        let bytes = tensor.external_bytes(from)?;
        let written = self.pad(bytes.len()).and_then(|()| self.to.write_all(&bytes));
        written.map_err(|source| Error::Write { path: PathBuf::from(self.name), source })?;
        tensor.external_data = vec![
            StringStringEntry::new("location", self.name),
            StringStringEntry::new("offset", self.offset.to_string()),
            StringStringEntry::new("length", bytes.len().to_string()),
        ];
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

/// [`Model::for_each_tensor`] for those who change them. Training graphs are left alone: nothing here writes them.
fn for_each_tensor_mut(model: &mut Model, visit: &mut dyn FnMut(&mut Tensor)) {
    model.graph.iter_mut().for_each(|graph| change_in_graph(graph, visit));
    for function in &mut model.functions {
        function.attribute_proto.iter_mut().for_each(|attribute| change_in_attribute(attribute, visit));
        change_in_nodes(&mut function.node, visit);
    }
}

fn change_in_graph(graph: &mut Graph, visit: &mut dyn FnMut(&mut Tensor)) {
    graph.initializer.iter_mut().for_each(&mut *visit);
    graph.sparse_initializer.iter_mut().for_each(|sparse| change_in_sparse(sparse, visit));
    change_in_nodes(&mut graph.node, visit);
}

fn change_in_nodes(nodes: &mut [Node], visit: &mut dyn FnMut(&mut Tensor)) {
    let attributes = nodes.iter_mut().flat_map(|node| &mut node.attribute);
    attributes.for_each(|attribute| change_in_attribute(attribute, visit));
}

fn change_in_attribute(attribute: &mut Attribute, visit: &mut dyn FnMut(&mut Tensor)) {
    let one = attribute.t.iter_mut().map(|tensor| &mut **tensor);
    one.chain(&mut attribute.tensors).for_each(&mut *visit);
    let sparse = attribute.sparse_tensor.iter_mut().map(|sparse| &mut **sparse);
    sparse.chain(&mut attribute.sparse_tensors).for_each(|sparse| change_in_sparse(sparse, visit));
    let graphs = attribute.g.iter_mut().map(|graph| &mut **graph);
    graphs.chain(&mut attribute.graphs).for_each(|graph| change_in_graph(graph, visit));
}

fn change_in_sparse(sparse: &mut SparseTensor, visit: &mut dyn FnMut(&mut Tensor)) {
    sparse.values.iter_mut().chain(&mut sparse.indices).for_each(visit);
}

/// The file of a network, and those with its weights; the file alone, if it cannot be read.
pub fn network_files(path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside = crate::read(path).and_then(|model| model.external_files()).unwrap_or_default();
    std::iter::once(path.to_path_buf()).chain(beside.into_iter().map(|file| folder.join(file))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataLocation, StringStringEntry};

    fn tensor(location: &str) -> Tensor {
        Tensor {
            data_location: Some(DataLocation::External as i32),
            external_data: vec![StringStringEntry::new("location", location)],
            ..Tensor::default()
        }
    }

    #[test]
    fn data_move_to_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let floats = |name: &str, count: usize, start: f32| {
            let bytes: Vec<u8> = (0..count).flat_map(|i| (start + i as f32).to_le_bytes()).collect();
            std::fs::write(folder.path().join(name), bytes).unwrap();
            Tensor { dims: vec![count as i64], data_type: Some(1), ..tensor(name) }
        };
        let constant = Attribute { t: Some(Box::new(floats("b.bin", 300_000, 7.0))), ..Attribute::default() };
        let graph = Graph {
            node: vec![Node { attribute: vec![constant], ..Node::default() }],
            initializer: vec![floats("a.bin", 3, 1.0), Tensor::from_f32("inside", &[1], &[5.0])],
            ..Graph::default()
        };
        let mut model = Model { graph: Some(graph), ..Model::default() };
        let mut moved = vec![];
        move_external_data(&mut model, folder.path(), "all.bin", &mut moved).unwrap();
        std::fs::write(folder.path().join("all.bin"), &moved).unwrap();
        assert_eq!(
            model.external_files().unwrap().into_iter().collect::<Vec<_>>(),
            [PathBuf::from("all.bin")]
        );
        let graph = model.graph.as_ref().unwrap();
        let first = graph.initializer[0].elements(folder.path()).unwrap().to_f32().unwrap();
        assert_eq!(first, [1.0, 2.0, 3.0]);
        let large = graph.node[0].attribute[0].t.as_ref().unwrap();
        assert_eq!(large.external().unwrap().unwrap().offset, 4096);
        assert_eq!(large.elements(folder.path()).unwrap().to_f32().unwrap()[299_999], 300_006.0);

        let mut whole = model.clone();
        embed_external_data(&mut whole, folder.path()).unwrap();
        assert!(whole.external_files().unwrap().is_empty());
        let inside = whole.graph.as_ref().unwrap().initializer[0].elements(Path::new("/nowhere")).unwrap();
        assert_eq!(inside.to_f32().unwrap(), [1.0, 2.0, 3.0]);

        std::fs::write(folder.path().join("all.bin"), &moved[..8]).unwrap();
        assert!(embed_external_data(&mut model.clone(), folder.path()).is_err());
        assert!(move_external_data(&mut model, folder.path(), "b.bin", &mut vec![]).is_err());
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
