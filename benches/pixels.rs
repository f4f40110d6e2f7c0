//! From the bytes of an image file to the tensor: decode, resize, normalise, on one thread.
//!
//! ```text
//! cargo bench --bench pixels                      a table, of the photographs in data/photos
//! pixels --serve FILE...                          measure on request, for bench/pixels.py
//! ```
//!
//! Served requests are lines such as `file=0 decode=scaled repeats=20` on stdin; the answer is a line with milliseconds per
//! image and the SHA-256 of its resized pixels.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Instant;

use headstart::image::recipe::Decode;
use headstart::image::{Preprocessor, Recipe};
use sha2::{Digest, Sha256};

const PRESET: &str = "keras-resnet50";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    // Cargo adds a flag of its own.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench").peekable();
    if arguments.next_if(|argument| argument == "--serve").is_some() {
        return serve(&arguments.map(std::fs::read).collect::<std::io::Result<Vec<_>>>()?);
    }
    let mut photos: Vec<PathBuf> = std::fs::read_dir("data/photos")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    photos.retain(|path| path.extension().is_some_and(|ending| ending == "jpg"));
    photos.sort();
    for path in photos {
        let bytes = std::fs::read(&path)?;
        let mut times: Vec<f64> = (0..7).map(|_| measure(&bytes, Decode::Full, 20)).collect::<Result<_>>()?;
        times.sort_by(f64::total_cmp);
        println!("{:30} {:.3} ms", path.display(), times[3]);
    }
    Ok(())
}

/// Milliseconds for one image.
fn measure(bytes: &[u8], decode: Decode, repeats: u32) -> Result<f64> {
    let mut preprocessor = Preprocessor::new(Recipe { decode, ..Recipe::preset(PRESET)? })?;
    let mut tensor = vec![0.0; preprocessor.recipe().len()];
    // The first image finds no buffers.
    preprocessor.run(bytes, &mut tensor)?;
    let started = Instant::now();
    for _ in 0..repeats {
        preprocessor.run(bytes, &mut tensor)?;
    }
    Ok(started.elapsed().as_secs_f64() * 1e3 / f64::from(repeats))
}

fn serve(files: &[Vec<u8>]) -> Result<()> {
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let asked = |name: &str| {
            let value = line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            value.ok_or_else(|| format!("`{line}` says no `{name}`"))
        };
        let bytes = &files[asked("file")?.parse::<usize>()?];
        let decode = if asked("decode")? == "scaled" { Decode::Scaled } else { Decode::Full };
        let milliseconds = measure(bytes, decode, asked("repeats")?.parse()?)?;
        let mut preprocessor = Preprocessor::new(Recipe { decode, ..Recipe::preset(PRESET)? })?;
        let digest = Sha256::digest(preprocessor.pixels(bytes)?.rgb);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(out, "{milliseconds} {digest}")?;
        out.flush()?;
    }
    Ok(())
}
