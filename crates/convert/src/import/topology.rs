//! The network as `model.json` describes it: layers, their settings, and what feeds what.

use serde_json::Value as Json;

use super::config::Config;
use super::error::{Error, Result};

/// A functional or sequential model, perhaps one inside another.
#[derive(Debug)]
pub(super) struct Network {
    pub name: String,
    pub layers: Vec<Layer>,
    pub inputs: Vec<Source>,
    pub outputs: Vec<Source>,
}

#[derive(Debug)]
pub(super) struct Layer {
    pub name: String,
    pub class: String,
    pub config: Config,
    /// What each call of the layer reads; a shared layer has several calls, an input one without sources.
    pub calls: Vec<Vec<Source>>,
    /// The layers of a model used as a layer.
    pub inner: Option<Network>,
}

/// The output of one call of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub layer: String,
    pub call: usize,
    pub output: usize,
}

const MODELS: [&str; 3] = ["Model", "Functional", "Sequential"];

impl Network {
    /// Read `{"class_name": ..., "config": ...}`.
    pub(super) fn parse(model: &Json) -> Result<Self> {
        let class = text(model, "class_name");
        let config = &model["config"];
        // Sequential models of early Keras are a bare list of layers.
        let layers = config.as_array().or_else(|| config["layers"].as_array());
        let Some(layers) = layers.filter(|_| MODELS.contains(&class.as_str())) else {
            return Err(malformed(
                "model",
                "class_name",
                "a `Model`, `Functional` or `Sequential` with layers",
                &class,
            ));
        };
        let name = match text(config, "name") {
            name if name.is_empty() => class.to_lowercase(),
            name => name,
        };
        let layers = layers.iter().map(Layer::parse).collect::<Result<Vec<_>>>()?;
        if class == "Sequential" {
            return Ok(Self::sequential(name, layers));
        }
        let ends = |key: &str| {
            let sources = ends(&config[key]);
            sources.ok_or_else(|| malformed(&name, key, "a list of layers", &config[key].to_string()))
        };
        Ok(Self { inputs: ends("input_layers")?, outputs: ends("output_layers")?, layers, name })
    }

    /// Each layer reads the one before it; an input is added where only the first layer's shape tells of it.
    fn sequential(name: String, mut layers: Vec<Layer>) -> Self {
        if layers.first().is_some_and(|first| first.class != "InputLayer") {
            let shape = layers[0].input_shape();
            layers.insert(0, Layer::input(&format!("{name}_input"), shape));
        }
        let mut before = layers.first().map(|first| first.name.clone()).unwrap_or_default();
        let inputs = vec![Source::first(&before)];
        for layer in layers.iter_mut().skip(1) {
            layer.calls = vec![vec![Source::first(&before)]];
            before.clone_from(&layer.name);
        }
        Self { outputs: vec![Source::first(&before)], inputs, layers, name }
    }

    /// Whether images come channels first, as the first layer with an opinion has it.
    pub(super) fn channels_first(&self) -> Option<bool> {
        self.layers.iter().find_map(|layer| match &layer.inner {
            Some(inner) => inner.channels_first(),
            None => layer.config.text("data_format").ok().map(|format| format == "channels_first"),
        })
    }

    pub(super) fn layer(&self, name: &str) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.name == name)
    }
}

impl Layer {
    fn parse(json: &Json) -> Result<Self> {
        let class = text(json, "class_name");
        let name = match text(json, "name") {
            name if name.is_empty() => text(&json["config"], "name"),
            name => name,
        };
        let inner = match MODELS.contains(&class.as_str()) {
            true => Some(Network::parse(json)?),
            false => None,
        };
        let mut calls = Vec::new();
        for call in json["inbound_nodes"].as_array().into_iter().flatten() {
            let sources = sources(call);
            calls
                .push(sources.ok_or_else(|| {
                    malformed(&name, "inbound_nodes", "layers it reads", &call.to_string())
                })?);
        }
        if class == "InputLayer" && calls.is_empty() {
            calls.push(Vec::new());
        }
        let config = Config::new(&name, &class, json["config"].clone());
        Ok(Self { name, class, config, calls, inner })
    }

    fn input(name: &str, shape: Json) -> Self {
        let config = serde_json::json!({ "batch_input_shape": shape });
        Self {
            name: name.to_owned(),
            class: "InputLayer".to_owned(),
            config: Config::new(name, "InputLayer", config),
            calls: vec![Vec::new()],
            inner: None,
        }
    }

    /// The shape of the input with its batch dimension, open ones as `null`; `null` where nothing tells it.
    pub(super) fn input_shape(&self) -> Json {
        if let Some(first) = self.inner.as_ref().and_then(|inner| inner.layers.first()) {
            return first.input_shape();
        }
        let shape = |key: &str| self.config.get(key).filter(|shape| shape.is_array());
        shape("batch_input_shape").or_else(|| shape("batch_shape")).cloned().unwrap_or(Json::Null)
    }
}

impl Source {
    fn first(layer: &str) -> Self {
        Self { layer: layer.to_owned(), call: 0, output: 0 }
    }

    /// `["conv1", 0, 0]`, with or without the call's settings behind it.
    fn parse(json: &Json) -> Option<Self> {
        let parts = json.as_array()?;
        let number = |index: usize| Some(parts.get(index)?.as_u64()? as usize);
        Some(Self { layer: parts.first()?.as_str()?.to_owned(), call: number(1)?, output: number(2)? })
    }
}

/// `input_layers`: one source, or a list of them.
fn ends(json: &Json) -> Option<Vec<Source>> {
    match Source::parse(json) {
        Some(one) => Some(vec![one]),
        None => json.as_array()?.iter().map(Source::parse).collect(),
    }
}

/// One call: a list of sources in Keras 2; in Keras 3 arguments in which each tensor carries its `keras_history`.
fn sources(call: &Json) -> Option<Vec<Source>> {
    if call.is_object() {
        let mut found = Vec::new();
        collect_history(&call["args"], &mut found)?;
        return Some(found);
    }
    ends(call)
}

fn collect_history(json: &Json, found: &mut Vec<Source>) -> Option<()> {
    match json {
        Json::Array(items) => items.iter().try_for_each(|item| collect_history(item, found)),
        Json::Object(fields) if fields.get("class_name").is_some_and(|class| class == "__keras_tensor__") => {
            found.push(Source::parse(&json["config"]["keras_history"])?);
            Some(())
        }
        _ => Some(()),
    }
}

fn text(json: &Json, key: &str) -> String {
    json[key].as_str().unwrap_or_default().to_owned()
}

fn malformed(layer: &str, key: &str, expected: &str, found: &str) -> Error {
    Error::Setting {
        layer: layer.to_owned(),
        class: "model".to_owned(),
        key: key.to_owned(),
        expected: expected.to_owned(),
        found: found.chars().take(80).collect(),
    }
}
