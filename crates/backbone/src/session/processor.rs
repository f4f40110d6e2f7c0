//! What kind of processor this is, as far as it decides how ONNX Runtime lays out weights and multiplies bytes.

use std::sync::OnceLock;

/// Whether products of bytes are added in 16 bits here, which those of large weights overflow: x86 before VNNI.
#[cfg(target_arch = "x86_64")]
pub fn bytes_overflow() -> bool {
    !(std::arch::is_x86_feature_detected!("avx512vnni") || std::arch::is_x86_feature_detected!("avxvnni"))
}

#[cfg(not(target_arch = "x86_64"))]
pub fn bytes_overflow() -> bool {
    false
}

/// Architecture, the vector instructions that may be used, and the processor's own name where the system tells it.
pub fn identity() -> &'static str {
    static IDENTITY: OnceLock<String> = OnceLock::new();
    IDENTITY.get_or_init(|| [std::env::consts::ARCH.to_owned(), instructions(), name()].join("\n"))
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> String {
    macro_rules! found {
        ($($name:tt)*) => {
            [$(($name, std::arch::is_x86_feature_detected!($name))),*]
        };
    }
    let known = found!("sse4.1" "avx" "avx2" "fma" "f16c" "avxvnni" "avx512f" "avx512bw" "avx512dq" "avx512vl" "avx512vnni" "avx512bf16");
    known.into_iter().filter_map(|(name, found)| found.then_some(name)).collect::<Vec<_>>().join(" ")
}

#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> String {
    String::new()
}

/// The lines of the first processor that are the same for its twin in another machine.
fn name() -> String {
    const TOLD: [&str; 9] = [
        "vendor_id",
        "cpu family",
        "model",
        "model name",
        "stepping",
        "flags",
        "Features",
        "CPU implementer",
        "CPU part",
    ];
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let first = text.lines().take_while(|line| !line.trim().is_empty());
    let told = first.filter(|line| line.split(':').next().is_some_and(|name| TOLD.contains(&name.trim())));
    told.collect::<Vec<_>>().join("\n")
}
