//! What the machine can do, measured: multiply-adds in registers, and updates of arrays in place.

use std::fmt;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Per second, on all cores; the best of some tries, for a limit is what nothing comes above.
pub struct Limits {
    threads: usize,
    /// Single-precision operations, a multiply-add being two.
    pub flops: f64,
    /// Bytes read or written while three arrays of the kernel's size are updated in place.
    pub bytes: f64,
    /// The same with arrays that no cache holds.
    far_bytes: f64,
}

const KERNEL: usize = 2048 * 256;
const FAR: usize = 32 << 20;
/// Many and short, so that on a busy machine too some have the cores to themselves.
const TRIES: usize = 40;
const LONG_ENOUGH: Duration = Duration::from_millis(8);

impl Limits {
    pub fn measure() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let best =
            |rate: &(dyn Fn() -> f64 + Sync)| (0..TRIES).map(|_| together(threads, rate)).fold(0.0, f64::max);
        Self {
            threads,
            flops: best(&flops),
            bytes: best(&|| bytes(KERNEL / threads)),
            far_bytes: best(&|| bytes(FAR / threads)),
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} threads reach {:.0} GFLOP/s; arrays of the kernel's size updated in place, {:.0} GB/s; of {} MiB, {:.0} GB/s",
            self.threads,
            self.flops / 1e9,
            self.bytes / 1e9,
            FAR * 4 / (1 << 20),
            self.far_bytes / 1e9
        )
    }
}

/// The sum of the rates of threads that begin together.
fn together(threads: usize, rate: &(dyn Fn() -> f64 + Sync)) -> f64 {
    let begin = Barrier::new(threads);
    std::thread::scope(|scope| {
        let start = || {
            begin.wait();
            rate()
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(start)).collect();
        running.into_iter().map(|thread| thread.join().expect("nothing here panics")).sum()
    })
}

/// How much is done in a second, by work that says how much a go of it does.
fn rate(mut work: impl FnMut() -> usize) -> f64 {
    let (started, mut done) = (Instant::now(), 0);
    while started.elapsed() < LONG_ENOUGH {
        done += work();
    }
    done as f64 / started.elapsed().as_secs_f64()
}

fn flops() -> f64 {
    const ROUNDS: usize = 10_000;
    rate(|| 2 * ROUNDS * black_box(multiply_adds(ROUNDS)))
}

fn bytes(len: usize) -> f64 {
    let mut arrays = [0.5_f32, 0.25, 0.125].map(|value| vec![value; len]);
    update(&mut arrays);
    rate(|| {
        update(black_box(&mut arrays));
        6 * 4 * len
    })
}

/// Independent chains: more than the latency of a multiply-add times the units that do them.
const CHAINS: usize = 12;

/// `rounds` multiply-adds in each lane of each chain, and how many lanes and chains there are.
#[inline(always)]
fn chains<const LANES: usize>(rounds: usize) -> usize {
    let (factor, term) = (black_box(0.999_f32), black_box(1e-3_f32));
    let mut sums = [[1.0_f32; LANES]; CHAINS];
    for _ in 0..rounds {
        for lane in sums.as_flattened_mut() {
            *lane = lane.mul_add(factor, term);
        }
    }
    black_box(sums).as_flattened().len()
}

/// An update as light as one of three arrays can be.
#[inline(always)]
fn update_arrays([weights, first, second]: &mut [Vec<f32>; 3]) {
    for ((weight, first), second) in weights.iter_mut().zip(first).zip(second) {
        *first += 0.1 * (*weight - *first);
        *second += 0.001 * (*weight - *second);
        *weight -= 0.001 * *first;
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    #[target_feature(enable = "avx512f,fma")]
    pub fn multiply_adds_512(rounds: usize) -> usize {
        super::chains::<16>(rounds)
    }

    #[target_feature(enable = "fma")]
    pub fn multiply_adds_256(rounds: usize) -> usize {
        super::chains::<8>(rounds)
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn update(arrays: &mut [Vec<f32>; 3]) {
        super::update_arrays(arrays);
    }
}

fn multiply_adds(rounds: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("fma") {
        return match is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has what the function needs, for it was asked just now.
            true => unsafe { wide::multiply_adds_512(rounds) },
            // SAFETY: as above.
            false => unsafe { wide::multiply_adds_256(rounds) },
        };
    }
    chains::<4>(rounds)
}

fn update(arrays: &mut [Vec<f32>; 3]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has what the function needs, for it was asked just now.
        return unsafe { wide::update(arrays) };
    }
    update_arrays(arrays);
}
