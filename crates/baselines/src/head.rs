//! Our own head, as one method among others.

use ndarray::ArrayView2;

use super::{Error, Examples, Guesses, Method, Model};
use headstart_base::text::counted;
use headstart_nn::layers::Head;
use headstart_nn::train::{Flow, TrainConfig, train};

/// A head, trained as [`train`] does: `mlp`, or `linear` if it has no hidden layer.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadMethod(pub TrainConfig);

impl Method for HeadMethod {
    fn name(&self) -> &'static str {
        if self.0.hidden.is_empty() { "linear" } else { "mlp" }
    }

    fn settings(&self) -> String {
        let TrainConfig { hidden, activation, dropout, optimizer, learning_rate, epochs, batch_size, .. } =
            &self.0;
        let layers = if hidden.is_empty() {
            String::new()
        } else {
            format!("hidden {hidden:?} {}, dropout {dropout}, ", word(activation))
        };
        let epochs = counted(*epochs as u64, "epoch");
        format!("{layers}{} {learning_rate}, {epochs} of batches of {batch_size}", word(optimizer))
    }

    /// The features as they are, which is what `train` and every run have.
    fn wants_standardised(&self) -> bool {
        false
    }

    fn fit(&self, Examples { features, labels, classes }: Examples<'_>) -> Result<Box<dyn Model>, Error> {
        let outcome = train(&self.0, features, labels, classes, None, &mut |_| Flow::Continue)
            .map_err(|error| Error::failed(self.name(), error))?;
        Ok(Box::new(outcome.head))
    }
}

/// A setting by the name that it has in a settings file.
fn word(setting: &impl serde::Serialize) -> String {
    let name = serde_json::to_value(setting).expect("settings can be written");
    name.as_str().map_or_else(|| name.to_string(), str::to_owned)
}

impl Model for Head {
    fn guess(&self, features: ArrayView2<'_, f32>) -> Result<Guesses, Error> {
        Ok(Guesses::Probabilities(self.probabilities(features)))
    }
}
