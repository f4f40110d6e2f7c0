//! How much memory is left. Linux grants more than it has and then kills, so waiting for a failure would be too late.

use std::fs;

/// Watches what the process takes, as far as the system tells.
#[derive(Debug)]
pub(super) struct Memory {
    before: u64,
    look: fn() -> Option<Now>,
}

/// In bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Now {
    /// What the process has.
    pub resident: u64,
    /// What it may still have.
    pub available: u64,
}

impl Memory {
    /// Begin to watch, before the first batch.
    pub(super) fn watch() -> Self {
        Self::watch_by(look)
    }

    pub(super) fn watch_by(look: fn() -> Option<Now>) -> Self {
        Self { before: look().map_or(0, |now| now.resident), look }
    }

    /// Whether what the batches have taken so far may be taken again: it grows as they do, and half of what is left is
    /// for others. Where the system tells nothing, it may.
    pub(super) fn has_room_to_double(&self) -> bool {
        (self.look)().is_none_or(|now| now.resident.saturating_sub(self.before) <= now.available / 2)
    }
}

#[cfg(test)]
impl Memory {
    /// As if there had been so much when watching began.
    pub(super) fn begun_at(self, before: u64) -> Self {
        Self { before, ..self }
    }
}

fn look() -> Option<Now> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let machine = fs::read_to_string("/proc/meminfo").ok()?;
    let available = kilobytes(&machine, "MemAvailable:")?;
    Some(Now {
        resident: kilobytes(&status, "VmRSS:")?,
        available: available.min(group_left().unwrap_or(u64::MAX)),
    })
}

/// `VmRSS:     1234 kB`
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What a container leaves of its share, by control groups of the second version.
fn group_left() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let read = |name: &str| fs::read_to_string(format!("/sys/fs/cgroup/{group}/{name}")).ok();
    let number = |text: String| text.trim().parse::<u64>().ok();
    Some(number(read("memory.max")?)?.saturating_sub(number(read("memory.current")?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_tells() {
        assert_eq!(kilobytes("A: 1 kB\nVmRSS:\t    20 kB\n", "VmRSS:"), Some(20 * 1024));
        assert_eq!(kilobytes("VmRSS: lots", "VmRSS:"), None);
        if cfg!(target_os = "linux") {
            let now = look().unwrap();
            assert!(now.resident > 1 << 16 && now.available > 0, "{now:?}");
        }
    }

    #[test]
    fn half_of_what_is_left_is_for_others() {
        let memory = |before| Memory { before, look: || Some(Now { resident: 50, available: 60 }) };
        assert!(memory(20).has_room_to_double());
        assert!(!memory(19).has_room_to_double());
        assert!(Memory::watch_by(|| None).has_room_to_double());
    }
}
