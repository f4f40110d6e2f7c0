//! Which provider really has which nodes: ONNX Runtime gives to the CPU, without a word, what another one does not take.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::fmt;

use ort::AsPointer;
use ort::sys;

use super::{CPU_PROVIDER, Device};

/// The setting of a session that makes ONNX Runtime take notes of where it puts nodes.
pub(crate) const TAKE_NOTES: (&str, &str) = ("session.record_ep_graph_assignment_info", "1");

/// Nodes of a loaded graph, by provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placement {
    nodes: BTreeMap<String, usize>,
    /// Operators on the CPU, and how many nodes of each.
    on_cpu: BTreeMap<String, usize>,
}

impl Placement {
    /// Of a session that was made with `TAKE_NOTES`.
    ///
    /// # Errors
    /// ONNX Runtime's own.
    pub fn read(session: &ort::session::Session) -> ort::Result<Self> {
        let api = ort::api();
        let mut placement = Self::default();
        // SAFETY: as `onnxruntime_c_api.h` says, the lists and what they point at live as long as the session, which is
        // borrowed here; a string is copied at once.
        unsafe {
            let (mut graphs, mut count) = (std::ptr::null(), 0);
            check((api.Session_GetEpGraphAssignmentInfo)(session.ptr(), &mut graphs, &mut count))?;
            for &graph in list(graphs, count) {
                let provider = text(|out| (api.EpAssignedSubgraph_GetEpName)(graph, out))?;
                let (mut nodes, mut count) = (std::ptr::null(), 0);
                check((api.EpAssignedSubgraph_GetNodes)(graph, &mut nodes, &mut count))?;
                for &node in list(nodes, count) {
                    let operator = text(|out| (api.EpAssignedNode_GetOperatorType)(node, out))?;
                    placement.add(&provider, operator);
                }
            }
        }
        Ok(placement)
    }

    fn add(&mut self, provider: &str, operator: String) {
        *self.nodes.entry(provider.to_owned()).or_default() += 1;
        if provider == CPU_PROVIDER {
            *self.on_cpu.entry(operator).or_default() += 1;
        }
    }

    /// Nodes that `device` computes.
    pub fn on(&self, device: Device) -> usize {
        self.nodes.get(device.provider()).copied().unwrap_or(0)
    }

    /// Nodes in all.
    pub fn nodes(&self) -> usize {
        self.nodes.values().sum()
    }

    /// Operators that run on the CPU, with the number of their nodes, in order of name.
    pub fn on_cpu(&self) -> impl Iterator<Item = (&str, usize)> {
        self.on_cpu.iter().map(|(operator, &nodes)| (operator.as_str(), nodes))
    }
}

/// `CPUExecutionProvider has 3 nodes, CUDAExecutionProvider has 120`
impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nodes.is_empty() {
            return f.write_str("it does not list its nodes");
        }
        for (place, (provider, nodes)) in self.nodes.iter().enumerate() {
            let (comma, unit) =
                if place == 0 { ("", if *nodes == 1 { " node" } else { " nodes" }) } else { (", ", "") };
            write!(f, "{comma}{provider} has {nodes}{unit}")?;
        }
        Ok(())
    }
}

/// # Safety
/// A status of ONNX Runtime, not yet released.
unsafe fn check(status: sys::OrtStatusPtr) -> ort::Result<()> {
    // SAFETY: as above.
    unsafe { ort::Error::result_from_status(status) }
}

/// # Safety
/// `start` begins `count` values that live as long as `'a`, or is null.
unsafe fn list<'a, T>(start: *const T, count: usize) -> &'a [T] {
    // SAFETY: as above.
    if start.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(start, count) } }
}

/// # Safety
/// `get` fills in a string that ends in a zero.
unsafe fn text(get: impl FnOnce(*mut *const c_char) -> sys::OrtStatusPtr) -> ort::Result<String> {
    let mut out = std::ptr::null();
    // SAFETY: as above.
    unsafe {
        check(get(&mut out))?;
        Ok(if out.is_null() { String::new() } else { CStr::from_ptr(out).to_string_lossy().into_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_counted_where_they_are() {
        let mut placement = Placement::default();
        assert_eq!(placement.to_string(), "it does not list its nodes");
        placement.add(CPU_PROVIDER, "Shape".into());
        for operator in ["Conv", "Relu"] {
            placement.add("CUDAExecutionProvider", operator.into());
        }
        assert_eq!(
            (placement.on(Device::Cuda(1)), placement.on(Device::OpenVino), placement.nodes()),
            (2, 0, 3)
        );
        assert_eq!(placement.on_cpu().collect::<Vec<_>>(), [("Shape", 1)]);
        assert_eq!(placement.to_string(), "CPUExecutionProvider has 1 node, CUDAExecutionProvider has 2");
    }
}
