//! The head itself.

use ndarray::{Array2, ArrayView2, NdFloat};
use rand::Rng;

use super::{ConfigError, Dense, Dropout, HeadConfig, Summary, softmax};
use crate::autodiff::{Tape, Var, product};

/// Dense layers with activation and dropout between them.
///
/// ```
/// use headstart_nn::autodiff::Tape;
/// use headstart_nn::layers::{Activation, Head, HeadConfig};
/// use headstart_nn::optim::{Adam, AdamConfig, Optimizer};
/// use ndarray::array;
/// use rand::SeedableRng;
/// use rand_chacha::ChaCha8Rng;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut rng = ChaCha8Rng::seed_from_u64(0);
/// let config =
///     HeadConfig { inputs: 3, hidden: vec![8], activation: Activation::Relu, dropout: 0.2, classes: 2 };
/// let mut head = Head::<f32>::new(config, &mut rng)?;
/// let mut adam = Adam::new(AdamConfig { learning_rate: 0.01, ..Default::default() }, &head.parameters())?;
///
/// let features = array![[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]];
/// let labels = array![[1.0, 0.0], [0.0, 1.0]];
/// for _epoch in 0..100 {
///     let masks = head.draw_masks(2, &mut rng);
///     let mut tape = Tape::new();
///     let x = tape.constant(&features);
///     let logits = head.forward(&mut tape, x, &masks);
///     let loss = tape.softmax_cross_entropy(logits, &labels);
///     let gradients = tape.gradient(loss);
///     adam.step(&mut head.parameters_mut(), &gradients);
/// }
/// assert!(head.probabilities(features.view())[(1, 1)] > 0.9);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Head<F = f32> {
    config: HeadConfig,
    layers: Vec<Dense<F>>,
}

impl<F: NdFloat> Head<F> {
    /// A fresh head: Glorot-uniform kernels, zero biases.
    ///
    /// # Errors
    /// As [`HeadConfig::check`].
    pub fn new(config: HeadConfig, rng: &mut impl Rng) -> Result<Self, ConfigError> {
        let config = config.check()?;
        let layers =
            config.shapes().into_iter().map(|(inputs, units)| Dense::new(inputs, units, rng)).collect();
        Ok(Self { config, layers })
    }

    /// A head with given parameters: kernel `(inputs, units)` and bias `(1, units)` of each layer in turn.
    ///
    /// # Errors
    /// As [`HeadConfig::check`].
    ///
    /// # Panics
    /// If the parameters do not have the shapes that `config` asks for.
    pub fn from_parameters(config: HeadConfig, parameters: Vec<Array2<F>>) -> Result<Self, ConfigError> {
        let config = config.check()?;
        let shapes = config.shapes();
        assert_eq!(parameters.len(), 2 * shapes.len(), "a kernel and a bias for each layer");
        let mut parameters = parameters.into_iter();
        let mut layers = Vec::new();
        for shape in shapes {
            let (kernel, bias) = parameters.next().zip(parameters.next()).expect("counted above");
            assert_eq!((kernel.dim(), bias.dim()), (shape, (1, shape.1)), "shapes of kernel and bias");
            layers.push(Dense { kernel, bias, trainable: true });
        }
        Ok(Self { config, layers })
    }

    /// The shape of this head.
    pub fn config(&self) -> &HeadConfig {
        &self.config
    }

    /// The dense layers, first to last.
    pub fn layers(&self) -> &[Dense<F>] {
        &self.layers
    }

    /// The dense layers, to freeze or to set.
    pub fn layers_mut(&mut self) -> &mut [Dense<F>] {
        &mut self.layers
    }

    /// Trainable parameters, kernel and bias of each layer in turn: the order of the gradients of
    /// [`forward`](Self::forward).
    pub fn parameters(&self) -> Vec<&Array2<F>> {
        let trainable = self.layers.iter().filter(|layer| layer.trainable);
        trainable.flat_map(|layer| [&layer.kernel, &layer.bias]).collect()
    }

    /// [`parameters`](Self::parameters), for the optimizer to change.
    pub fn parameters_mut(&mut self) -> Vec<&mut Array2<F>> {
        let trainable = self.layers.iter_mut().filter(|layer| layer.trainable);
        trainable.flat_map(|layer| [&mut layer.kernel, &mut layer.bias]).collect()
    }

