//! The record of a computation, and the walk back through it.

use std::sync::Arc;

use ndarray::{Array2, NdFloat};

use super::{
    Gradient,
    op::{Backward, Op},
};

/// A value on a [`Tape`]: an index into its nodes. It means nothing on another tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Var(usize);

/// Records ops as they are computed, to be differentiated once.
///
/// Parameters and data are borrowed, not copied; the borrow ends with [`gradient`](Tape::gradient), after which
/// the optimizer may change them. Generic over the float: train in `f32`, check in `f64`.
pub struct Tape<'a, F = f32> {
    nodes: Vec<Node<'a, F>>,
    watched: Vec<Var>,
}

struct Node<'a, F> {
    value: Value<'a, F>,
    /// `None` for what was put on the tape from outside.
    origin: Option<Box<dyn Recorded<F> + 'a>>,
    /// Whether something watched lies behind this node.
    wanted: bool,
}

enum Value<'a, F> {
    Borrowed(&'a Array2<F>),
    Shared(Arc<Array2<F>>),
}

impl<F> Node<'_, F> {
    fn value(&self) -> &Array2<F> {
        match &self.value {
            Value::Borrowed(array) => array,
            Value::Shared(array) => array,
        }
    }
}

impl<F: NdFloat> Default for Tape<'_, F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, F: NdFloat> Tape<'a, F> {
    /// An empty tape.
    pub fn new() -> Self {
        Self { nodes: Vec::new(), watched: Vec::new() }
    }

    /// Put a parameter on the tape: [`gradient`](Self::gradient) will answer for it.
    pub fn watch(&mut self, parameter: &'a Array2<F>) -> Var {
        let var = self.push(Value::Borrowed(parameter), None, true);
        self.watched.push(var);
        var
    }

    /// Put data, or a frozen parameter, on the tape: no gradient is computed for it.
    pub fn constant(&mut self, data: &'a Array2<F>) -> Var {
        self.push(Value::Borrowed(data), None, false)
    }

    /// [`constant`](Self::constant), without a borrow: a [`factored_gradient`](Self::factored_gradient) may keep it.
    pub fn shared_constant(&mut self, data: Arc<Array2<F>>) -> Var {
        self.push(Value::Shared(data), None, false)
    }

    /// Compute `op` and record it. Ops of the library have a method each, such as [`Tape::relu`].
    ///
    /// # Panics
    /// If the shapes do not fit, or an input is from a longer tape.
    pub fn apply<O: Op<F, N> + 'a, const N: usize>(&mut self, op: O, inputs: [Var; N]) -> Var {
        let value = op.forward(inputs.map(|input| self.value(input)));
        let wanted = inputs.iter().any(|input| self.nodes[input.0].wanted);
        self.push(Value::Shared(Arc::new(value)), Some(Box::new(Application { op, inputs })), wanted)
    }

    /// What was computed at `var`.
    pub fn value(&self, var: Var) -> &Array2<F> {
        self.nodes[var.0].value()
    }

    /// The single number at `var`, such as a loss.
    ///
    /// # Panics
    /// If the value is not `(1, 1)`.
    pub fn scalar(&self, var: Var) -> F {
        let value = self.value(var);
        assert_eq!(value.dim(), (1, 1), "a scalar on the tape has the shape (1, 1)");
        value[(0, 0)]
    }

    /// Gradients of `loss` with respect to each watched array, in the order they were watched.
    ///
    /// A watched array that `loss` does not depend on has a gradient of zeros.
    ///
    /// # Panics
    /// If `loss` is not a scalar, or an op of the caller's own breaks the contract of [`Op::backward`].
    pub fn gradient(self, loss: Var) -> Vec<Array2<F>> {
        self.factored_gradient(loss).into_iter().map(Gradient::into_dense).collect()
    }

    /// As [`gradient`](Self::gradient), but the last product of a kernel's gradient is left to whoever needs it, unless
    /// its layer's input is only [borrowed](Self::constant).
    ///
    /// # Panics
    /// As [`gradient`](Self::gradient).
    pub fn factored_gradient(self, loss: Var) -> Vec<Gradient<'static, F>> {
        self.scalar(loss);
        let mut sums: Vec<Sum<F>> = (0..self.nodes.len()).map(|_| None).collect();
        sums[loss.0] = Some(Array2::ones((1, 1)).into());
        // An op comes after its inputs, so this order meets every node after all its uses.
        for (index, node) in self.nodes.iter().enumerate().rev() {
            let Some(origin) = node.origin.as_ref().filter(|_| node.wanted) else { continue };
            // Taken, not kept: memory of what lies behind is free for what comes next.
            let Some(upstream) = sums[index].take() else { continue };
            origin.pull(&self.nodes, node.value(), upstream.into_dense(), &mut sums);
        }
        let answer = |var: &Var| {
            sums[var.0].take().unwrap_or_else(|| Array2::zeros(self.nodes[var.0].value().dim()).into())
        };
        self.watched.iter().map(answer).collect()
    }

    fn push(&mut self, value: Value<'a, F>, origin: Option<Box<dyn Recorded<F> + 'a>>, wanted: bool) -> Var {
        self.nodes.push(Node { value, origin, wanted });
        Var(self.nodes.len() - 1)
    }
}

