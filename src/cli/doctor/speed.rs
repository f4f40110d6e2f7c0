//! What computes fastest here: measured, for no rule about processors holds for all of them.

use std::fmt;
use std::time::Instant;

use headstart::backbone::device::{Choice, Device, Precision, Selection};
use headstart::backbone::session::{Session, SessionOptions};
use headstart::backbone::{self, Backbone, Engine};
use ndarray::Array4;
use serde::Serialize;

use super::report::Check;

/// Images of one run: enough for a processor, few enough to take no time.
const BATCH: usize = 4;
/// Timed runs, of which the best counts, after one that allocates and compiles.
const RUNS: usize = 3;
/// What another device must gain to be worth a word.
const GAIN: f64 = 1.1;

/// What one device does, of the network alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    #[serde(serialize_with = "as_text")]
    device: Device,
    #[serde(serialize_with = "as_text")]
    precision: Precision,
    images_per_second: f64,
}

fn as_text<S: serde::Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bf16 = if self.precision == Precision::Fp32 { "" } else { " in bf16" };
        write!(f, "{}{bf16} {:.1}", self.device.kind(), self.images_per_second)
    }
}

/// Every device that the loaded ONNX Runtime serves, beside the one that was chosen. Not TensorRT, which would prepare the
/// graph for minutes.
pub fn speed(backbone: &Backbone, engine: &Engine, precision: Precision, threads: Option<usize>) -> Check {
    let chosen = (engine.selection.device, precision);
    let mut rates: Vec<Rate> = vec![];
    let served = candidates().filter(|&(device, precision)| is_served(engine, device, precision));
    for (device, precision) in served {
        let options = SessionOptions { threads, device, precision, max_batch: Some(BATCH), copies: None };
        if let Ok(images_per_second) = measure(backbone, engine, options) {
            rates.push(Rate { device, precision, images_per_second });
        }
    }
    rates.sort_by(|a, b| b.images_per_second.total_cmp(&a.images_per_second));
    judge(rates, chosen)
}

fn candidates() -> impl Iterator<Item = (Device, Precision)> {
    let devices = Choice::AUTO.into_iter().chain([Device::Cpu, Device::CoreMl, Device::DirectMl(0)]);
    devices.flat_map(|device| [(device, Precision::Fp32), (device, Precision::Bf16)])
}

fn is_served(engine: &Engine, device: Device, precision: Precision) -> bool {
    Selection::make(Choice::Only(device), precision, Some(engine.runtime.library())).is_ok()
}

fn measure(backbone: &Backbone, engine: &Engine, options: SessionOptions) -> Result<f64, backbone::Error> {
    let mut session = Session::new(&engine.runtime, backbone, options)?;
    let [a, b, c] = backbone.recipe().input_shape();
    // Any pixels take the same time, as long as they are numbers of the usual size.
    let images = Array4::from_shape_fn((BATCH, a, b, c), |(n, i, j, k)| {
        ((n + 3 * i + 5 * j + 7 * k) % 11) as f32 / 11.0
    });
    session.run(images.view())?;
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let began = Instant::now();
        session.run(images.view())?;
        best = best.min(began.elapsed().as_secs_f64());
    }
    Ok(BATCH as f64 / best)
}

/// `rates`, the fastest first.
fn judge(rates: Vec<Rate>, (device, precision): (Device, Precision)) -> Check {
    let Some(&fastest) = rates.first() else {
        return Check::skipped("speed", "nothing could be measured");
    };
    let listed: Vec<_> = rates.iter().map(Rate::to_string).collect();
    let found = format!("{} images/s, {BATCH} at a time, the network alone", listed.join(", "));
    let own = rates.iter().find(|rate| (rate.device, rate.precision) == (device, precision));
    let check = match own {
        Some(own) if own.images_per_second * GAIN < fastest.images_per_second => {
            let device = fastest.device.kind();
            Check::ok("speed", found).remedy(match fastest.precision {
                Precision::Fp32 => format!("fastest here: `--device {device}`"),
                precision => format!(
                    "fastest here: `--device {device} --precision {precision}`, whose features are others, kept apart"
                ),
            })
        }
        _ => Check::ok("speed", found),
    };
    Check { rates, ..check }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(device: Device, precision: Precision, images_per_second: f64) -> Rate {
        Rate { device, precision, images_per_second }
    }

    #[test]
    fn what_is_faster_than_the_chosen_one_is_told() {
        let rates =
            || vec![rate(Device::OpenVino, Precision::Fp32, 30.0), rate(Device::Cpu, Precision::Fp32, 20.0)];
        let check = judge(rates(), (Device::Cpu, Precision::Fp32));
        assert!(check.found.starts_with("openvino 30.0, cpu 20.0 images/s"), "{}", check.found);
        assert_eq!(check.remedy.unwrap(), "fastest here: `--device openvino`");
        assert_eq!(judge(rates(), (Device::OpenVino, Precision::Fp32)).remedy, None);

        let mut with_bf16 = rates();
        with_bf16.insert(0, rate(Device::OpenVino, Precision::Bf16, 60.0));
        let remedy = judge(with_bf16, (Device::OpenVino, Precision::Fp32)).remedy.unwrap();
        assert!(
            remedy.contains("`--device openvino --precision bf16`, whose features are others"),
            "{remedy}"
        );
    }

    #[test]
    fn a_little_is_noise() {
        let rates =
            vec![rate(Device::OpenVino, Precision::Fp32, 21.0), rate(Device::Cpu, Precision::Fp32, 20.0)];
        assert_eq!(judge(rates, (Device::Cpu, Precision::Fp32)).remedy, None);
    }
}
