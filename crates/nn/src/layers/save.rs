//! A head as a safetensors file: `dense.kernel` `(inputs, units)`, `dense.bias` `(units)`, `dense_1.kernel`, ...,
//! and its [`HeadConfig`] as JSON in the header under `headstart.head`.

use serde::{Deserialize, Serialize};

use super::{FormatError, Head, HeadConfig, summary::layer_name, tensors};

const KEY: &str = "headstart.head";
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Entry {
    format: u32,
    config: HeadConfig,
}

/// Read before the rest, which a later format may spell in another way.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Head<f32> {
    /// The head as the bytes of a safetensors file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let entry = Entry { format: FORMAT, config: self.config().clone() };
        tensors::to_bytes(KEY, &entry, &self.tensors(""))
    }

    /// A head from such bytes, of which nothing is believed without a check.
    ///
    /// # Errors
    /// [`FormatError`] says what is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = tensors::Reader::new(bytes)?;
        let Version { format } = reader.entry(KEY)?;
        if format > FORMAT {
            return Err(FormatError::Newer { found: format, known: FORMAT });
        }
        let Entry { config, .. } = reader.entry(KEY)?;
        let head = Self::take(&mut reader, "", config.check()?)?;
        reader.finish()?;
        Ok(head)
    }

    /// All parameters, trainable or not, under `prefix`.
    pub(crate) fn tensors(&self, prefix: &str) -> Vec<tensors::Tensor<'_>> {
        let mut tensors = Vec::new();
        for (index, layer) in self.layers().iter().enumerate() {
            let name = layer_name("dense", index);
            let (inputs, units) = layer.kernel.dim();
            for (part, shape, values) in
                [("kernel", vec![inputs, units], &layer.kernel), ("bias", vec![units], &layer.bias)]
            {
                tensors.push(tensors::Tensor { name: format!("{prefix}{name}.{part}"), shape, values });
            }
        }
        tensors
    }

    /// The head of this shape whose parameters stand under `prefix`.
    pub(crate) fn take(
        reader: &mut tensors::Reader,
        prefix: &str,
        config: HeadConfig,
    ) -> Result<Self, FormatError> {
        let mut parameters = Vec::new();
        for (index, (inputs, units)) in config.shapes().into_iter().enumerate() {
            let name = format!("{prefix}{}", layer_name("dense", index));
            parameters.push(reader.take(&format!("{name}.kernel"), &[inputs, units], (inputs, units))?);
            parameters.push(reader.take(&format!("{name}.bias"), &[units], (1, units))?);
        }
        Ok(Self::from_parameters(config, parameters)?)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use safetensors::{Dtype, tensor::TensorView};

    use super::*;
    use crate::layers::Activation;

    fn head() -> Head {
        let config = HeadConfig {
            inputs: 5,
            hidden: vec![4, 3],
            activation: Activation::Tanh,
            dropout: 0.3,
            classes: 2,
        };
        Head::new(config, &mut ChaCha8Rng::seed_from_u64(1)).unwrap()
    }

    /// The file of `head`, its header entry changed.
    fn with_entry(change: impl Fn(String) -> String) -> Vec<u8> {
        let text = serde_json::to_string(&Entry { format: FORMAT, config: head().config().clone() }).unwrap();
        let entry: serde_json::Value = serde_json::from_str(&change(text)).unwrap();
        tensors::to_bytes(KEY, &entry, &head().tensors(""))
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Head::from_bytes(&head().to_bytes()).unwrap(), head());
        assert_eq!(head().to_bytes(), head().to_bytes());
    }

    #[test]
    fn a_torn_file_is_refused_wherever_it_is_torn() {
        let bytes = head().to_bytes();
        for length in 0..bytes.len() {
            assert!(
                matches!(Head::from_bytes(&bytes[..length]), Err(FormatError::SafeTensors(_))),
                "{length}"
            );
        }
    }

    #[test]
    fn a_header_that_is_not_ours_is_refused() {
        let refused = |bytes: &[u8]| Head::from_bytes(bytes).unwrap_err();
        let foreign = tensors::to_bytes("format", &"pt", &head().tensors(""));
        assert!(matches!(refused(&foreign), FormatError::NoMetadata { key: KEY }));
        let newer = with_entry(|_| r#"{"format": 2, "shape": "round"}"#.into());
        assert!(matches!(refused(&newer), FormatError::Newer { found: 2, known: 1 }));
        let unknown = with_entry(|text| text.replace("\"dropout\"", "\"drop\""));
        assert!(matches!(refused(&unknown), FormatError::Metadata { .. }));
        let impossible = with_entry(|text| text.replace("0.3", "1.5"));
        assert!(matches!(refused(&impossible), FormatError::Config(_)));
        let huge = with_entry(|text| text.replace("\"inputs\":5", "\"inputs\":4000000000000000000"));
        assert!(matches!(refused(&huge), FormatError::Shape { .. }));
        let wider = with_entry(|text| text.replace("[4,3]", "[4,3,3]"));
        assert!(matches!(refused(&wider), FormatError::Shape { .. } | FormatError::Missing { .. }));
        let narrower =
            with_entry(|text| text.replace("[4,3]", "[4]").replace("\"classes\":2", "\"classes\":3"));
        assert!(matches!(refused(&narrower), FormatError::Unexpected { .. }));
    }

    #[test]
    fn tensors_of_another_type_or_not_finite_are_refused() {
        let entry = serde_json::json!({
            "format": 1,
            "config": {"inputs": 1, "hidden": [], "activation": "relu", "dropout": 0.0, "classes": 2}
        });
        let with = |dtype, bytes: &[u8]| {
            let bias = [0; 8];
            let views = [
                ("dense.kernel", TensorView::new(dtype, vec![1, 2], bytes).unwrap()),
                ("dense.bias", TensorView::new(Dtype::F32, vec![2], &bias).unwrap()),
            ];
            let metadata = [(KEY.to_owned(), entry.to_string())].into();
            Head::from_bytes(&safetensors::serialize(views, Some(metadata)).unwrap())
        };
        assert!(matches!(with(Dtype::F64, &[0; 16]), Err(FormatError::Dtype { .. })));
        assert!(matches!(with(Dtype::F32, &[255; 8]), Err(FormatError::NotFinite { .. })));
        assert_eq!(with(Dtype::F32, &[0; 8]).unwrap().logits(array![[3.0]].view()), array![[0.0, 0.0]]);
    }
}