/// What has come back to a node so far.
type Sum<F> = Option<Gradient<'static, F>>;

/// An op of any arity, with the places of its inputs.
struct Application<O, const N: usize> {
    op: O,
    inputs: [Var; N],
}

trait Recorded<F> {
    /// Hand `upstream` on to the inputs, adding to what they already have.
    fn pull(&self, nodes: &[Node<F>], output: &Array2<F>, upstream: Array2<F>, sums: &mut [Sum<F>]);
}

impl<F: NdFloat, O: Op<F, N>, const N: usize> Recorded<F> for Application<O, N> {
    fn pull(&self, nodes: &[Node<F>], output: &Array2<F>, upstream: Array2<F>, sums: &mut [Sum<F>]) {
        let inputs = self.inputs.map(|input| nodes[input.0].value());
        let mut wants = self.inputs.map(|input| nodes[input.0].wanted);
        let waiting = self.waiting(nodes, sums);
        if let Some((input, _)) = waiting {
            wants[input] = false;
        }
        let gradients = self.op.backward(Backward { inputs, output, upstream: &upstream, wants });
        for (((gradient, input), wanted), var) in
            gradients.into_iter().zip(inputs).zip(wants).zip(self.inputs)
        {
            if !wanted {
                continue;
            }
            let gradient = gradient.expect("an op answers for every input that wants a gradient");
            assert_eq!(gradient.dim(), input.dim(), "a gradient has the shape of its input");
            let sum = match sums[var.0].take() {
                Some(sum) => sum.into_dense() + gradient,
                None => gradient,
            };
            sums[var.0] = Some(sum.into());
        }
        if let Some((input, left)) = waiting {
            sums[self.inputs[input].0] = Some(Gradient::Factored { left, right: upstream });
        }
    }
}

