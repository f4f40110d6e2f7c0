//! Features of a folder of photographs, each as soon as it is there: computed now or kept from before.
//!
//! ```text
//! cargo run --release --example rows_as_they_come -- [FOLDER]
//! ```
//!
//! Without a folder it takes this project's ten photographs. It stops itself halfway, as a program may whose user has seen enough,
//! goes on from there, and then says which two photographs are most alike.

use std::error::Error;

use headstart::backbone::Backbone;
use headstart::cache::Storage;
use headstart::dataset::images_in;
use headstart::extract::{
    BatchSize, ExtractEvent, ExtractOptions, Extractor, FeatureCache, FillOptions, fingerprint,
};
use headstart::image::Views;
use headstart::image_files;
use ndarray::Array1;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).unwrap_or("data/photos".into());
    let files = image_files(images_in(folder.as_ref())?.images);
    let backbone = Backbone::open("models/resnet50.onnx".as_ref())
        .map_err(|error| format!("{error}; `just setup` makes it, and this wants to run where it is"))?;
    // A cache that stays would be `data/features`; this one goes with the program.
    let kept = tempfile::tempdir()?;
    let fingerprint = fingerprint(&backbone, Storage::F32)?;
    let cache = FeatureCache::create_or_open(kept.path(), backbone.name(), &fingerprint)?;
    // One image at a time, so that there is something left to stop.
    let options = ExtractOptions { batch_size: BatchSize::Fixed(1), ..ExtractOptions::default() };
    let extractor = Extractor::new(&backbone, options);

    let mut results =
        extractor.results(cache, Views::PLAIN, files.clone(), FillOptions::default(), |event| {
            if let headstart::Event::Extract(ExtractEvent::Loaded { engine }) = event {
                println!("computing with ONNX Runtime {}", engine.runtime.version());
            }
        });
    let seen = results.by_ref().take(files.len() / 2).count();
    results.cancel();
    let (summary, cache) = results.finish()?;
    println!("stopped after {seen} of {}: {} are kept", files.len(), summary.computed);

    let (mut names, mut rows) = (vec![], vec![]);
    let mut results = extractor.results(cache, Views::PLAIN, files, FillOptions::default(), |_| {});
    for image in &mut results {
        let name = image.image.name().rsplit('/').next().unwrap_or_default().to_owned();
        match image.features {
            Ok(views) => {
                names.push(name);
                rows.push(views.row(0).to_owned());
            }
            Err(failure) => println!("{name} has no features ({}): {}", failure.kind, failure.reason),
        }
    }
    let (summary, _) = results.finish()?;
    println!("then {} were computed, and {} were there", summary.computed, summary.cached);

    let pairs = (0..rows.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    let alike = pairs.map(|(a, b)| (cosine(&rows[a], &rows[b]), a, b)).max_by(|x, y| x.0.total_cmp(&y.0));
    if let Some((cosine, a, b)) = alike {
        println!("most alike: {} and {} (cosine {cosine:.2})", names[a], names[b]);
    }
    Ok(())
}

fn cosine(a: &Array1<f32>, b: &Array1<f32>) -> f32 {
    a.dot(b) / (a.dot(a) * b.dot(b)).sqrt()
}
