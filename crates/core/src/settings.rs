//! Settings of a training by their names: one of each, or many to try.

use headstart_nn::train::TrainConfig;

/// What lies behind an error.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Settings that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// One value is expected.
    #[error("`{setting}`: expected one value, found {found}")]
    Several {
        /// The setting.
        setting: String,
        /// How many values it was given.
        found: usize,
    },
    /// A setting that there is not, or that cannot have the value.
    #[error("no head can be trained with `{settings}`")]
    Wrong {
        /// The settings.
        settings: String,
        /// Why.
        source: Cause,
    },
    /// A grid that has a setting twice.
    #[error("the grid has `{setting}` more than once")]
    Twice {
        /// The setting.
        setting: String,
    },
}

/// One setting and the values to try.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Its name in a settings file.
    pub setting: String,
    /// What it is to be.
    pub values: Vec<toml::Value>,
}

impl Axis {
    /// `dropout=0,0.5`; values are TOML's, save that words need no quotes and `hidden` takes `256` and `none` too.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("expected SETTING=VALUE,VALUE,…, found `{text}`");
        let (setting, values) = text.split_once('=').ok_or_else(expected)?;
        let (setting, values) = (setting.trim(), parts(values));
        if setting.is_empty() || values.iter().any(|value| value.is_empty()) {
            return Err(expected());
        }
        let values = values.into_iter().map(|text| value(setting, text)).collect();
        Ok(Self { setting: setting.to_owned(), values })
    }
}

/// Divided at commas, but not those of a list or table.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|symbol| {
        depth += i32::from("[{".contains(symbol)) - i32::from("]}".contains(symbol));
        symbol == ',' && depth == 0
    })
    .map(str::trim)
    .collect()
}

/// A value as it is typed: TOML's, save that words need no quotes.
pub fn value(setting: &str, text: &str) -> toml::Value {
    let parsed = toml::from_str::<toml::Table>(&format!("value = {text}"));
    let value = parsed.ok().and_then(|mut table| table.remove("value")).unwrap_or_else(|| text.into());
    match (setting, value) {
        ("hidden", toml::Value::String(word)) if word == "none" => toml::Value::Array(vec![]),
        ("hidden", size @ toml::Value::Integer(_)) => toml::Value::Array(vec![size]),
        (_, value) => value,
    }
}

/// The configuration with these settings over it.
///
/// # Errors
/// For a setting that there is not, that cannot have the value, or that is given several.
pub fn set(config: TrainConfig, settings: &[Axis]) -> Result<TrainConfig, SettingError> {
    if let Some(Axis { setting, values }) = settings.iter().find(|axis| axis.values.len() != 1) {
        return Err(SettingError::Several { setting: setting.clone(), found: values.len() });
    }
    if settings.is_empty() {
        return Ok(config);
    }
    let settings: Vec<&Axis> = settings.iter().collect();
    Ok(combinations(&config, &settings)?.pop().map_or(config, |(_, config)| config))
}

/// A setting that need not be there is taken away by `none`.
fn put(table: &mut toml::Table, setting: &str, value: &toml::Value) {
    let absent = serde_json::Value::from_iter([(setting, serde_json::Value::Null)]);
    if value.as_str() == Some("none") && serde_json::from_value::<TrainConfig>(absent).is_ok() {
        table.remove(setting);
    } else {
        table.insert(setting.to_owned(), value.clone());
    }
}

/// Each combination of values: what it is called, and the settings with it.
///
/// # Errors
/// For a setting that there is not, or that cannot have the value.
pub fn combinations(
    config: &TrainConfig,
    grid: &[&Axis],
) -> Result<Vec<(String, TrainConfig)>, SettingError> {
    let mut all = vec![(vec![], toml::Table::try_from(config).expect("settings are TOML"))];
    for Axis { setting, values } in grid {
        let with = |(names, table): &(Vec<String>, toml::Table), value: &toml::Value| {
            let (mut names, mut table) = (names.clone(), table.clone());
            names.push(format!(
                "{setting}={}",
                value.as_str().map_or_else(|| value.to_string(), str::to_owned)
            ));
            put(&mut table, setting, value);
            (names, table)
        };
        all = all.iter().flat_map(|done| values.iter().map(move |value| with(done, value))).collect();
    }
    let checked = |(names, table): (Vec<String>, toml::Table)| {
        let names = names.join(" ");
        let config = table.try_into::<TrainConfig>().map_err(|error| error.to_string().into());
        let config = config.and_then(|config| config.check().map_err(|error| Box::new(error) as Cause));
        match config {
            Ok(config) => Ok((names, config)),
            Err(source) => Err(SettingError::Wrong { settings: names, source }),
        }
    };
    all.into_iter().map(checked).collect()
}

#[cfg(test)]
mod tests {
    use headstart_nn::train::ClassWeight;

    use super::*;

    fn with_causes(error: &dyn std::error::Error) -> String {
        format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
    }

    #[test]
    fn settings_are_set_by_name_and_must_be_known() {
        let set = |texts: &[&str]| {
            let axes: Vec<Axis> = texts.iter().map(|text| Axis::parse(text).unwrap()).collect();
            set(TrainConfig::default(), &axes)
        };
        let config = set(&["hidden=512,[64]"]).unwrap_err();
        assert!(config.to_string().contains("expected one value, found 2"), "{config}");
        assert_eq!(set(&[]).unwrap(), TrainConfig::default());
        let config = set(&["patience=5", "hidden=[512,64]", "schedule=cosine"]).unwrap();
        assert_eq!((config.patience, config.hidden), (Some(5), vec![512, 64]));
        assert!(with_causes(&set(&["patiense=5"]).unwrap_err()).contains("patience"));
        assert!(with_causes(&set(&["patiense=none"]).unwrap_err()).contains("patience"));
        assert!(set(&["dropout=none"]).is_err());
        let config = set(&["patience=5", "patience=none", "class_weight={cat=2, \"a dog\" = 0.5}"]).unwrap();
        let weights = [("cat", 2.0), ("a dog", 0.5)].map(|(name, weight)| (name.to_owned(), weight));
        assert_eq!((config.patience, config.class_weight), (None, Some(ClassWeight::Named(weights.into()))));
    }
}
