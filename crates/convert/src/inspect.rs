//! What an ONNX file is, for whoever was handed one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::cut::{self, Candidate};
use headstart_backbone::guess::{self, Guess};
use headstart_backbone::image_input::ImageInput;
use headstart_backbone::runtime::{Runtime, plain_words};
use headstart_backbone::weights::{WeightSummary, weights};
use headstart_backbone::{Backbone, OpenOptions};
use headstart_backbone::{Error, Result};
use headstart_backbone::{Metadata, digest, graph, session};
use headstart_base::files::as_path_text;
use headstart_base::text::grouped;
use headstart_onnx::{self as onnx, Dim, Graph, Model, ValueInfo, Walk, type_name};

/// A description of an ONNX file; `Display` is the form for people.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// The file.
    #[serde(serialize_with = "as_path_text")]
    pub path: PathBuf,
    /// Bytes of the file itself, without external data.
    pub size: u64,
    /// As [`Backbone::digest`]; absent if external data are missing.
    pub digest: Option<String>,
    /// What wrote the file, with its version; empty if the file does not say.
    pub producer: String,
    /// Version of ONNX's file format, not of its operators.
    pub ir_version: i64,
    /// Operator sets by domain; the empty domain is ONNX's own.
    pub opsets: BTreeMap<String, i64>,
    /// What a caller must give.
    pub inputs: Vec<ValueSummary>,
    /// What a caller gets.
    pub outputs: Vec<ValueSummary>,
    /// `NCHW` or `NHWC`, as the input's shape or what reads it suggests.
    pub layout: Option<String>,
    /// Numbers in all weights together.
    pub parameters: u64,
    /// Weights by element type.
    pub weights: Vec<WeightSummary>,
    /// Operators in the graph.
    pub nodes: usize,
    /// How often each operator is used, most used first.
    pub operators: Vec<OperatorCount>,
    /// Files beside this one that hold weights.
    pub external_data: Vec<ExternalSummary>,
    /// What the file says about itself.
    pub metadata: Metadata,
    /// Metadata of others, shortened.
    pub other_metadata: BTreeMap<String, String>,
    /// If it cannot serve as it is: where it could be cut, as far as the graph alone tells.
    pub candidates: Vec<Candidate>,
    /// Whether it can serve as a backbone as it is.
    pub ready: bool,
    /// If not, why; the chain of causes in one line.
    pub missing: Option<String>,
    /// Whether it can be computed at all: an incomplete or damaged file cannot, whatever it was meant to be.
    pub broken: bool,
    /// Why it cannot serve as a backbone as it is.
    #[serde(skip)]
    pub refusal: Option<Arc<Error>>,
    /// The recipe that a file without one seems to want.
    pub guess: Option<Guess>,
}

/// An input or output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueSummary {
    /// Its name in the graph.
    pub name: String,
    /// The type of its numbers, such as `float32`; absent if it is not told.
    pub element_type: Option<String>,
    /// Absent if not even the rank is known.
    pub shape: Option<Vec<Dim>>,
}

/// How often an operator is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorCount {
    /// What ONNX calls it, with its domain where that is another than ONNX's own.
    pub operator: String,
    /// Nodes that use it.
    pub count: usize,
}

/// A file that holds weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExternalSummary {
    /// Where it lies, relative to the model's folder.
    #[serde(serialize_with = "as_path_text")]
    pub location: PathBuf,
    /// Bytes, absent if the file is not there.
    pub size: Option<u64>,
}

