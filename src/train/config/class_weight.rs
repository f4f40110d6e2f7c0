//! How much each class counts.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Factors of the loss, by class: in TOML `"auto"` or a number for each class.
///
/// As in Keras' `fit`, a row's loss is multiplied by the factor of its class, and the mean is still taken over the
/// number of rows. Rows that are only looked at count the same.
#[derive(Debug, Clone, PartialEq)]
pub enum ClassWeight {
    /// The rarer a class, the more: `rows / (classes · rows of the class)`, as scikit-learn's `"balanced"`. Over the
    /// training rows the mean is 1.
    Auto,
    /// One for each class, in the order of the classes; at least 0.
    Given(Vec<f64>),
}

impl ClassWeight {
    /// The factor of each class.
    pub(in crate::train) fn factors(&self, labels: &[usize], classes: usize) -> Vec<f64> {
        match self {
            Self::Given(factors) => factors.clone(),
            Self::Auto => {
                let mut counts = vec![0; classes];
                labels.iter().for_each(|&label| counts[label] += 1);
                let present = counts.iter().filter(|&&count| count > 0).count();
                let factor = |count| labels.len() as f64 / (present as f64 * count as f64);
                // A class without a row has none to weigh.
                counts.into_iter().map(|count: usize| if count == 0 { 1.0 } else { factor(count) }).collect()
            }
        }
    }
}

/// As it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Word(String),
    Factors(Vec<f64>),
}

impl Serialize for ClassWeight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Given(factors) => factors.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "expected `auto` or a number for each class";
        match Written::deserialize(deserializer).map_err(|_| de::Error::custom(expected))? {
            Written::Word(word) if word == "auto" => Ok(Self::Auto),
            Written::Word(word) => Err(de::Error::custom(format_args!("{expected}, found `{word}`"))),
            Written::Factors(factors) => Ok(Self::Given(factors)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_balanced() {
        // sklearn.utils.class_weight.compute_class_weight("balanced", ...) of these gives the same three.
        let labels = [0, 0, 0, 0, 0, 1, 1, 1, 3, 3];
        let factors = ClassWeight::Auto.factors(&labels, 4);
        assert_eq!(factors, [10.0 / 15.0, 10.0 / 9.0, 1.0, 10.0 / 6.0]);
        let mean = labels.iter().map(|&label| factors[label]).sum::<f64>() / 10.0;
        assert!((mean - 1.0).abs() < 1e-15);
    }

    #[test]
    fn another_word_is_refused_with_what_was_expected() {
        #[derive(Debug, Deserialize)]
        struct File {
            #[serde(rename = "class_weight")]
            _class_weight: ClassWeight,
        }
        for text in ["class_weight = \"balance\"", "class_weight = [1, \"a\"]", "class_weight = true"] {
            let error = toml::from_str::<File>(text).unwrap_err().to_string();
            assert!(error.contains("`auto` or a number for each class"), "{error}");
        }
        assert!(toml::from_str::<File>("class_weight = [1, 2.5]").is_ok());
    }
}
