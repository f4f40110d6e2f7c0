//! What the doctor found, line by line.

use std::io::{self, Write};

use serde::Serialize;

use super::speed::Rate;
use crate::cli::Status;
use crate::cli::console::{Console, stdout};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    /// Nothing is wrong: something that could be here is not.
    Absent,
    /// It works, and yet.
    Warning,
    Failed,
    /// For want of something that has a line of its own.
    Skipped,
}

/// One line of the report.
#[derive(Debug, Serialize)]
pub struct Check {
    pub name: String,
    pub verdict: Verdict,
    pub found: String,
    /// The largest difference to the expected features, where that is what was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<f32>,
    /// Fastest first, where speed was looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<Rate>,
    /// Bits of the weights of graphs in int8 that are made here, where that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_bits: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    fn new(name: impl Into<String>, verdict: Verdict, found: impl Into<String>) -> Self {
        let (name, found) = (name.into(), found.into());
        let (difference, bound, rates, weight_bits, remedy) = (None, None, vec![], None, None);
        Self { name, verdict, found, difference, bound, rates, weight_bits, remedy }
    }

    pub fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Ok, found)
    }

    pub fn absent(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Absent, found)
    }

    pub fn warning(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Warning, found)
    }

    pub fn failed(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Failed, found)
    }

    pub fn skipped(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Skipped, found)
    }

    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// `ok      runtime   ONNX Runtime 1.31.1 …`, and its remedy below.
    fn lines(&self) -> String {
        let mark = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Absent => "-",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED",
            Verdict::Skipped => "skipped",
        };
        let line = format!("{mark:<8}{:<12}{}", self.name, self.found);
        match &self.remedy {
            Some(remedy) => format!("{line}\n{:20}-> {}", "", remedy.replace('\n', " ")),
            None => line,
        }
    }
}

/// Prints each check as it is made, or all of them as JSON at the end.
pub struct Report {
    json: bool,
    quiet: bool,
    checks: Vec<Check>,
}

impl Report {
    pub fn new(json: bool, console: &Console) -> Self {
        Self { json, quiet: console.is_quiet(), checks: vec![] }
    }

    pub fn add(&mut self, check: Check) -> io::Result<()> {
        let wrong = matches!(check.verdict, Verdict::Failed | Verdict::Warning);
        if !self.json && (wrong || !self.quiet) {
            writeln!(stdout(), "{}", check.lines())?;
        }
        self.checks.push(check);
        Ok(())
    }

    pub fn finish(self) -> anyhow::Result<Status> {
        let any = |verdict| self.checks.iter().any(|check| check.verdict == verdict);
        let status = match () {
            () if any(Verdict::Failed) => Status::Error,
            () if any(Verdict::Warning) => Status::Partial,
            () => Status::Done,
        };
        if self.json {
            let all_is_well = status == Status::Done;
            let report = serde_json::json!({ "ok": all_is_well, "checks": self.checks });
            writeln!(stdout(), "{report:#}")?;
        }
        Ok(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_line_decides() {
        let status = |checks: Vec<Check>| Report { json: false, quiet: true, checks }.finish().unwrap();
        let fine = || vec![Check::ok("a", ""), Check::absent("b", ""), Check::skipped("c", "")];
        assert_eq!(status(fine()), Status::Done);
        let mut warned = fine();
        warned.push(Check::warning("d", ""));
        assert_eq!(status(warned), Status::Partial);
        let mut failed = fine();
        failed.extend([Check::failed("e", ""), Check::warning("d", "")]);
        assert_eq!(status(failed), Status::Error);
    }
}
