//! A graph that runs piece by piece over many images, each piece on what those before it left: so a layer is looked at without running the
//! network from its start, and only what is still to be read lies in memory.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use headstart_backbone::ort::session::{Session, SessionInputValue};
use headstart_backbone::ort::value::TensorRef;
use ndarray::{ArrayView4, Axis, CowArray, Ix4, s};

use super::error::{Error, Result};
use super::graph;
use super::plan::Plan;
use super::rewrite::{Choice, exact, rewrite};
use super::runner::Machine;
use headstart_onnx::{DataType, Dim, Graph, Model, Node, ValueInfo, Walk};

/// Images that are run at once where the graph leaves a choice.
const BATCH: usize = 4;

/// A tensor, as one batch of images made it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub shape: Vec<usize>,
    pub numbers: Numbers,
}

/// Codes are a quarter as large as what they stand for.
#[derive(Debug, Clone)]
pub(super) enum Numbers {
    Floats(Vec<f32>),
    Codes(Vec<u8>),
}

/// What rounds the graph's layers.
pub(super) type Rounding<'a> = (&'a Plan, &'a Choice);

/// A graph in floats, as it is or rounded, of which some part has run.
pub(super) struct Stepper<'a> {
    machine: &'a Machine<'a>,
    model: &'a Model,
    walk: Walk<'a>,
    input: &'a str,
    images: ArrayView4<'a, f32>,
    /// Images that are run at once.
    size: usize,
    /// For each tensor that is still to be read: what each batch made of it.
    stored: HashMap<String, Vec<Stored>>,
    /// What those nodes give that have run.
    done: HashSet<&'a str>,
    /// Tensors that somebody else will ask for.
    pinned: HashSet<String>,
}

/// Hears of each batch.
pub(super) type Visit<'v> = dyn FnMut(&Made<'_>) -> Result<()> + 'v;

/// What was made of one batch, just now or before.
pub(super) struct Made<'b> {
    pub batch: usize,
    names: &'b [String],
    new: &'b [Stored],
    stored: &'b HashMap<String, Vec<Stored>>,
}

impl Made<'_> {
    pub(super) fn get(&self, name: &str) -> Option<&Stored> {
        let new = self.names.iter().position(|new| new == name).and_then(|place| self.new.get(place));
        new.or_else(|| self.stored.get(name)?.get(self.batch))
    }
}

/// Makes one tensor, a batch at a time.
pub(super) struct Exact<'s, 'a> {
    stepper: &'s Stepper<'a>,
    piece: Piece,
}

impl Exact<'_, '_> {
    /// `None` behind the last batch.
    pub(super) fn batch(&mut self, batch: usize) -> Result<Option<Stored>> {
        if batch >= self.stepper.batches() {
            return Ok(None);
        }
        Ok(self.stepper.run(&mut self.piece, batch)?.pop())
    }
}

/// A part of the graph that runs by itself.
struct Piece {
    session: Session,
    /// Names in the graph, and in the piece.
    inputs: Vec<[String; 2]>,
    outputs: Vec<(String, String, DataType)>,
}

impl<'a> Stepper<'a> {
    pub(super) fn new(machine: &'a Machine<'a>, model: &'a Model, images: ArrayView4<'a, f32>) -> Self {
        let input = graph(model).input.first().map_or("", |input| input.name());
        Self {
            machine,
            model,
            walk: Walk::new(graph(model)),
            input,
            images,
            size: machine.fixed_batch.unwrap_or(BATCH).max(1),
            stored: HashMap::new(),
            done: HashSet::new(),
            pinned: HashSet::new(),
        }
    }

    fn batches(&self) -> usize {
        self.images.len_of(Axis(0)).div_ceil(self.size)
    }

