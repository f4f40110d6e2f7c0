//! Layers that move numbers about without changing them.

use super::super::emit::Emit;
use super::super::error::Result;
use super::super::topology::Layer;
use super::super::value::{Format, Order, Value, expect_shape};
use headstart_base::text::dims;
use headstart_onnx::Attribute;

/// Only noted here: a convolution that follows adds the zeros itself, anything else asks for a `Pad` node.
pub(super) fn zero_padding(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    let format = Format::of(config)?;
    let input = emit.ordered(&input, format.planes());
    let [c, h, w] = expect_shape(input.image(format), config, &input, "an image")?;
    let [top, bottom, left, right] = config.sides("padding")?;
    let [t, l, b, r] = input.pad;
    Ok(Value {
        shape: format.shape([c, h + top + bottom, w + left + right]),
        pad: [t + top, l + left, b + bottom, r + right],
        ..input
    })
}

pub(super) fn crop(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    let format = Format::of(config)?;
    let input = emit.ordered(&input, format.planes());
    let [c, h, w] = expect_shape(input.image(format), config, &input, "an image")?;
    let [top, bottom, left, right] = config.sides("cropping")?;
    let left_over = (h > top + bottom && w > left + right).then_some(());
    expect_shape(left_over, config, &input, "an image larger than what is cut off")?;
    let starts = emit.integers("starts", &[top as i64, left as i64]);
    let ends = emit.integers("ends", &[(h - bottom) as i64, (w - right) as i64]);
    let axes = emit.integers("axes", &[2, 3]);
    let name = emit.node("Slice", &[&input.name, &starts, &ends, &axes], vec![]);
    Ok(Value::new(name, format.shape([c, h - top - bottom, w - left - right]), format.planes()))
}

/// Whole numbers of copies of each pixel.
pub(super) fn upsample(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    let nearest = config.text_or("interpolation", "nearest")? == "nearest";
    config.only("interpolation", nearest, "`nearest`")?;
    let format = Format::of(config)?;
    let input = emit.ordered(&input, format.planes());
    let [c, h, w] = expect_shape(input.image(format), config, &input, "an image")?;
    let [rows, columns] = config.pair("size", Some([2, 2]))?;
    let scales = emit.constant("scales", &[4], &[1.0, 1.0, rows as f32, columns as f32]);
    let attributes = vec![
        Attribute::string("coordinate_transformation_mode", "asymmetric"),
        Attribute::string("mode", "nearest"),
        Attribute::string("nearest_mode", "floor"),
    ];
    let name = emit.node("Resize", &[&input.name, "", &scales], attributes);
    Ok(Value::new(name, format.shape([c, h * rows, w * columns]), format.planes()))
}

/// All numbers of an image in a row, channels last, wherever the layer before had them: a dense layer that follows
/// was trained with that order.
pub(super) fn flatten(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let format = Format::of(&layer.config)?;
    let length = input.shape.iter().product();
    let pixels = input.image(format).is_none_or(|[_, h, w]| h * w > 1);
    let mut input = if pixels { emit.ordered(&input, Order::Keras) } else { input };
    if format == Format::ChannelsFirst && input.shape.len() > 1 && pixels {
        // Keras moves the channels behind the pixels before it flattens.
        let rank = input.rank() as i64;
        let permutation = [0].into_iter().chain(2..rank).chain([1]);
        input.name = emit.node("Transpose", &[&input.name], vec![Attribute::ints("perm", permutation)]);
    }
    let name = emit.node("Flatten", &[&input.name], vec![Attribute::int("axis", 1)]);
    Ok(Value::new(name, vec![length], Order::Keras))
}

pub(super) fn reshape(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    let target = config.integers("target_shape")?.unwrap_or_default();
    let shape = resolve(&target, input.shape.iter().product());
    let shape = expect_shape(shape, config, &input, &format!("as many numbers as {} holds", dims(&target)))?;
    let input = emit.ordered(&input, Order::Keras);
    // A zero keeps the batch as it is.
    let dims: Vec<i64> = [0].into_iter().chain(shape.iter().map(|&n| n as i64)).collect();
    let dims = emit.integers("shape", &dims);
    let name = emit.node("Reshape", &[&input.name, &dims], vec![]);
    Ok(Value::new(name, shape, Order::Keras))
}

/// `target` with its one open dimension (-1) filled so that it holds `length` numbers.
fn resolve(target: &[i64], length: usize) -> Option<Vec<usize>> {
    let known = target
        .iter()
        .filter(|&&n| n != -1)
        .try_fold(1usize, |product, &n| product.checked_mul(usize::try_from(n).ok().filter(|&n| n > 0)?))?;
    let open = target.iter().filter(|&&n| n == -1).count();
    let fits = if open == 0 { known == length } else { open == 1 && length.is_multiple_of(known) };
    let fill = |&n: &i64| if n == -1 { length / known } else { n as usize };
    fits.then(|| target.iter().map(fill).collect())
}

pub(super) fn permute(emit: &mut Emit<'_>, layer: &Layer, input: Value) -> Result<Value> {
    let config = &layer.config;
    let dims = config.integers("dims")?.unwrap_or_default();
    let mut sorted = dims.clone();
    sorted.sort_unstable();
    let all = sorted.iter().copied().eq(1..=input.shape.len() as i64);
    config.only("dims", all, "each axis of the input once, counted from 1")?;
    let input = emit.ordered(&input, Order::Keras);
    let shape = dims.iter().map(|&dim| input.shape[dim as usize - 1]).collect();
    let permutation = [0].into_iter().chain(dims);
    let name = emit.node("Transpose", &[&input.name], vec![Attribute::ints("perm", permutation)]);
    Ok(Value::new(name, shape, Order::Keras))
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn open_dimensions_are_filled() {
        assert_eq!(resolve(&[2, -1], 12), Some(vec![2, 6]));
        assert_eq!(resolve(&[3, 4], 12), Some(vec![3, 4]));
        assert_eq!(resolve(&[5, -1], 12), None);
        assert_eq!(resolve(&[-1, -1], 12), None);
        assert_eq!(resolve(&[0, -1], 12), None);
        assert_eq!(resolve(&[i64::MAX, i64::MAX], 12), None);
    }
}
