use std::fmt;

/// Why a tensor was taken for the features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The user said so.
    Told,
    /// The file is a published one.
    Known {
        /// What it is called where it was published.
        file: &'static str,
    },
    /// The file's own metadata name it.
    Declared,
    /// An output that is called so.
    Named {
        /// The output's name in the graph.
        output: String,
    },
    /// The input of the classifier, which comes out of a pool.
    BeforeClassifier {
        /// The node that gives the class scores, described for people.
        classifier: String,
        /// The node that pools, described for people.
        pool: String,
    },
    /// The input of a classifier that works on every place of a map.
    BeforeClassMap {
        /// The node that gives the class scores, described for people.
        classifier: String,
    },
    /// An output that comes out of a pool, with no classifier after it.
    PooledOutput {
        /// The output's name in the graph.
        output: String,
        /// The node that pools, described for people.
        pool: String,
    },
    /// An output whose values come from a hidden layer or were normalised, as features are.
    FeatureOutput {
        /// The output's name in the graph.
        output: String,
    },
    /// An output that is a map, the last of its network.
    MapOutput {
        /// The output's name in the graph.
        output: String,
    },
    /// An output that holds a vector for each patch.
    TokenOutput {
        /// The output's name in the graph.
        output: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told => f.write_str("it was asked for by name"),
            Self::Known { file } => {
                write!(f, "the file is `{file}` of the ONNX model zoo, whose features are known")
            }
            Self::Declared => f.write_str("the file's own metadata name it"),
            Self::Named { output } => write!(f, "the network's own output `{output}`"),
            Self::BeforeClassifier { classifier, pool } => {
                write!(f, "the input of the classifier, {classifier}; it comes from {pool}")
            }
            Self::BeforeClassMap { classifier } => {
                write!(f, "the input of the classifier, {classifier}, which works on every place of a map")
            }
            Self::PooledOutput { output, pool } => {
                write!(f, "the network's own output `{output}`, which comes from {pool}")
            }
            Self::FeatureOutput { output } => {
                write!(f, "the network's own output `{output}`, with no classifier after it")
            }
            Self::MapOutput { output } => {
                write!(f, "the network's own output `{output}`, a map, with no classifier after it")
            }
            Self::TokenOutput { output } => {
                write!(f, "the network's own output `{output}`, one vector for each patch of the image")
            }
        }
    }
}
