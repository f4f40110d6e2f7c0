//! What computes fastest here: measured, for no rule about processors holds for all of them.

use std::fmt;

use headstart::backbone::device::{Choice, Device, Precision, Selection};
use headstart::backbone::session::{Session, SessionOptions};
use headstart::backbone::{self, Backbone, Engine, EngineOptions, Libraries};
use headstart::extract::{self, RATE_BATCH};
use serde::Serialize;

use super::report::Check;
use crate::cli::system::libraries;
use headstart::precision::Form;

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
        write!(f, "{}{} {:.1}", self.device.kind(), in_words(self.precision), self.images_per_second)
    }
}

fn in_words(precision: Precision) -> String {
    if precision == Precision::Fp32 { String::new() } else { format!(" in {precision}") }
}

/// Every device and precision that the loaded ONNX Runtime serves, beside the one that was chosen. Not TensorRT, which would prepare
/// the graph for minutes.
pub fn speed(chosen: &Form, forms: &[Form], engine: &Engine, started: &EngineOptions) -> Check {
    let mut rates: Vec<Rate> = vec![];
    for form in forms {
        for device in devices().filter(|&device| is_served(engine, device, form.precision)) {
            let options = SessionOptions {
                precision: form.precision,
                max_batch: Some(RATE_BATCH),
                ..started.session.clone()
            };
            if let Ok(images_per_second) = measure(&form.backbone, engine, device, &options) {
                rates.push(Rate { device, precision: form.precision, images_per_second });
            }
        }
    }
    rates.sort_by(|a, b| b.images_per_second.total_cmp(&a.images_per_second));
    let has_int8 = forms.iter().any(|form| form.precision == Precision::Int8);
    let beside = beside(engine, &started.libraries);
    judge(rates, (engine.selection.device, chosen.precision), has_int8, &beside)
}

/// Devices that work here, but by another ONNX Runtime than the one which this process has loaded.
fn beside(engine: &Engine, libraries: &Libraries) -> Vec<Device> {
    let works = |device| Selection::make(Choice::Only(device), Precision::Fp32, libraries).is_ok();
    let is_beside = |&device: &Device| !is_served(engine, device, Precision::Fp32) && works(device);
    Choice::AUTO.into_iter().filter(is_beside).collect()
}

fn devices() -> impl Iterator<Item = Device> {
    Choice::AUTO.into_iter().chain([Device::Cpu, Device::CoreMl, Device::DirectMl(0)])
}

fn is_served(engine: &Engine, device: Device, precision: Precision) -> bool {
    Selection::make(Choice::Only(device), precision, &libraries(Some(engine.runtime.library()))).is_ok()
}

fn measure(
    backbone: &Backbone,
    engine: &Engine,
    device: Device,
    options: &SessionOptions,
) -> Result<f64, backbone::Error> {
    let mut session = Session::on(device, &engine.runtime, backbone, options)?;
    extract::images_per_second(backbone, &mut session)
}

/// `rates`, the fastest first.
fn judge(
    rates: Vec<Rate>,
    (device, precision): (Device, Precision),
    has_int8: bool,
    beside: &[Device],
) -> Check {
    let Some(&fastest) = rates.first() else {
        return Check::skipped("speed", "nothing could be measured");
    };
    let listed: Vec<_> = rates.iter().map(Rate::to_string).collect();
    let untried = if has_int8 {
        ""
    } else {
        "; int8 can be measured when `headstart extract MANIFEST --precision int8` has made its graph"
    };
    let elsewhere = |device: &Device| {
        let device = device.kind();
        format!("; {device} has an ONNX Runtime of its own: `headstart doctor --device {device}` measures it")
    };
    let elsewhere: String = beside.iter().map(elsewhere).collect();
    let (rest, batch) = (format!("{untried}{elsewhere}"), RATE_BATCH);
    let found = format!("{} images/s, {batch} at a time, the network alone{rest}", listed.join(", "));
    let own = rates.iter().find(|rate| (rate.device, rate.precision) == (device, precision));
    let check = match own {
        Some(own) if own.images_per_second * GAIN < fastest.images_per_second => {
            let apart = if fastest.precision == precision {
                ""
            } else {
                "; it gives other features, which the cache keeps apart"
            };
            let (device, precision) = (fastest.device.kind(), fastest.precision);
            Check::ok("speed", found).remedy(format!(
                "fastest here: `headstart extract MANIFEST --device {device} --precision {precision}`{apart}"
            ))
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
    fn what_is_faster_than_the_chosen_one_is_told_with_the_command_for_it() {
        let rates =
            || vec![rate(Device::OpenVino, Precision::Fp32, 30.0), rate(Device::Cpu, Precision::Fp32, 20.0)];
        let check = judge(rates(), (Device::Cpu, Precision::Fp32), true, &[]);
        assert!(check.found.starts_with("openvino 30.0, cpu 20.0 images/s"), "{}", check.found);
        let command = "fastest here: `headstart extract MANIFEST --device openvino --precision fp32`";
        assert_eq!(check.remedy.unwrap(), command);
        assert_eq!(judge(rates(), (Device::OpenVino, Precision::Fp32), true, &[]).remedy, None);

        for (device, precision) in [(Device::OpenVino, Precision::Bf16), (Device::Cpu, Precision::Int8)] {
            let mut faster = rates();
            faster.insert(0, rate(device, precision, 60.0));
            let check = judge(faster, (Device::OpenVino, Precision::Fp32), true, &[]);
            let words =
                format!("--device {} --precision {precision}`; it gives other features", device.kind());
            assert!(check.remedy.as_ref().is_some_and(|remedy| remedy.contains(&words)), "{check:?}");
            assert!(check.found.starts_with(&format!("{} in {precision} 60.0, ", device.kind())));
        }
    }

    #[test]
    fn what_was_not_measured_for_want_of_a_graph_is_told() {
        let rates = || vec![rate(Device::Cpu, Precision::Fp32, 20.0)];
        let found = |has_int8| judge(rates(), (Device::Cpu, Precision::Fp32), has_int8, &[]).found;
        assert!(found(false).contains("int8 can be measured when") && !found(true).contains("int8"));
    }

    #[test]
    fn a_device_that_another_onnx_runtime_serves_is_told_with_the_command_for_it() {
        let found = |beside: &[Device]| {
            let rates = vec![rate(Device::Cpu, Precision::Fp32, 20.0)];
            judge(rates, (Device::Cpu, Precision::Fp32), true, beside).found
        };
        assert!(found(&[Device::OpenVino]).contains("`headstart doctor --device openvino` measures it"));
        assert!(!found(&[]).contains("headstart doctor"));
    }

    #[test]
    fn a_little_is_noise() {
        let rates =
            vec![rate(Device::OpenVino, Precision::Fp32, 21.0), rate(Device::Cpu, Precision::Fp32, 20.0)];
        assert_eq!(judge(rates, (Device::Cpu, Precision::Fp32), true, &[]).remedy, None);
    }
}
