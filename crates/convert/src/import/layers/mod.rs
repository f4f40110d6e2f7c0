//! One function per layer class: settings and weights in, ONNX nodes out.

mod activation;
mod conv;
mod dense;
mod merge;
mod normalise;
mod pool;
mod shape;
mod window;

use super::emit::Emit;
use super::error::{Error, Result};
use super::topology::Layer;
use super::value::Value;

/// How a layer is converted.
#[derive(Clone, Copy)]
enum Convert {
    /// Makes a value from one, whose padding is already real.
    One(fn(&mut Emit<'_>, &Layer, Value) -> Result<Value>),
    /// The same, and deals with the padding itself.
    Padded(fn(&mut Emit<'_>, &Layer, Value) -> Result<Value>),
    /// Makes a value from several.
    Many(fn(&mut Emit<'_>, &Layer, Vec<Value>) -> Result<Value>),
    /// Does something only while training.
    Nothing,
}

const CONVERSIONS: [(&str, Convert); 44] = [
    ("Activation", Convert::One(activation::activation)),
    ("ActivityRegularization", Convert::Nothing),
    ("Add", Convert::Many(merge::elementwise)),
    ("AlphaDropout", Convert::Nothing),
    ("Average", Convert::Many(merge::elementwise)),
    ("AveragePooling2D", Convert::One(pool::average)),
    ("BatchNormalization", Convert::One(normalise::batch)),
    ("Concatenate", Convert::Many(merge::concatenate)),
    ("Conv2D", Convert::Padded(conv::conv2d)),
    ("Cropping2D", Convert::One(shape::crop)),
    ("Dense", Convert::One(dense::dense)),
    ("DepthwiseConv2D", Convert::Padded(conv::depthwise)),
    ("Dropout", Convert::Nothing),
    ("ELU", Convert::One(activation::elu)),
    ("Flatten", Convert::One(shape::flatten)),
    ("GaussianDropout", Convert::Nothing),
    ("GaussianNoise", Convert::Nothing),
    ("GlobalAveragePooling2D", Convert::One(pool::global_average)),
    ("GlobalMaxPooling2D", Convert::One(pool::global_max)),
    ("LeakyReLU", Convert::One(activation::leaky_relu)),
    ("MaxPooling2D", Convert::One(pool::max)),
    ("Maximum", Convert::Many(merge::elementwise)),
    ("Minimum", Convert::Many(merge::elementwise)),
    ("Multiply", Convert::Many(merge::elementwise)),
    ("Normalization", Convert::One(normalise::normalization)),
    ("PReLU", Convert::One(activation::prelu)),
    ("Permute", Convert::One(shape::permute)),
    ("RandomBrightness", Convert::Nothing),
    ("RandomContrast", Convert::Nothing),
    ("RandomFlip", Convert::Nothing),
    ("RandomRotation", Convert::Nothing),
    ("RandomTranslation", Convert::Nothing),
    ("RandomZoom", Convert::Nothing),
    ("ReLU", Convert::One(activation::relu)),
    ("Rescaling", Convert::One(normalise::rescaling)),
    ("Reshape", Convert::One(shape::reshape)),
    ("SeparableConv2D", Convert::Padded(conv::separable)),
    ("Softmax", Convert::One(activation::softmax)),
    ("SpatialDropout1D", Convert::Nothing),
    ("SpatialDropout2D", Convert::Nothing),
    ("Subtract", Convert::Many(merge::elementwise)),
    ("ThresholdedReLU", Convert::One(activation::thresholded_relu)),
    ("UpSampling2D", Convert::One(shape::upsample)),
    ("ZeroPadding2D", Convert::Padded(shape::zero_padding)),
];

/// The layer classes that can be converted, sorted; models as layers and input layers come on top.
pub fn supported() -> Vec<&'static str> {
    CONVERSIONS.iter().map(|(class, _)| *class).collect()
}

/// The nodes of one call of `layer`.
pub(super) fn convert(emit: &mut Emit<'_>, layer: &Layer, inputs: Vec<Value>) -> Result<Value> {
    let Some((_, convert)) = CONVERSIONS.iter().find(|(class, _)| *class == layer.class) else {
        let supported = supported();
        return Err(Error::Layer { layer: layer.name.clone(), class: layer.class.clone(), supported });
    };
    if let Convert::Many(function) = convert {
        let inputs = inputs.iter().map(|input| emit.settle(input)).collect();
        return function(emit, layer, inputs);
    }
    let found = inputs.len();
    let Ok([input]) = <[Value; 1]>::try_from(inputs) else {
        return Err(Error::Inputs { layer: layer.name.clone(), expected: "1", found });
    };
    match convert {
        Convert::One(function) => {
            let input = emit.settle(&input);
            function(emit, layer, input)
        }
        Convert::Padded(function) => function(emit, layer, input),
        Convert::Nothing | Convert::Many(_) => Ok(input),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_of_layers_is_sorted() {
        assert!(super::supported().is_sorted());
    }
}