    fn batch(&self, batch: usize) -> CowArray<'_, f32, Ix4> {
        let (from, count) = (batch * self.size, self.images.len_of(Axis(0)));
        match self.machine.fixed_batch {
            None => self.images.slice(s![from..count.min(from + self.size), .., .., ..]).into(),
            // Filled up with the last image.
            Some(size) => {
                let places: Vec<usize> = (from..from + size).map(|at| at.min(count - 1)).collect();
                self.images.select(Axis(0), &places).into()
            }
        }
    }

    /// Keep these until they are asked for, whoever else reads them.
    pub(super) fn pin<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        self.pinned.extend(names.into_iter().map(str::to_owned));
    }

    /// Run what `wanted` needs and keep what is made, rounded if that is said, for [`stored`](Self::stored) and later pieces.
    pub(super) fn advance(&mut self, wanted: &[&str], rounding: Option<Rounding<'_>>) -> Result<()> {
        self.run_on(wanted, rounding, None)
    }

    /// Run what `wanted` needs, and show it batch by batch. It is kept only if somebody reads it later: it may be the largest that there is.
    pub(super) fn show(&mut self, wanted: &[&str], visit: &mut Visit<'_>) -> Result<()> {
        self.run_on(wanted, None, Some(visit))
    }

    fn run_on(
        &mut self,
        wanted: &[&str],
        rounding: Option<Rounding<'_>>,
        mut visit: Option<&mut Visit<'_>>,
    ) -> Result<()> {
        wanted.iter().for_each(|name| {
            self.pinned.remove(*name);
        });
        let missing: Vec<&str> = wanted
            .iter()
            .copied()
            .filter(|name| *name != self.input && !self.stored.contains_key(*name))
            .collect();
        if missing.is_empty() {
            let Some(visit) = visit else { return Ok(()) };
            let made = |batch| Made { batch, names: &[], new: &[], stored: &self.stored };
            return (0..self.batches()).try_for_each(|batch| visit(&made(batch)));
        }
        let nodes = self.needed(&missing);
        for node in &nodes {
            self.done.extend(node.output.iter().map(String::as_str));
        }
        // What is wanted, and what somebody still reads who is not a part of this.
        let mut made: Vec<&str> = nodes
            .iter()
            .flat_map(|node| &node.output)
            .map(String::as_str)
            .filter(|name| missing.contains(name) || self.is_needed(name))
            .collect();
        made.dedup();
        let part = self.part(&nodes, &made, rounding);
        let inside = |name: &str| {
            let codes = rounding.and_then(|_| codes_of(&part, name));
            codes.unwrap_or_else(|| name.to_owned())
        };
        let outputs: Vec<(String, String)> =
            made.iter().map(|&name| (name.to_owned(), inside(name))).collect();
        let mut piece = self.load(part, outputs)?;
        let spent = |name: &&String| !wanted.contains(&name.as_str()) && !self.is_needed(name);
        let spent: Vec<String> = self.stored.keys().filter(spent).cloned().collect();
        let names: Vec<String> = piece.outputs.iter().map(|(name, ..)| name.clone()).collect();
        let is_kept: Vec<bool> = names.iter().map(|name| visit.is_none() || self.is_needed(name)).collect();
        let mut kept: Vec<Vec<Stored>> = vec![vec![]; names.len()];
        for batch in 0..self.batches() {
            let new = self.run(&mut piece, batch)?;
            if let Some(visit) = &mut visit {
                visit(&Made { batch, names: &names, new: &new, stored: &self.stored })?;
            }
            for ((kept, stored), is_kept) in kept.iter_mut().zip(new).zip(&is_kept) {
                kept.extend(is_kept.then_some(stored));
            }
            // Room for the next: these are the most memory that is taken.
            for name in &spent {
                self.stored.get_mut(name).expect("it was found there")[batch].numbers =
                    Numbers::Codes(vec![]);
            }
        }
        self.stored.retain(|name, _| !spent.contains(name));
        let kept = names.into_iter().zip(kept).zip(is_kept);
        self.stored.extend(kept.filter(|(_, is_kept)| *is_kept).map(|(kept, _)| kept));
        Ok(())
    }

    /// What was made of a tensor, batch by batch; nothing of one that was not wanted.
    pub(super) fn stored(&self, name: &str) -> &[Stored] {
        self.stored.get(name).map_or(&[], Vec::as_slice)
    }

    /// Let go of what nobody reads any more.
    pub(super) fn forget(&mut self) {
        let mut stored = std::mem::take(&mut self.stored);
        stored.retain(|name, _| self.is_needed(name));
        self.stored = stored;
    }

    /// What makes `raw`, which `rounded` is before it is rounded, while everything before is as stored.
    pub(super) fn exact(&self, rounded: &str, raw: &str, rounding: Rounding<'_>) -> Result<Exact<'_, 'a>> {
        let nodes = self.needed(&[rounded]);
        let part = self.part(&nodes, &[rounded], Some(rounding));
        let name = exact(&part, rounded).unwrap_or(raw).to_owned();
        let piece = self.load(part, vec![(raw.to_owned(), name)])?;
        Ok(Exact { stepper: self, piece })
    }

    /// Whether somebody asks for `name` later, or a node reads it that has not run.
    fn is_needed(&self, name: &str) -> bool {
        let has_run = |node: &Node| node.output.iter().any(|output| self.done.contains(output.as_str()));
        self.pinned.contains(name) || self.walk.consumers(name).any(|reader| !has_run(reader))
    }

    /// The nodes that make these tensors of what is stored, in the graph's order.
    fn needed(&self, wanted: &[&str]) -> Vec<&'a Node> {
        let mut open: Vec<&str> = wanted.to_vec();
        let mut names: HashSet<&str> = HashSet::new();
        let mut seen: HashSet<&str> = HashSet::new();
        while let Some(name) = open.pop() {
            let Some(node) = self.walk.producer(name).filter(|_| !self.stored.contains_key(name)) else {
                continue;
            };
            if seen.insert(name) {
                names.extend(node.output.iter().map(String::as_str));
                open.extend(node.uses());
            }
        }
        let nodes = &graph(self.model).node;
        nodes.iter().filter(|node| node.output.iter().any(|name| names.contains(name.as_str()))).collect()
    }

    /// These nodes as a graph of their own, rounded if that is said.
    fn part(&self, nodes: &[&Node], wanted: &[&str], rounding: Option<Rounding<'_>>) -> Graph {
        let whole = graph(self.model);
        let inside: HashSet<&str> = nodes.iter().flat_map(|node| &node.output).map(String::as_str).collect();
        let mut input: Vec<ValueInfo> =
            whole.input.iter().filter(|input| !inside.contains(input.name())).cloned().collect();
        let given = self.stored.iter().filter(|(name, _)| !inside.contains(name.as_str()));
        input.extend(given.map(|(name, stored)| info(DataType::Float, name, stored)));
        let mut part = Graph {
            node: nodes.iter().map(|node| (*node).clone()).collect(),
            initializer: whole.initializer.clone(),
            sparse_initializer: whole.sparse_initializer.clone(),
            input,
            output: wanted.iter().map(|name| named(name)).collect(),
            name: whole.name.clone(),
            ..Graph::default()
        };
        part.drop_unused();
        match rounding {
            Some((plan, choice)) => rewrite(&part, plan, choice),
            None => part,
        }
    }

    /// The session of a part with these outputs: their names in the graph and in the part.
    fn load(&self, mut part: Graph, outputs: Vec<(String, String)>) -> Result<Piece> {
        let mut inputs = vec![];
        for (name, stored) in &self.stored {
            let Some(Stored { numbers: Numbers::Codes(_), .. }) = stored.first() else {
                inputs.push([name.clone(), name.clone()]);
                continue;
            };
            // Codes need not be made again.
            let round = part.node.iter().position(|node| {
                node.op_type() == "QuantizeLinear" && node.input.first().is_some_and(|input| input == name)
            });
            let Some(round) = round else { continue };
            let codes = part.node.remove(round).output[0].clone();
            part.input.retain(|input| input.name() != name);
            part.input.push(info(DataType::Uint8, &codes, stored));
            inputs.push([name.clone(), codes]);
        }
        let of_codes: HashSet<String> = part
            .node
            .iter()
            .filter(|node| node.op_type() == "QuantizeLinear")
            .filter_map(|node| node.output.first().cloned())
            .collect();
        let outputs: Vec<(String, String, DataType)> = outputs
            .into_iter()
            .map(|(name, inside)| {
                let element = if of_codes.contains(&inside) { DataType::Uint8 } else { DataType::Float };
                (name, inside, element)
            })
            .collect();
        part.output = outputs.iter().map(|(_, inside, _)| named(inside)).collect();
        part.drop_unused();
        inputs.push([self.input.to_owned(), self.input.to_owned()]);
        inputs.retain(|[_, inside]| part.input.iter().any(|input| input.name() == inside));
        Ok(Piece { session: self.machine.session(self.model.with_graph(part))?, inputs, outputs })
    }

    fn run(&self, piece: &mut Piece, batch: usize) -> Result<Vec<Stored>> {
        let failed = |source| Error::Inference { source };
        let images = piece.inputs.iter().any(|[name, _]| name == self.input).then(|| self.batch(batch));
        let mut values: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = vec![];
        for [name, inside] in &piece.inputs {
            let value: SessionInputValue<'_> = match self.stored.get(name) {
                None => {
                    let images = images.as_ref().expect("nothing else is given to a graph");
                    TensorRef::from_array_view(images.view()).map_err(failed)?.into()
                }
                Some(stored) => stored[batch].value().map_err(failed)?,
            };
            values.push((Cow::Borrowed(inside.as_str()), value));
        }
        let outputs = piece.session.run(values).map_err(failed)?;
        let mut made = vec![];
        for (_, inside, element) in &piece.outputs {
            let output = &outputs[inside.as_str()];
            let sizes = |shape: &[i64]| shape.iter().map(|&size| size.max(0) as usize).collect();
            made.push(match element {
                DataType::Uint8 => {
                    let (shape, codes) = output.try_extract_tensor::<u8>().map_err(failed)?;
                    Stored { shape: sizes(shape), numbers: Numbers::Codes(codes.to_vec()) }
                }
                _ => {
                    let (shape, values) = output.try_extract_tensor::<f32>().map_err(failed)?;
                    Stored { shape: sizes(shape), numbers: Numbers::Floats(values.to_vec()) }
                }
            });
        }
        Ok(made)
    }
}