/// Describe the ONNX file at `path`, whether or not it can serve as a backbone.
///
/// Nothing is run: whether ONNX Runtime takes the graph [`Inspection::try_on`] finds out.
///
/// # Errors
/// Only if it is no ONNX file at all; everything else is part of the description.
pub fn inspect(path: &Path) -> Result<Inspection> {
    let bytes = onnx::read_bytes(path)?;
    let model = onnx::decode(path, bytes.clone())?;
    let graph = model.graph.as_ref().ok_or_else(|| onnx::Error::NoGraph { path: path.to_owned() })?;
    let digest = digest::digest(path, &bytes, &model);
    let known = digest.as_ref().ok().map(|digest| digest.to_hex().to_string());
    let metadata = Metadata::read(&model, path).unwrap_or_default();
    let guess = if metadata.recipe.is_none() { guess::recipe(&model, &bytes) } else { None };
    let backbone = onnx::check(path, &model, &[])
        .map_err(Error::from)
        .and(digest)
        .and_then(|digest| Backbone::from_model(path, &bytes, &model, digest, &OpenOptions::default()));
    let refusal = backbone.err();
    let walk = Walk::new(graph);
    let inputs: Vec<ValueSummary> = walk.inputs().map(summary).collect();
    let layout = walk.inputs().find_map(|input| ImageInput::of(&walk, input).ok()?.layout);
    let weights = weights(&model);
    Ok(Inspection {
        path: path.to_owned(),
        size: bytes.len() as u64,
        digest: known,
        producer: [model.producer_name(), model.producer_version()].join(" ").trim().to_owned(),
        ir_version: model.ir_version(),
        opsets: model.opset_import.iter().map(|set| (set.domain().to_owned(), set.version())).collect(),
        inputs,
        outputs: graph.output.iter().map(summary).collect(),
        layout: layout.map(|layout| layout.to_string()),
        parameters: weights.iter().map(|weights| weights.parameters).sum(),
        weights,
        nodes: graph.node.len(),
        operators: operators(graph),
        external_data: external(path, &model),
        metadata,
        other_metadata: other_metadata(&model),
        candidates: match &refusal {
            None | Some(Error::Onnx(_) | Error::Head { .. }) => vec![],
            Some(_) => cut::candidates(&model),
        },
        ready: refusal.is_none(),
        missing: refusal.as_ref().map(|error| with_causes(error)),
        broken: matches!(refusal, Some(Error::Onnx(_))),
        refusal: refusal.map(Arc::new),
        guess,
    })
}

fn summary(value: &ValueInfo) -> ValueSummary {
    let (element_type, shape) = match value.tensor() {
        Some((kind, shape)) => (Some(type_name(kind)), shape),
        None => (None, None),
    };
    ValueSummary { name: value.name().to_owned(), element_type, shape }
}

fn operators(graph: &Graph) -> Vec<OperatorCount> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for node in &graph.node {
        let operator = match node.domain() {
            "" | "ai.onnx" => node.op_type().to_owned(),
            domain => format!("{domain}.{}", node.op_type()),
        };
        *counts.entry(operator).or_default() += 1;
    }
    let mut counts: Vec<OperatorCount> =
        counts.into_iter().map(|(operator, count)| OperatorCount { operator, count }).collect();
    counts.sort_by_key(|one| std::cmp::Reverse(one.count));
    counts
}

/// Paths that leave the folder are left out: why is told by [`Inspection::missing`].
fn external(path: &Path, model: &Model) -> Vec<ExternalSummary> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let size = |location: &Path| std::fs::metadata(folder.join(location)).ok().map(|file| file.len());
    let files = model.external_files().unwrap_or_default();
    files.into_iter().map(|location| ExternalSummary { size: size(&location), location }).collect()
}

fn other_metadata(model: &Model) -> BTreeMap<String, String> {
    let entries = model.metadata_props.iter().filter(|entry| !entry.key().starts_with("headstart."));
    entries.map(|entry| (entry.key().to_owned(), shorten(entry.value()))).collect()
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(|cause| plain_words(&cause.to_string())).collect::<Vec<_>>().join(": ")
}

impl fmt::Display for ValueSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.element_type.as_deref().unwrap_or("no tensor");
        match &self.shape {
            Some(shape) => write!(f, "{} {kind} {}", self.name, graph::describe_shape(shape)),
            None => write!(f, "{} {kind}, shape unknown", self.name),
        }
    }
}

