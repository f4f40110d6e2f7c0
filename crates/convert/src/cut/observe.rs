//! What the whole network says about images, before it is cut.

use std::path::Path;

use headstart_backbone::ort::value::TensorElementType;

use super::error::{Error, Result};
use super::find::Found;
use super::finish::Finish;
use super::images::Images;
use super::probe::{Probe, Values};
use super::quantised;
use super::reason::Reason;
use headstart_backbone::image_input::ImageInput;
use headstart_backbone::meaning::linear::{Linear, Order, Quantised, Term};

use super::tokens::{Places, Pool, Tokens};
use headstart_backbone::runtime::Runtime;
use headstart_image::recipe::Layout;
use headstart_onnx::{Model, Walk};

/// The features that the whole network computes on the way to its output, and what it makes of them.
pub(super) struct Observed {
    pub(super) finish: Finish,
    /// For each image.
    pub(super) features: Vec<Vec<f32>>,
    pub(super) classifier: Option<Numbers>,
}

/// A classifier as numbers.
pub(super) struct Numbers {
    /// Row `c` is the weights of class `c`.
    pub(super) weight: Vec<Vec<f32>>,
    pub(super) bias: Vec<f32>,
    /// For each image.
    pub(super) scores: Vec<Vec<f32>>,
    pub(super) outputs: Vec<Vec<f32>>,
    /// Scale and zero point of scores that are integers, with the least and greatest of their type.
    pub(super) rounded: Option<(f32, f32, [f32; 2])>,
    pub(super) half: bool,
}

impl Observed {
    /// Run `model` on `images`, one after another.
    pub(super) fn of(
        runtime: &Runtime,
        model: &Model,
        folder: &Path,
        input: &ImageInput,
        found: &Found,
        images: &Images,
        pool: Option<Pool>,
    ) -> Result<Self> {
        let Some(graph) = &model.graph else {
            return Err(Error::NoFeatures { outputs: vec![], tensors: vec![] });
        };
        let quantised = quantised::of(&Walk::new(graph), &found.tensor);
        let mut wanted = vec![found.tensor.clone()];
        wanted.extend(found.windows.iter().cloned());
        wanted.extend(found.tokens.iter().flat_map(|tokens| tokens.learned.iter().cloned()));
        wanted.extend(quantised.iter().flat_map(|q| [&q.scale].into_iter().chain(&q.zero_point).cloned()));
        if let Some(classifier) = &found.classifier {
            wanted.extend(classifier.linear.tensors());
            wanted.extend([classifier.linear.scores.clone(), classifier.output.clone()]);
        }
        wanted.sort();
        wanted.dedup();
        let copies = input.batch_size().unwrap_or(1);
        let mut probe = Probe::new(runtime, model, folder, &input.name, copies, &wanted)?;
        let mut seen = vec![];
        for index in 0..images.len() {
            seen.push(probe.run(images.one(index))?);
        }
        let whole = |name: &str| seen[0][name].clone();
        let of_image = |name: &str| -> Vec<Values> {
            seen.iter().map(|values| values[name].clone().first_of(copies)).collect()
        };
        check_windows(found, &of_image)?;

        let features = of_image(&found.tensor);
        check_map(found, &features[0], images)?;
        let kind = probe.element_type(&found.tensor);
        let tokens = found.tokens.as_ref().map(|tokens| {
            let count = |name: &String| whole(name).shape.get(1).map_or(0, |&count| count as usize);
            tokens.learned.iter().map(count).sum()
        });
        let finish = finish(found, kind, quantised, &features[0], pool, tokens)?;
        let number =
            |name: Option<&String>, default| name.map_or(default, |name| first(&whole(name), default));
        let scale = number(finish.quantised.as_ref().map(|q| &q.scale), 1.0);
        let zero_point = number(finish.quantised.as_ref().and_then(|q| q.zero_point.as_ref()), 0.0);
        let features = features.iter().map(|one| finish.apply(one, scale, zero_point)).collect();

        let classifier = found.classifier.as_ref().map(|classifier| {
            let kind = probe.element_type(&classifier.linear.scores);
            let scores = of_image(&classifier.linear.scores);
            let outputs = of_image(&classifier.output).into_iter().map(|one| one.data).collect();
            Numbers::new(&classifier.linear, finish.size, kind, &whole, scores, outputs)
        });
        Ok(Self { finish, features, classifier: classifier.transpose()? })
    }
}