impl Stored {
    /// # Panics
    /// If it holds codes.
    pub(super) fn floats(&self) -> &[f32] {
        match &self.numbers {
            Numbers::Floats(values) => values,
            Numbers::Codes(_) => panic!("codes were kept, and floats are asked for"),
        }
    }

    fn value(&self) -> headstart_backbone::ort::Result<SessionInputValue<'_>> {
        Ok(match &self.numbers {
            Numbers::Floats(values) => {
                TensorRef::from_array_view((self.shape.clone(), values.as_slice()))?.into()
            }
            Numbers::Codes(codes) => {
                TensorRef::from_array_view((self.shape.clone(), codes.as_slice()))?.into()
            }
        })
    }
}

/// ONNX Runtime finds the type for itself.
fn named(name: &str) -> ValueInfo {
    ValueInfo { name: Some(name.to_owned()), ..ValueInfo::default() }
}

/// What a stored tensor is as an input. ONNX Runtime has to know how many axes there are, or it computes convolutions in integers in a slower way.
fn info(element: DataType, name: &str, stored: &[Stored]) -> ValueInfo {
    let ends = [stored.first(), stored.last()].map(|stored| stored.map_or(&[][..], |stored| &stored.shape));
    let dims: Vec<Dim> = ends[0]
        .iter()
        .zip(ends[1])
        .map(|(a, b)| if a == b { Dim::Static(*a as i64) } else { Dim::Unknown(()) })
        .collect();
    ValueInfo::tensor_of(element, name, &dims)
}

/// The codes that `name` is read from in a rounded graph.
fn codes_of(part: &Graph, name: &str) -> Option<String> {
    let maker = part.node.iter().find(|node| node.output.iter().any(|output| output == name))?;
    (maker.op_type() == "DequantizeLinear").then(|| maker.input[0].clone())
}
