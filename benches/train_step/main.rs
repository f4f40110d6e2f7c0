//! A training step of the head, and how near it comes to what the machine can do:
//!
//! ```text
//! cargo bench --bench train_step                  a table
//! train_step --write FILE ROWS                    rows of features, as little-endian f32
//! train_step --serve FILE                         measure on request, for bench/train.py
//! ```
//!
//! The head is 2048-256-10 with dropout 0.5, under Adam; rows are gathered from memory in an order that is new in each
//! epoch. Served requests are lines such as `batch=32 rows=1000 warm=8 steps=160 seconds=2` on stdin: the first `rows`
//! of the file, `warm` steps that nobody counts, then `steps` steps or as many as fit into `seconds`. The answer is a line
//! with milliseconds per step. Trainings go on from one request to the next, so that the process stays warm.

#![allow(unreachable_pub, reason = "nothing outside a benchmark meets its parts")]

mod features;
mod floor;
mod limits;
mod session;

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Duration;

use features::{DIM, rows_or_synthetic};
use floor::Floor;
use headstart::machine::Threads;
use limits::Limits;
use session::{Session, cached_rows};

/// Batch size, rows, and steps between two looks at the clock.
const CASES: [(usize, usize, usize); 3] = [(1, 1_000, 1_000), (32, 1_000, 160), (256, 50_000, 100)];
const REPEATS: usize = 7;
const PATIENCE: Duration = Duration::from_secs(5);

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result<()> {
    Threads::for_training(None)?.run(measure)
}

fn measure() -> Result<()> {
    // Cargo adds a flag of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => table(),
        ["--write", file, rows] => {
            let (features, origin) = rows_or_synthetic(rows.parse()?);
            features::write(Path::new(file), &features)?;
            println!("{origin}");
            Ok(())
        }
        ["--serve", file] => serve(Path::new(file)),
        _ => Err("expected nothing, `--write FILE ROWS` or `--serve FILE`".into()),
    }
}

fn table() -> Result<()> {
    let limits = Limits::measure();
    println!("{limits}");
    let (all, origin) = rows_or_synthetic(50_000);
    println!("{origin}; medians of {REPEATS}\n");
    println!("batch    rows  ms/step   rows/s  floor, ms (arithmetic, memory)  floor/step");
    for (batch, rows, steps) in CASES {
        let features = all.slice(ndarray::s![..rows, ..]).to_owned();
        report("", batch, rows, steps, &limits, &mut Session::new(Box::new(features), batch)?)?;
    }
    let (batch, rows, steps) = CASES[2];
    let folder = tempfile::tempdir()?;
    let store = session::store(folder.path(), &all)?;
    let mut session = Session::new(Box::new(cached_rows(&store, rows)?), batch)?;
    report("  rows from the mapped cache", batch, rows, steps, &limits, &mut session)
}

fn report(
    note: &str,
    batch: usize,
    rows: usize,
    steps: usize,
    limits: &Limits,
    session: &mut Session,
) -> Result<()> {
    session.run(steps, PATIENCE)?;
    let mut times = (0..REPEATS).map(|_| session.run(steps, PATIENCE)).collect::<Result<Vec<f64>>>()?;
    times.sort_by(f64::total_cmp);
    let seconds = times[REPEATS / 2];
    let floor = Floor::of(batch, DIM, limits);
    println!(
        "{batch:>5} {rows:>7} {:>8.3} {:>8.0}  {:>9.3} ({:>10.3}, {:>6.3})  {:>10.2}{note}",
        seconds * 1e3,
        session.rows_a_step() / seconds,
        floor.seconds() * 1e3,
        floor.arithmetic * 1e3,
        floor.memory * 1e3,
        floor.seconds() / seconds,
    );
    Ok(())
}

fn serve(file: &Path) -> Result<()> {
    let mut sessions = std::collections::HashMap::new();
    let mut out = std::io::stdout();
    writeln!(out, "ready headstart {}", env!("CARGO_PKG_VERSION"))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let number = |name: &str| -> Result<usize> {
            let value = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            Ok(value.ok_or_else(|| format!("`{line}`: there is no `{name}`"))?.parse()?)
        };
        let (batch, rows) = (number("batch")?, number("rows")?);
        let session = match sessions.entry((batch, rows)) {
            std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(Session::new(Box::new(features::read(file, rows)?), batch)?)
            }
        };
        session.run(number("warm")?, Duration::MAX)?;
        let seconds = session.run(number("steps")?, Duration::from_secs(number("seconds")? as u64))?;
        writeln!(out, "{}", seconds * 1e3)?;
    }
    Ok(())
}