    /// A dropout mask for each hidden layer and `rows` examples; none if nothing is dropped.
    pub fn draw_masks(&self, rows: usize, rng: &mut impl Rng) -> Vec<Array2<F>> {
        let dropout = Dropout { rate: self.config.dropout };
        if dropout.rate == 0.0 {
            return Vec::new();
        }
        self.config.hidden.iter().map(|&units| dropout.mask(rows, units, rng)).collect()
    }

    /// Record the head as it is trained, on features `(n, inputs)`; the result are logits `(n, classes)`.
    ///
    /// Without masks (`&[]`) nothing is dropped, as at inference.
    ///
    /// # Panics
    /// If there are masks, but not one for each hidden layer, or shapes do not fit.
    pub fn forward<'a>(&'a self, tape: &mut Tape<'a, F>, features: Var, masks: &'a [Array2<F>]) -> Var {
        let parameters = self.watch(tape);
        self.forward_with(tape, &parameters, features, masks)
    }

    /// Put kernel and bias of each layer on a tape, for a loss that has more use for them than the forward pass,
    /// such as a penalty.
    ///
    /// ```
    /// # use headstart_nn::{autodiff::Tape, layers::{Activation, Head, HeadConfig}};
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    /// # let config =
    /// #     HeadConfig { inputs: 3, hidden: vec![8], activation: Activation::Relu, dropout: 0.2, classes: 2 };
    /// # let head = Head::<f32>::new(config, &mut rng)?;
    /// # let (features, labels) = (ndarray::array![[1.0, 0.0, 0.5]], ndarray::array![[1.0, 0.0]]);
    /// let mut tape = Tape::new();
    /// let parameters = head.watch(&mut tape);
    /// let x = tape.constant(&features);
    /// let logits = head.forward_with(&mut tape, &parameters, x, &[]);
    /// let mut loss = tape.softmax_cross_entropy(logits, &labels);
    /// for [kernel, _bias] in parameters {
    ///     let squares = tape.sum_of_squares(kernel);
    ///     let penalty = tape.scale(squares, 1e-4);
    ///     loss = tape.add(loss, penalty);
    /// }
    /// let gradients = tape.gradient(loss);
    /// # assert_eq!(gradients.len(), 4);
    /// # Ok::<(), headstart_nn::layers::ConfigError>(())
    /// ```
    pub fn watch<'a>(&'a self, tape: &mut Tape<'a, F>) -> Vec<[Var; 2]> {
        self.layers.iter().map(|layer| layer.watch(tape)).collect()
    }

    /// [`forward`](Self::forward) with parameters that are on the tape already.
    ///
    /// # Panics
    /// As [`forward`](Self::forward); also if the parameters are not a kernel and a bias for each layer.
    pub fn forward_with<'a>(
        &self,
        tape: &mut Tape<'a, F>,
        parameters: &[[Var; 2]],
        features: Var,
        masks: &'a [Array2<F>],
    ) -> Var {
        assert_eq!(parameters.len(), self.layers.len(), "a kernel and a bias for each layer");
        let hidden = self.layers.len() - 1;
        assert!(masks.is_empty() || masks.len() == hidden, "one dropout mask for each hidden layer");
        let mut x = features;
        for (index, &parameters) in parameters.iter().enumerate() {
            x = Dense::forward_with(tape, parameters, x);
            if index < hidden {
                x = self.config.activation.record(tape, x);
            }
            if let Some(mask) = masks.get(index) {
                x = tape.dropout(x, mask);
            }
        }
        x
    }

    /// Logits `(n, classes)` of features `(n, inputs)`; a row's do not depend on the rows beside it.
    ///
    /// # Panics
    /// If the features have another width.
    pub fn logits(&self, features: ArrayView2<F>) -> Array2<F> {
        let (last, hidden) = self.layers.split_last().expect("a head has at least one layer");
        let mut x: Option<Array2<F>> = None;
        for layer in hidden {
            let units = dense(layer, x.as_ref().map_or(features, |x| x.view()));
            x = Some(self.config.activation.apply(&units));
        }
        dense(last, x.as_ref().map_or(features, |x| x.view()))
    }

    /// Probabilities `(n, classes)` of features `(n, inputs)`: the softmax of the logits.
    ///
    /// # Panics
    /// If the features have another width.
    pub fn probabilities(&self, features: ArrayView2<F>) -> Array2<F> {
        softmax(self.logits(features).view())
    }

    /// Layers, shapes and parameters, as `model.summary()` shows them.
    pub fn summary(&self) -> Summary {
        Summary::of_head(self)
    }
}

