//! What a model is made of, as Keras' `model.summary()` shows it.

use std::fmt;

use ndarray::NdFloat;

use super::Head;
use headstart_base::text::grouped;

/// Layers with output shapes and parameters; prints as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Name over the table.
    pub model: String,
    /// First to last.
    pub layers: Vec<LayerSummary>,
}

/// One layer of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSummary {
    /// What Keras would call it, such as `dense_1`.
    pub name: String,
    /// Such as `Dense`.
    pub kind: String,
    /// Without the batch.
    pub output: Vec<usize>,
    /// Numbers that it holds.
    pub parameters: usize,
    /// Whether training changes them.
    pub trainable: bool,
}

impl Summary {
    pub(super) fn of_head<F: NdFloat>(head: &Head<F>) -> Self {
        let mut layers = Vec::new();
        let hidden = head.layers().len() - 1;
        for (index, dense) in head.layers().iter().enumerate() {
            let output = vec![dense.kernel.ncols()];
            layers.push(LayerSummary {
                name: layer_name("dense", index),
                kind: "Dense".into(),
                output: output.clone(),
                parameters: dense.parameter_count(),
                trainable: dense.trainable,
            });
            if index < hidden {
                let (name, kind) = (layer_name("dropout", index), "Dropout".into());
                layers.push(LayerSummary { name, kind, output, parameters: 0, trainable: true });
            }
        }
        Self { model: "head".into(), layers }
    }

    /// Put a frozen part in front, such as the backbone whose features the head sees.
    pub fn on_frozen(mut self, name: &str, kind: &str, output: &[usize], parameters: usize) -> Self {
        let (name, kind, output) = (name.into(), kind.into(), output.into());
        self.layers.insert(0, LayerSummary { name, kind, output, parameters, trainable: false });
        self
    }

    /// Number of parameters that training changes.
    pub fn trainable(&self) -> usize {
        self.count(true)
    }

    /// Number of parameters that it does not.
    pub fn frozen(&self) -> usize {
        self.count(false)
    }

    fn count(&self, trainable: bool) -> usize {
        self.layers.iter().filter(|layer| layer.trainable == trainable).map(|layer| layer.parameters).sum()
    }
}

/// Keras' way: `dense`, `dense_1`, `dense_2`, ...
pub(super) fn layer_name(kind: &str, index: usize) -> String {
    if index == 0 { kind.into() } else { format!("{kind}_{index}") }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![["Layer (type)".to_owned(), "Output shape".into(), "Parameters".into()]];
        rows.extend(self.layers.iter().map(|layer| {
            let sizes: Vec<String> = layer.output.iter().map(usize::to_string).collect();
            let frozen = if layer.trainable { "" } else { ", frozen" };
            [
                format!("{} ({}{frozen})", layer.name, layer.kind),
                format!("(None, {})", sizes.join(", ")),
                grouped(layer.parameters as u64),
            ]
        }));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (a, b, c) = (width(0), width(1), width(2));
        writeln!(f, "Model: {}", self.model)?;
        for (index, [layer, output, parameters]) in rows.iter().enumerate() {
            writeln!(f, " {layer:<a$}   {output:<b$}   {parameters:>c$}")?;
            if index == 0 {
                writeln!(f, "{}", "─".repeat(a + b + c + 7))?;
            }
        }
        writeln!(f, "{}", "─".repeat(a + b + c + 7))?;
        writeln!(f, " Total parameters:     {}", sized(self.trainable() + self.frozen()))?;
        writeln!(f, " Trainable parameters: {}", sized(self.trainable()))?;
        write!(f, " Frozen parameters:    {}", sized(self.frozen()))
    }
}

/// The number, and the room it takes as f32.
fn sized(parameters: usize) -> String {
    let bytes = 4.0 * parameters as f64;
    let (size, unit) = match bytes {
        ..1024.0 => (bytes, "B"),
        ..1_048_576.0 => (bytes / 1024.0, "KiB"),
        _ => (bytes / 1_048_576.0, "MiB"),
    };
    let digits = if unit == "B" { 0 } else { 2 };
    format!("{} ({size:.digits$} {unit})", grouped(parameters as u64))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::layers::{Activation, HeadConfig};

    #[test]
    fn the_tutorials_model() {
        let config = HeadConfig {
            inputs: 2048,
            hidden: vec![256],
            activation: Activation::Relu,
            dropout: 0.5,
            classes: 10,
        };
        let head = Head::<f32>::new(config, &mut ChaCha8Rng::seed_from_u64(0)).unwrap();
        let summary = head.summary().on_frozen("resnet50", "Backbone", &[2048], 23_587_712);
        assert_eq!((summary.trainable(), summary.frozen()), (2048 * 256 + 256 + 256 * 10 + 10, 23_587_712));
        let want = "\
Model: head
 Layer (type)                  Output shape   Parameters
────────────────────────────────────────────────────────
 resnet50 (Backbone, frozen)   (None, 2048)   23,587,712
 dense (Dense)                 (None, 256)       524,544
 dropout (Dropout)             (None, 256)             0
 dense_1 (Dense)               (None, 10)          2,570
────────────────────────────────────────────────────────
 Total parameters:     24,114,826 (91.99 MiB)
 Trainable parameters: 527,114 (2.01 MiB)
 Frozen parameters:    23,587,712 (89.98 MiB)";
        assert_eq!(summary.to_string(), want);
    }

    #[test]
    fn parameters_are_sized_as_f32() {
        assert_eq!([10, 1000].map(sized), ["10 (40 B)", "1,000 (3.91 KiB)"]);
    }
}
