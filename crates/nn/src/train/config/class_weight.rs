//! How much each class counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::TrainConfig;
use crate::train::Error;
use headstart_base::label::normal_label;

/// Factors of the loss, by class: in TOML `"auto"`, a number for each class, or numbers by name such as
/// `{ cat = 2.0 }`.
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
    /// By the names of the classes, which a head does not know: [`TrainConfig::for_classes`] makes it
    /// [`Given`](Self::Given). A class that is not named counts 1, as in Keras.
    Named(BTreeMap<String, f64>),
}

impl ClassWeight {
    /// With a place for each name; the other kinds are as they were.
    fn placed(&self, names: &[String]) -> Result<Self, Error> {
        let Self::Named(by_name) = self else { return Ok(self.clone()) };
        // As labels are: a name that is typed may be in another normal form than the one in the run.
        let is_same = |a: &str, b: &str| a == b || normal_label(a) == normal_label(b);
        if let Some(class) = by_name.keys().find(|class| !names.iter().any(|name| is_same(name, class))) {
            return Err(Error::ClassWeight { class: class.clone(), classes: names.to_vec() });
        }
        let factor = |name: &String| {
            let found = by_name
                .get(name)
                .or_else(|| by_name.iter().find(|(own, _)| is_same(own, name)).map(|(_, f)| f));
            found.copied().unwrap_or(1.0)
        };
        Ok(Self::Given(names.iter().map(factor).collect()))
    }

    /// The factors that were written down; `auto` has none.
    pub(super) fn written(&self) -> Vec<f64> {
        match self {
            Self::Auto => vec![],
            Self::Given(factors) => factors.clone(),
            Self::Named(factors) => factors.values().copied().collect(),
        }
    }

    /// The factor of each class.
    pub(in crate::train) fn factors(&self, labels: &[usize], classes: usize) -> Vec<f64> {
        match self {
            Self::Given(factors) => factors.clone(),
            Self::Named(_) => unreachable!("a trainer takes no settings with names in them"),
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

impl TrainConfig {
    /// These settings for classes of these names, in the order of the head's outputs: class weights by name get their
    /// places.
    ///
    /// # Errors
    /// [`Error::ClassWeight`] if a name is none of them; [`Error::Setting`] if no class counts at all.
    pub fn for_classes(&self, names: &[String]) -> Result<Self, Error> {
        let class_weight = self.class_weight.as_ref().map(|weight| weight.placed(names)).transpose()?;
        Self { class_weight, ..self.clone() }.check()
    }
}

/// As it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Word(String),
    Factors(Vec<f64>),
    Named(BTreeMap<String, f64>),
}

impl Serialize for ClassWeight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Given(factors) => factors.serialize(serializer),
            Self::Named(factors) => factors.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "expected `auto`, a number for each class, or numbers by name";
        match Written::deserialize(deserializer).map_err(|_| de::Error::custom(expected))? {
            Written::Word(word) if word == "auto" => Ok(Self::Auto),
            Written::Word(word) if word.starts_with('{') => Err(de::Error::custom(format_args!(
                "expected names and numbers; a name of more than the letters a to z, digits, `_` and `-` stands in double \
                 quotes, as in `{{\"my cat\" = 2}}`, found `{word}`"
            ))),
            Written::Word(word) => Err(de::Error::custom(format_args!("{expected}, found `{word}`"))),
            Written::Factors(factors) => Ok(Self::Given(factors)),
            Written::Named(factors) => Ok(Self::Named(factors)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Trainer;

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
            assert!(error.contains("`auto`, a number for each class, or numbers by name"), "{error}");
        }
        assert!(toml::from_str::<File>("class_weight = [1, 2.5]").is_ok());
    }

    fn named(weights: &[(&str, f64)]) -> TrainConfig {
        let weights = weights.iter().map(|&(name, weight)| (name.to_owned(), weight)).collect();
        TrainConfig { class_weight: Some(ClassWeight::Named(weights)), ..TrainConfig::default() }
    }

    #[test]
    fn names_get_the_places_of_their_classes_and_the_others_count_1() {
        let classes = ["cat", "dog", "tabby cat"].map(String::from);
        let config = named(&[("tabby cat", 2.0), ("cat", 0.5)]);
        let placed = config.for_classes(&classes).unwrap();
        assert_eq!(placed.class_weight, Some(ClassWeight::Given(vec![0.5, 1.0, 2.0])));
        assert_eq!(
            TrainConfig { class_weight: config.class_weight, ..placed },
            named(&[("cat", 0.5), ("tabby cat", 2.0)])
        );
        let auto = TrainConfig { class_weight: Some(ClassWeight::Auto), ..TrainConfig::default() };
        assert_eq!(auto.for_classes(&classes).unwrap(), auto);

        let accents = ["cafe\u{301}", "dog"].map(String::from);
        let placed = named(&[("caf\u{E9}", 3.0)]).for_classes(&accents).unwrap();
        assert_eq!(placed.class_weight, Some(ClassWeight::Given(vec![3.0, 1.0])));

        let error = named(&[("owl", 1.0)]).for_classes(&classes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`class_weight` names `owl`, which is not one of the 3 classes: `cat`, `dog`, `tabby cat`"
        );
        let nothing = named(&[("cat", 0.0), ("dog", 0.0)]);
        assert!(matches!(
            nothing.for_classes(&classes[..2]),
            Err(Error::Setting { setting: "class_weight", .. })
        ));
        assert!(nothing.for_classes(&classes).is_ok());
        assert!(named(&[("cat", -1.0)]).check().is_err());
        // A head that was told no names cannot place them.
        let error = Trainer::new(&named(&[("cat", 2.0)]), 4, 2).unwrap_err();
        assert!(matches!(error, Error::Setting { setting: "class_weight", .. }), "{error}");
    }

    #[test]
    fn names_stand_in_a_file_among_other_settings() {
        let text = "class_weight = { cat = 2, \"tabby cat\" = 0.5 }\nepochs = 3";
        let config: TrainConfig = toml::from_str(text).unwrap();
        assert_eq!(config, TrainConfig { epochs: 3, ..named(&[("cat", 2.0), ("tabby cat", 0.5)]) });
        assert_eq!(toml::from_str::<TrainConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
    }
}