fn dense<F: NdFloat>(layer: &Dense<F>, x: ArrayView2<F>) -> Array2<F> {
    let mut y = product(x, layer.kernel.view());
    y += &layer.bias;
    y
}

#[cfg(test)]
mod tests {
    use ndarray::{array, s};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::layers::Activation;

    fn head(hidden: &[usize], dropout: f64) -> Head<f32> {
        let config = HeadConfig {
            inputs: 30,
            hidden: hidden.into(),
            activation: Activation::Tanh,
            dropout,
            classes: 3,
        };
        Head::new(config, &mut ChaCha8Rng::seed_from_u64(3)).unwrap()
    }

    fn features() -> Array2<f32> {
        Array2::from_shape_fn((7, 30), |(i, j)| ((i * 31 + j * 17) % 23) as f32 / 23.0)
    }

    #[test]
    fn tape_and_inference_agree_for_no_one_and_several_hidden_layers() {
        let features = features();
        for hidden in [&[][..], &[5], &[6, 4]] {
            let head = head(hidden, 0.5);
            let mut tape = Tape::new();
            let x = tape.constant(&features);
            let logits = head.forward(&mut tape, x, &[]);
            assert_eq!(tape.value(logits), head.logits(features.view()));
        }
    }

    #[test]
    fn a_row_alone_is_the_same_row_in_a_batch() {
        let (head, features) = (head(&[5], 0.0), features());
        let together = head.probabilities(features.view());
        for row in 0..7 {
            assert_eq!(
                head.probabilities(features.slice(s![row..=row, ..])),
                together.slice(s![row..=row, ..])
            );
        }
    }

    #[test]
    fn logits_by_hand() {
        let config =
            HeadConfig { inputs: 2, hidden: vec![2], activation: Activation::Relu, dropout: 0.5, classes: 2 };
        let parameters = vec![
            array![[1.0, -1.0], [0.5, 2.0]],
            array![[0.25, 0.0]],
            array![[1.0, 2.0], [3.0, 4.0]],
            array![[0.0, -1.0]],
        ];
        let head = Head::from_parameters(config, parameters).unwrap();
        // Hidden: 1·1 + 2·0.5 + 0.25 = 2.25 and -1 + 4 = 3 for the first row, 0 and 1 for the second.
        assert_eq!(head.logits(array![[1.0, 2.0], [-1.0, 0.0]].view()), array![[11.25, 15.5], [3.0, 3.0]]);
    }

    #[test]
    fn masks_drop_hidden_units_only_while_training() {
        let (head, features) = (head(&[6, 4], 0.5), features());
        let masks = head.draw_masks(7, &mut ChaCha8Rng::seed_from_u64(0));
        assert_eq!(masks.iter().map(Array2::dim).collect::<Vec<_>>(), [(7, 6), (7, 4)]);
        let mut tape = Tape::new();
        let x = tape.constant(&features);
        let logits = head.forward(&mut tape, x, &masks);
        assert_ne!(tape.value(logits), head.logits(features.view()));
    }

    #[test]
    fn a_frozen_layer_has_no_gradient_and_is_no_parameter() {
        let (mut head, features) = (head(&[5], 0.0), features());
        head.layers_mut()[0].trainable = false;
        let mut tape = Tape::new();
        let x = tape.constant(&features);
        let logits = head.forward(&mut tape, x, &[]);
        let loss = tape.sum_of_squares(logits);
        let shapes: Vec<_> = tape.gradient(loss).iter().map(Array2::dim).collect();
        assert_eq!(shapes, [(5, 3), (1, 3)]);
        assert_eq!(head.parameters().len(), 2);
    }
}