impl<O, const N: usize> Application<O, N> {
    /// An input whose gradient can stay a product, and the left factor of that. It is a leaf that nothing has come back
    /// to yet: further back than a leaf the product would have to be formed anyway.
    fn waiting<F>(&self, nodes: &[Node<F>], sums: &[Sum<F>]) -> Option<(usize, Arc<Array2<F>>)>
    where
        O: Op<F, N>,
    {
        self.inputs.iter().enumerate().find_map(|(input, var)| {
            let left = &nodes[self.inputs[self.op.left_factor(input)?].0].value;
            let node = &nodes[var.0];
            let once = self.inputs.iter().filter(|other| *other == var).count() == 1;
            match left {
                Value::Shared(left)
                    if once && node.wanted && node.origin.is_none() && sums[var.0].is_none() =>
                {
                    Some((input, left.clone()))
                }
                _ => None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_value_used_twice_gets_the_sum_of_both_gradients() {
        let (a, b) = (array![[3.0]], array![[5.0]]);
        let mut tape = Tape::new();
        let (x, y) = (tape.watch(&a), tape.watch(&b));
        let product = tape.matmul(x, y);
        let loss = tape.matmul(product, x); // x² y
        assert_eq!(tape.scalar(loss), 45.0);
        assert_eq!(tape.gradient(loss), [array![[30.0]], array![[9.0]]]);
    }

    #[test]
    fn an_input_used_twice_by_one_op_gets_both() {
        let a = array![[3.0]];
        let mut tape = Tape::new();
        let x = tape.watch(&a);
        let loss = tape.matmul(x, x);
        assert_eq!(tape.gradient(loss), [array![[6.0]]]);
    }

    /// `Σ (x w + x w₂)²` with `w` used once or twice: both answers of the tape.
    fn both_gradients(twice: bool, shared: bool) -> (Vec<Array2<f64>>, Vec<Gradient<'static, f64>>) {
        let (data, kernel) = (array![[2.0, -1.0], [0.5, 3.0], [1.0, 1.0]], array![[0.5, 1.0], [-2.0, 0.25]]);
        let record = || {
            let mut tape = Tape::new();
            let x = if shared { tape.shared_constant(data.clone().into()) } else { tape.constant(&data) };
            let w = tape.watch(&kernel);
            let mut y = tape.matmul(x, w);
            if twice {
                y = tape.matmul(y, w);
            }
            let loss = tape.sum_of_squares(y);
            (tape, loss)
        };
        let [(a, loss), (b, _)] = [record(), record()];
        (a.gradient(loss), b.factored_gradient(loss))
    }

    #[test]
    fn a_product_is_left_to_the_caller_only_where_it_is_all() {
        for (twice, shared, stays_product) in
            [(false, true, true), (false, false, false), (true, true, false)]
        {
            let (dense, factored) = both_gradients(twice, shared);
            let [gradient] = <[_; 1]>::try_from(factored).unwrap();
            assert_eq!(matches!(gradient, Gradient::Factored { .. }), stays_product, "{twice} {shared}");
            assert_eq!(gradient.into_dense(), dense[0]);
        }
    }

    #[test]
    fn what_the_loss_does_not_use_has_a_gradient_of_zeros() {
        let (a, b) = (array![[3.0]], array![[5.0, 6.0]]);
        let mut tape = Tape::new();
        let (x, _) = (tape.watch(&a), tape.watch(&b));
        let loss = tape.sum_of_squares(x);
        assert_eq!(tape.gradient(loss), [array![[6.0]], array![[0.0, 0.0]]]);
    }

    #[test]
    fn a_watched_array_may_be_the_loss_itself() {
        let a = array![[3.0]];
        let mut tape = Tape::new();
        let loss = tape.watch(&a);
        assert_eq!(tape.gradient(loss), [array![[1.0]]]);
    }

    /// Fails the test if it is asked for a gradient that nobody wants.
    struct Choosy;

    impl Op<f64, 2> for Choosy {
        fn forward(&self, [x, w]: [&Array2<f64>; 2]) -> Array2<f64> {
            x * w
        }

        fn backward(&self, ctx: Backward<'_, f64, 2>) -> [Option<Array2<f64>>; 2] {
            assert_eq!(ctx.wants, [false, true]);
            [None, Some(ctx.upstream * ctx.inputs[0])]
        }
    }

    #[test]
    fn constants_want_no_gradient() {
        let (data, weight) = (array![[2.0]], array![[7.0]]);
        let mut tape = Tape::new();
        let (x, w) = (tape.constant(&data), tape.watch(&weight));
        let loss = tape.apply(Choosy, [x, w]);
        assert_eq!(tape.gradient(loss), [array![[2.0]]]);
    }

    #[test]
    #[should_panic(expected = "a scalar on the tape")]
    fn only_a_scalar_has_a_gradient() {
        let a = array![[3.0, 4.0]];
        let mut tape = Tape::new();
        let x = tape.watch(&a);
        tape.gradient(x);
    }
}
