/// Whether the processor multiplies bfloat16 by itself. OpenVINO computes in fp32 where it does not, and says nothing.
pub(super) fn in_hardware() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        // Processors with AMX have this too.
        std::arch::is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}
