//! Settings of a training by name, as they stand on a command line.

use anyhow::Context;
use headstart::train::TrainConfig;

/// One setting and the values to try.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub setting: String,
    pub values: Vec<toml::Value>,
}

impl Axis {
    /// `dropout=0,0.5`; values are TOML's, save that words need no quotes and `hidden` takes `256` and `none` too.
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

/// Divided at commas, but not those of a list.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|symbol| {
        depth += i32::from(symbol == '[') - i32::from(symbol == ']');
        symbol == ',' && depth == 0
    })
    .map(str::trim)
    .collect()
}

fn value(setting: &str, text: &str) -> toml::Value {
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
pub fn set(config: TrainConfig, settings: &[Axis]) -> anyhow::Result<TrainConfig> {
    if let Some(Axis { setting, values }) = settings.iter().find(|axis| axis.values.len() != 1) {
        anyhow::bail!("`{setting}`: expected one value, found {}", values.len());
    }
    let settings: Vec<&Axis> = settings.iter().collect();
    Ok(combinations(&config, &settings)?.pop().map_or(config, |(_, config)| config))
}

/// Each combination of values: what it is called, and the settings with it.
pub fn combinations(config: &TrainConfig, grid: &[&Axis]) -> anyhow::Result<Vec<(String, TrainConfig)>> {
    let mut all = vec![(vec![], toml::Table::try_from(config)?)];
    for Axis { setting, values } in grid {
        let with = |(names, table): &(Vec<String>, toml::Table), value: &toml::Value| {
            let (mut names, mut table) = (names.clone(), table.clone());
            names.push(format!(
                "{setting}={}",
                value.as_str().map_or_else(|| value.to_string(), str::to_owned)
            ));
            table.insert(setting.clone(), value.clone());
            (names, table)
        };
        all = all.iter().flat_map(|done| values.iter().map(move |value| with(done, value))).collect();
    }
    let checked = |(names, table): (Vec<String>, toml::Table)| {
        let names = names.join(" ");
        let config = table.try_into::<TrainConfig>().map_err(anyhow::Error::from);
        let config = config.and_then(|config| Ok(config.check()?));
        Ok((names.clone(), config.with_context(|| format!("no head can be trained with `{names}`"))?))
    };
    all.into_iter().map(checked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(format!("{:#}", set(&["patiense=5"]).unwrap_err()).contains("patience"));
    }
}