fn first(values: &Values, default: f32) -> f32 {
    values.data.first().copied().unwrap_or(default)
}

fn check_windows(found: &Found, of_image: &dyn Fn(&str) -> Vec<Values>) -> Result<()> {
    for window in &found.windows {
        let shape = &of_image(window)[0].shape;
        // One place is `(1, d, 1, 1)` or `(1, 1, 1, d)`.
        let one_place = shape.iter().filter(|&&dim| dim != 1).count() <= 1;
        if !one_place {
            let expected = "one place: the classifier reads a map that was laid out, not pooled";
            return Err(Error::Shape { tensor: window.clone(), expected, found: shape.clone() });
        }
    }
    Ok(())
}

/// An output map that is nearly as large as the image is a picture of something, not a trunk's end.
fn check_map(found: &Found, values: &Values, images: &Images) -> Result<()> {
    const SMALLER: i64 = 8;
    let ([1, a, b, c], Reason::MapOutput { .. }) = (&values.shape[..], &found.reason) else { return Ok(()) };
    // Whichever axis has the channels, the other two are the places'.
    let places = (a * b * c) / a.max(c).max(&1);
    let [height, width] = images.size();
    if places * SMALLER * SMALLER <= (height * width) as i64 {
        return Ok(());
    }
    let expected = "a map an eighth as wide and high as the image, or smaller";
    Err(Error::Shape { tensor: found.tensor.clone(), expected, found: values.shape.clone() })
}

/// What is to be done with a tensor of this type and shape to make features of it.
fn finish(
    found: &Found,
    kind: Option<TensorElementType>,
    quantised: Option<Quantised>,
    values: &Values,
    told: Option<Pool>,
    learned: Option<usize>,
) -> Result<Finish> {
    use TensorElementType as T;
    let (quantised, cast) = match kind {
        Some(T::Float32) => (None, None),
        Some(T::Float16) => (None, Some("float16".to_owned())),
        Some(T::Bfloat16) => (None, Some("bfloat16".to_owned())),
        Some(T::Float64) => (None, Some("float64".to_owned())),
        Some(T::Uint8 | T::Int8 | T::Uint16 | T::Int16) => match quantised {
            Some(quantised) => (Some(quantised), None),
            None => return Err(Error::NoScale { tensor: found.tensor.clone() }),
        },
        other => {
            let kind = other.map_or("no tensor".to_owned(), |kind| kind.to_string());
            return Err(Error::ElementType { tensor: found.tensor.clone(), found: kind });
        }
    };
    let wrong =
        |expected| Error::Shape { tensor: found.tensor.clone(), expected, found: values.shape.clone() };
    let expected = "`(1, d)`, `(1, d, 1, 1)` or `(1, 1, 1, d)`";
    let (flatten, pool, size) = match values.shape[..] {
        [1, tokens, d] if told.is_some() || learned.is_some() && tokens != 1 && d != 1 => {
            let Some(learned) = learned else { return Err(wrong(expected)) };
            let count = usize::try_from(tokens).unwrap_or(0);
            (false, Some(Tokens::pool(&found.tensor, told, learned, count)?), d)
        }
        _ if told.is_some() => return Err(wrong("`(1, tokens, d)`, for only of tokens one can be chosen")),
        [1, d] => (false, None, d),
        [1, d, 1, 1] | [1, 1, 1, d] | [1, d, 1] | [1, 1, d] => (true, None, d),
        [1, a, b, c] if found.map => {
            // Channels are many and places few and square, whichever comes first.
            let layout = if b == c || a != b { Layout::Nchw } else { Layout::Nhwc };
            let (flatten, d) = if layout == Layout::Nchw { (true, a) } else { (false, c) };
            (flatten, Some(Places::Map(layout)), d)
        }
        _ => return Err(wrong(expected)),
    };
    match usize::try_from(size) {
        Ok(size @ 1..) => Ok(Finish { quantised, cast, pool, flatten, size }),
        _ => Err(wrong(expected)),
    }
}