/// One fact a line, its name in the first column.
impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = [self.verdict(), self.identity(), self.values(), self.contents(), self.origin()].concat();
        let lines: Vec<String> = facts.iter().map(|(name, fact)| format!("{name:<12}{fact}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

type Facts = Vec<(&'static str, String)>;

impl Inspection {
    /// Have ONNX Runtime load the graph, and note if it refuses it.
    pub fn try_on(&mut self, runtime: &Runtime) {
        if self.broken {
            return;
        }
        if let Err(error) = session::try_graph(runtime, &self.path) {
            self.ready = false;
            self.broken = true;
            self.missing = Some(with_causes(&error));
            self.candidates.clear();
            self.refusal = Some(Arc::new(error));
        }
    }

    fn verdict(&self) -> Facts {
        let verdict = match (&self.missing, self.broken) {
            (None, _) => "ready as a backbone".to_owned(),
            (Some(missing), true) => format!("broken: {missing}"),
            (Some(missing), false) => format!("not ready as a backbone: {missing}"),
        };
        vec![("file", format!("{} ({})", self.path.display(), bytes(self.size))), ("verdict", verdict)]
    }

    /// What the file says about itself.
    fn identity(&self) -> Facts {
        let Metadata {
            name,
            recipe,
            feature_tensor,
            feature_size,
            labels,
            source,
            licence,
            recipe_doubts: _,
            quantized,
        } = &self.metadata;
        let features = feature_tensor.as_ref().zip(*feature_size);
        let labels = match labels.as_slice() {
            [] => None,
            [only] => Some(format!("`{only}` alone")),
            [first, .., last] => Some(format!("{}, from `{first}` to `{last}`", labels.len())),
        };
        let facts = [
            ("name", name.clone()),
            ("recipe", recipe.as_ref().map(ToString::to_string)),
            ("features", features.map(|(tensor, size)| format!("{size}, from `{tensor}`"))),
            ("labels", labels),
            ("source", source.clone()),
            ("licence", licence.clone()),
            ("integers", quantized.as_ref().map(ToString::to_string)),
        ];
        let guess = self.guess.as_ref().map(|guess| {
            (
                "recipe",
                format!("{} {guess}", if guess.is_certain() { "by its looks" } else { "unknown; perhaps" }),
            )
        });
        facts.into_iter().filter_map(|(name, fact)| Some((name, fact?))).chain(guess).collect()
    }

    fn values(&self) -> Facts {
        let layout = self.layout.as_ref().map(|layout| format!(", {layout}")).unwrap_or_default();
        let inputs = self.inputs.iter().map(|input| ("input", format!("{input}{layout}")));
        let outputs = self.outputs.iter().map(|output| ("output", output.to_string()));
        let candidates = self.candidates.iter().map(|one| ("cut at", one.to_string()));
        inputs.chain(outputs).chain(candidates).collect()
    }

    fn contents(&self) -> Facts {
        let weights = self.weights.iter().map(|WeightSummary { element_type, tensors, parameters }| {
            let unit = if *tensors == 1 { "tensor" } else { "tensors" };
            ("weights", format!("{} {element_type} in {tensors} {unit}", grouped(*parameters)))
        });
        let external = self.external_data.iter().map(|file| {
            let size = file.size.map_or_else(|| "missing".to_owned(), bytes);
            ("weights in", format!("{} ({size})", file.location.display()))
        });
        let operators: Vec<String> =
            self.operators.iter().map(|one| format!("{} {}", one.count, one.operator)).collect();
        let nodes = ("nodes", format!("{}: {}", self.nodes, operators.join(", ")));
        weights.chain(external).chain([nodes]).collect()
    }

    fn origin(&self) -> Facts {
        let opset = |(domain, version): (&String, &i64)| match domain.as_str() {
            "" => version.to_string(),
            domain => format!("{domain} {version}"),
        };
        let opsets: Vec<String> = self.opsets.iter().map(opset).collect();
        let mut facts =
            vec![("format", format!("ONNX IR {}, operator set {}", self.ir_version, opsets.join(", ")))];
        if !self.producer.is_empty() {
            facts.push(("written by", self.producer.clone()));
        }
        facts.extend(self.other_metadata.iter().map(|(key, value)| ("metadata", format!("{key} = {value}"))));
        facts.extend(self.digest.iter().map(|digest| ("digest", digest.clone())));
        facts
    }
}

/// `94.0 MB`, of a million bytes each as disks are sold.
fn bytes(size: u64) -> String {
    match size {
        0..1_000 => format!("{size} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", size as f64 / 1e3),
        _ => format!("{:.1} MB", size as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headstart_onnx::{Attribute, DataLocation, Node, OperatorSetId, StringStringEntry, Tensor};

    /// A file of somebody else's: weights outside, a custom operator, an input without a shape.
    fn foreign() -> Model {
        let outside = Tensor {
            dims: vec![2, 3],
            data_location: Some(DataLocation::External as i32),
            external_data: vec![StringStringEntry::new("location", "w.bin")],
            raw_data: None,
            ..Tensor::from_f32("w", &[0], &[])
        };
        let custom = Node { domain: Some("com.example".into()), ..Node::new("Twist", &["a"], "b", vec![]) };
        let graph = Graph {
            node: vec![
                Node::new("Relu", &["x"], "a", vec![]),
                custom,
                Node::new("Relu", &["b"], "y", vec![Attribute::int("n", 1)]),
            ],
            initializer: vec![outside],
            input: vec![ValueInfo { name: Some("x".into()), ..ValueInfo::default() }],
            output: vec![ValueInfo::float_tensor("y", &[Dim::Unknown(()), Dim::Static(4)])],
            ..Graph::default()
        };
        let opset =
            |domain: &str, version| OperatorSetId { domain: Some(domain.into()), version: Some(version) };
        Model {
            ir_version: Some(9),
            producer_name: Some("somebody".into()),
            opset_import: vec![opset("", 19), opset("com.example", 1)],
            metadata_props: vec![StringStringEntry::new("author", "é".repeat(300))],
            graph: Some(graph),
            ..Model::default()
        }
    }

    #[test]
    fn any_file_is_described() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("foreign.onnx");
        onnx::write(&foreign(), &path).unwrap();
        let missing = inspect(&path).unwrap();
        assert_eq!((missing.ready, missing.digest.as_deref(), missing.parameters), (false, None, 6));
        assert_eq!(missing.external_data[0].size, None);
        assert!(missing.missing.unwrap().contains("w.bin"));

        std::fs::write(folder.path().join("w.bin"), [0; 24]).unwrap();
        let whole = inspect(&path).unwrap();
        assert!(whole.digest.is_some());
        assert_eq!(whole.operators[0], OperatorCount { operator: "Relu".into(), count: 2 });
        assert_eq!(whole.operators[1].operator, "com.example.Twist");
        assert_eq!(whole.other_metadata["author"].chars().count(), 201);
        let text = whole.to_string();
        let facts = [
            "not ready as a backbone: ",
            "x no tensor, shape unknown",
            "y float32 (?, 4)",
            "6 float32 in 1 tensor",
            "w.bin (24 bytes)",
            "3: 2 Relu, 1 com.example.Twist",
            "ONNX IR 9, operator set 19, com.example 1",
            "somebody",
        ];
        for fact in facts {
            assert!(text.contains(fact), "`{fact}` is not in\n{text}");
        }
        assert!(!text.ends_with('\n'));
        let json = serde_json::to_value(&whole).unwrap();
        assert_eq!(json["outputs"][0]["shape"], serde_json::json!([null, 4]));
        assert_eq!(json["external_data"][0]["size"], 24);
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(bytes(94_400_000), "94.4 MB");
    }
}
