//! Errors of the core as exceptions of `headstart.errors`: what is wrong, and the remedy as a note.

use headstart_core::dataset;
use headstart_core::project::{Error, with_causes};
use headstart_core::run;
use pyo3::prelude::*;

use crate::hint;

/// An exception of the class `name` in `headstart.errors`.
pub fn new(py: Python<'_>, name: &str, message: &str, hint: Option<&str>) -> PyErr {
    let make = || -> PyResult<PyErr> {
        let class = py.import("headstart.errors")?.getattr(name)?;
        let error = class.call1((message,))?;
        if let Some(hint) = hint {
            error.call_method1("add_note", (format!("hint: {hint}"),))?;
        }
        Ok(PyErr::from_value(error))
    };
    make().unwrap_or_else(|error| error)
}

/// A wrong value of an argument.
pub fn setting(py: Python<'_>, message: &str) -> PyErr {
    new(py, "SettingError", message, None)
}

/// An image that gives no features: `row` is its place among those that were given.
pub fn image(py: Python<'_>, name: &str, row: usize, kind: &str, reason: &str) -> PyErr {
    let make = || -> PyResult<PyErr> {
        let class = py.import("headstart.errors")?.getattr("ImageError")?;
        let error = class.call1((name, row, kind, reason))?;
        let hint = "hint: repair it or leave it out; `on_error=\"nan\"` gives a row of NaN for it";
        error.call_method1("add_note", (hint,))?;
        Ok(PyErr::from_value(error))
    };
    make().unwrap_or_else(|error| error)
}

/// What a use case failed with.
pub fn of(py: Python<'_>, error: &Error) -> PyErr {
    if matches!(error, Error::Cancelled) {
        return pyo3::exceptions::PyKeyboardInterrupt::new_err(());
    }
    new(py, class(error), &with_causes(error), hint::of(error).as_deref())
}

/// The name of its class.
fn class(error: &Error) -> &'static str {
    match error {
        Error::Dataset(_)
        | Error::Split(_)
        | Error::NothingToTrainOn { .. }
        | Error::TooFewImages { .. }
        | Error::ClassesLost { .. }
        | Error::NothingLeft { .. }
        | Error::NothingHeldOut => "DataError",
        Error::Backbone(_) | Error::Runtime(_) | Error::Recipe(_) | Error::NotARecipe { .. } => {
            "BackboneError"
        }
        Error::Extract(headstart_core::extract::Error::Cache(_))
        | Error::Cache(_)
        | Error::NoCache { .. } => "CacheError",
        Error::Extract(_) | Error::Quantize(_) | Error::NoInt8Graph { .. } | Error::NothingChosen { .. } => {
            "BackboneError"
        }
        Error::OtherFeatures { .. } | Error::LostInt8Graph { .. } => "OtherFeaturesError",
        Error::Train(_) | Error::Settings(_) => "SettingError",
        Error::Run(run::Error::RunName { .. }) => "RunError",
        _ => "RunError",
    }
}

/// What a manifest failed with.
pub fn of_dataset(py: Python<'_>, error: dataset::Error) -> PyErr {
    of(py, &error.into())
}

/// A result of the core as one of Python.
pub trait OrRaise<T> {
    /// The exception that the error is.
    ///
    /// # Errors
    /// That.
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T, E: Into<Error>> OrRaise<T> for Result<T, E> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| of(py, &error.into()))
    }
}