impl Numbers {
    fn new(
        linear: &Linear,
        size: usize,
        kind: Option<TensorElementType>,
        whole: &dyn Fn(&str) -> Values,
        scores: Vec<Values>,
        outputs: Vec<Vec<f32>>,
    ) -> Result<Self> {
        let matrix = whole(&linear.weight.tensor);
        let classes = matrix.data.len() / size;
        let wrong = || Error::Shape {
            tensor: linear.weight.tensor.clone(),
            expected: "a matrix with one side of the feature size",
            found: matrix.shape.clone(),
        };
        if classes == 0 || classes * size != matrix.data.len() {
            return Err(wrong());
        }
        let weights = term(&linear.weight, matrix.data.clone(), classes, linear.order, whole);
        let row = |class: usize| match linear.order {
            Order::ClassesFirst => weights[class * size..(class + 1) * size].to_vec(),
            Order::FeaturesFirst => weights.iter().skip(class).step_by(classes).copied().collect(),
        };
        let bias = match &linear.bias {
            None => vec![0.0; classes],
            Some(bias) => {
                let values = term(bias, whole(&bias.tensor).data, classes, Order::FeaturesFirst, whole);
                // A bias of one number counts for every class.
                (0..classes).filter_map(|class| values.get(class % values.len().max(1)).copied()).collect()
            }
        };
        let scores: Vec<Vec<f32>> = scores.iter().map(|scores| mean_of_places(scores, classes)).collect();
        if bias.len() != classes || scores.iter().any(|scores| scores.len() != classes) {
            return Err(wrong());
        }
        let rounded = linear.rounded.as_ref().map(|q| {
            let zero_point = q.zero_point.as_ref().map_or(0.0, |name| first(&whole(name), 0.0));
            let range = if kind == Some(TensorElementType::Int8) { [-128.0, 127.0] } else { [0.0, 255.0] };
            (first(&whole(&q.scale), 1.0), zero_point, range)
        });
        let half = matches!(kind, Some(TensorElementType::Float16 | TensorElementType::Bfloat16));
        Ok(Self { weight: (0..classes).map(row).collect(), bias, scores, outputs, rounded, half })
    }
}

/// Integers with scales as the numbers they stand for; a scale or zero point may be one for all, or one a class.
fn term(
    term: &Term,
    data: Vec<f32>,
    classes: usize,
    order: Order,
    whole: &dyn Fn(&str) -> Values,
) -> Vec<f32> {
    let zero_points = term.zero_point.as_ref().map_or(vec![0.0], |name| whole(name).data);
    let scales: Vec<Vec<f32>> = term.scales.iter().map(|name| whole(name).data).collect();
    let length = data.len();
    let class_of = |index: usize| match order {
        Order::ClassesFirst => index * classes / length,
        Order::FeaturesFirst => index % classes,
    };
    let pick = |values: &[f32], index: usize| match values {
        [] => 0.0,
        [only] => *only,
        many => many[class_of(index) % many.len()],
    };
    let scaled = |(index, x): (usize, f32)| {
        let x = x - pick(&zero_points, index);
        scales.iter().fold(x * term.factor, |x, scale| x * pick(scale, index))
    };
    data.into_iter().enumerate().map(scaled).collect()
}

/// `(1, classes)`, or the mean over the places of `(1, classes, h, w)`: a layer is linear, so its mean is that of the mean.
fn mean_of_places(scores: &Values, classes: usize) -> Vec<f32> {
    let places = (scores.data.len() / classes).max(1);
    let mean = |of: &[f32]| (of.iter().map(|&x| f64::from(x)).sum::<f64>() / of.len() as f64) as f32;
    scores.data.chunks(places).map(mean).collect()
}
