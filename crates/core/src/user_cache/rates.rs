//! How many images a second networks compute on this machine.

use std::fs;

use headstart_backbone::device::Precision;
use headstart_backbone::session::processor_identity;
use serde::{Deserialize, Serialize};

use super::{UserCache, keep};

/// More are not kept; the oldest go.
const MOST: usize = 100;

/// How many images a second one graph computes here, without reading them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The backbone's name.
    pub backbone: String,
    /// BLAKE3 of the graph's file, hex.
    pub graph: String,
    /// What it computed in.
    pub precision: Precision,
    /// What computed, such as `cpu`.
    pub device: String,
    /// ONNX Runtime's version.
    pub runtime: String,
    /// Threads that computed; `None` for one on each core.
    pub threads: Option<usize>,
    /// Images a second of the network alone.
    pub images_per_second: f64,
    /// A digest of what is known of the processor: a home folder may be on several machines.
    #[serde(default)]
    pub processor: String,
}

impl Rate {
    /// Whether it was measured of the same graph in the same way on such a processor.
    pub fn is_of(&self, other: &Self) -> bool {
        let way = |rate: &Self| {
            let Self { graph, precision, device, threads, processor, .. } = rate.clone();
            (graph, precision, device, threads, processor)
        };
        way(self) == way(other)
    }

    /// The same, measured on this processor.
    pub fn here(self) -> Self {
        let digest = blake3::hash(processor_identity().as_bytes()).to_hex();
        Self { processor: digest[..8].to_owned(), ..self }
    }
}

impl UserCache {
    /// What was measured, the last at the end.
    pub fn rates(&self) -> Vec<Rate> {
        let text = fs::read(self.rates_path()).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Remember a rate instead of an older one of the same kind.
    pub fn keep_rate(&self, rate: Rate) {
        let mut rates = self.rates();
        rates.retain(|before| !before.is_of(&rate));
        rates.push(rate);
        rates.drain(..rates.len().saturating_sub(MOST));
        let text = serde_json::to_string_pretty(&rates).expect("numbers and words are JSON") + "\n";
        keep(&self.rates_path(), text.as_bytes());
    }

    fn rates_path(&self) -> std::path::PathBuf {
        self.folder.join("rates.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_a_kind_is_kept_and_a_damaged_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = UserCache::in_folder(folder.path());
        let rate = |graph: &str, images_per_second| {
            Rate { graph: graph.into(), images_per_second, ..Rate::default() }.here()
        };
        cache.keep_rate(rate("a", 1.0));
        cache.keep_rate(rate("b", 2.0));
        cache.keep_rate(rate("a", 3.0));
        assert_eq!(cache.rates(), [rate("b", 2.0), rate("a", 3.0)]);
        (0..MOST).for_each(|i| cache.keep_rate(rate(&i.to_string(), 1.0)));
        assert_eq!((cache.rates().len(), &cache.rates()[0]), (MOST, &rate("0", 1.0)));
        fs::write(folder.path().join("rates.json"), "[{").unwrap();
        assert_eq!(cache.rates(), []);
        cache.keep_rate(rate("a", 1.0));
        assert_eq!(cache.rates().len(), 1);
    }
}
