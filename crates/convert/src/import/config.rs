//! A layer's settings, read with the type that is expected of each.

use serde_json::Value as Json;

use super::error::{Error, Result};

/// The `config` of one layer.
#[derive(Debug)]
pub(super) struct Config {
    layer: String,
    class: String,
    json: Json,
}

impl Config {
    pub(super) fn new(layer: &str, class: &str, json: Json) -> Self {
        Self { layer: layer.to_owned(), class: class.to_owned(), json }
    }

    pub(super) fn layer(&self) -> &str {
        &self.layer
    }

    pub(super) fn class(&self) -> &str {
        &self.class
    }

    /// The setting, if it is there and not `null`.
    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        self.json.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, key: &str) -> Result<&str> {
        let value = self.required(key, "a string")?;
        value.as_str().ok_or_else(|| self.error(key, "a string"))
    }

    pub(super) fn text_or<'a>(&'a self, key: &str, default: &'a str) -> Result<&'a str> {
        if self.get(key).is_none() { Ok(default) } else { self.text(key) }
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.error(key, "true or false")),
        }
    }

    pub(super) fn size(&self, key: &str) -> Result<usize> {
        let value = self.required(key, "a positive number")?;
        positive(value).ok_or_else(|| self.error(key, "a positive number"))
    }

    /// Height and width: two numbers, or one for both.
    pub(super) fn pair(&self, key: &str, default: Option<[usize; 2]>) -> Result<[usize; 2]> {
        match (self.get(key), default) {
            (None, Some(default)) => Ok(default),
            (None, None) => Err(self.error(key, "two positive numbers")),
            (Some(Json::Array(items)), _) => match items.as_slice() {
                [a, b] => positive(a).zip(positive(b)).map(|(a, b)| [a, b]),
                [a] => positive(a).map(|a| [a, a]),
                _ => None,
            }
            .ok_or_else(|| self.error(key, "two positive numbers")),
            (Some(one), _) => {
                positive(one).map(|one| [one, one]).ok_or_else(|| self.error(key, "two positive numbers"))
            }
        }
    }

    /// Top, bottom, left, right, from `n`, `[n, n]` or `[[n, n], [n, n]]`.
    pub(super) fn sides(&self, key: &str) -> Result<[usize; 4]> {
        let value = self.required(key, "sizes of four sides")?;
        let size = |json: &Json| json.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|&n| n < 1 << 20);
        let two = |json: &Json| match (size(json), json.as_array().map(Vec::as_slice)) {
            (Some(n), _) => Some([n, n]),
            (None, Some([a, b])) => size(a).zip(size(b)).map(|(a, b)| [a, b]),
            _ => None,
        };
        let sides = match value.as_array().map(Vec::as_slice) {
            Some([rows, columns]) => two(rows).zip(two(columns)),
            _ => size(value).map(|n| ([n, n], [n, n])),
        };
        let ([top, bottom], [left, right]) = sides.ok_or_else(|| self.error(key, "sizes of four sides"))?;
        Ok([top, bottom, left, right])
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<f64>> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or_else(|| self.error(key, "a number")),
        }
    }

    /// Numbers: a list, or a single one, or a nested list as arrays are written.
    pub(super) fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>> {
        fn flatten(json: &Json, into: &mut Vec<f64>) -> Option<()> {
            match json {
                Json::Array(items) => items.iter().try_for_each(|item| flatten(item, into)),
                other => {
                    into.push(other.as_f64()?);
                    Some(())
                }
            }
        }
        let Some(value) = self.get(key) else { return Ok(None) };
        let mut numbers = Vec::new();
        flatten(value, &mut numbers).ok_or_else(|| self.error(key, "numbers"))?;
        Ok(Some(numbers))
    }

    pub(super) fn integers(&self, key: &str) -> Result<Option<Vec<i64>>> {
        let value = match self.get(key) {
            None => return Ok(None),
            Some(Json::Array(items)) => items.iter().map(Json::as_i64).collect(),
            Some(one) => one.as_i64().map(|one| vec![one]),
        };
        value.map(Some).ok_or_else(|| self.error(key, "integers"))
    }

    /// Refuse a setting that is there but has another value than the one that can be converted.
    pub(super) fn only(&self, key: &str, ok: bool, expected: &str) -> Result<()> {
        if ok { Ok(()) } else { Err(self.error(key, expected)) }
    }

    pub(super) fn error(&self, key: &str, expected: &str) -> Error {
        Error::Setting {
            layer: self.layer.clone(),
            class: self.class.clone(),
            key: key.to_owned(),
            expected: expected.to_owned(),
            found: self.get(key).unwrap_or(&Json::Null).to_string().chars().take(80).collect(),
        }
    }

    fn required(&self, key: &str, expected: &str) -> Result<&Json> {
        self.get(key).ok_or_else(|| self.error(key, expected))
    }
}

/// Sizes beyond this are no sizes of images or layers, and would overflow when multiplied.
fn positive(json: &Json) -> Option<usize> {
    json.as_u64().filter(|&n| n > 0 && n < 1 << 24).map(|n| n as usize)
}
