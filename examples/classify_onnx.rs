//! Classify images with a file that `headstart export` wrote, from a program of one's own.
//!
//! ```sh
//! headstart export latest -o classifier.onnx
//! cargo run --release --example classify_onnx -- classifier.onnx photo.jpg …
//! ```

use std::error::Error;
use std::path::PathBuf;

use headstart::backbone::Libraries;
use headstart::backbone::runtime::Runtime;
use headstart::export::Classifier;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let file = arguments.next().ok_or("usage: classify_onnx FILE.onnx IMAGE…")?;
    let mut classifier = Classifier::load(&Runtime::load(&Libraries::default())?, &file, None)?;
    for image in arguments {
        let probabilities = classifier.classify(&std::fs::read(&image)?)?;
        let likeliest =
            (0..probabilities.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
        let class = likeliest.ok_or("a classifier without classes")?;
        println!("{}: {} {:.4}", image.display(), classifier.card().classes[class], probabilities[class]);
    }
    Ok(())
}
