//! Progress of long work: a bar on a terminal, a line now and then elsewhere, nothing when quiet.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::console::{Console, Ink, can_redraw, tell};

/// Between two lines in a log.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Parts that one thing is divided into.
const WHOLE: usize = 1000;

pub struct Progress {
    what: String,
    /// Whether parts of a thousand are counted, and not things.
    is_share: bool,
    done: u64,
    total: u64,
    started: Instant,
    shown: Shown,
}

enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines { last: Instant },
}

impl Progress {
    /// Lines now and then, whatever stderr is.
    pub fn lines(what: &'static str, total: usize) -> Self {
        Self::showing(what, total, Shown::Lines { last: Instant::now() })
    }

    /// `what` is plural: `images`, `rows`.
    pub fn new(console: &Console, what: &'static str, total: usize) -> Self {
        let shown = if console.is_quiet() || total == 0 {
            Shown::Nothing
        } else if can_redraw() {
            Shown::Bar(bar(what, total as u64))
        } else {
            Shown::Lines { last: Instant::now() }
        };
        Self::showing(what, total, shown)
    }

    /// Of work that consists of one thing; [`share`](Self::share) tells how far it is.
    pub fn of_one(console: &Console, what: &'static str) -> Self {
        let mut progress = Self::new(console, what, WHOLE);
        progress.is_share = true;
        if let Shown::Bar(bar) = &progress.shown {
            bar.set_style(style("{wide_bar} {percent} %  {msg}  {eta} left"));
        }
        progress
    }

    fn showing(what: &'static str, total: usize, shown: Shown) -> Self {
        let what = what.to_owned();
        Self { what, is_share: false, done: 0, total: total as u64, started: Instant::now(), shown }
    }

    /// This is being done, and so much of the whole is done, from 0 to 1.
    pub fn share(&mut self, what: &str, done: f64) {
        if self.what != what {
            what.clone_into(&mut self.what);
            if let Shown::Bar(bar) = &self.shown {
                bar.set_message(self.what.clone());
            }
        }
        let done = (done * WHOLE as f64) as u64;
        self.advance(done.saturating_sub(self.done) as usize);
    }

    pub fn advance(&mut self, by: usize) {
        self.done += by as u64;
        match &mut self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => bar.set_position(self.done),
            Shown::Lines { last } if last.elapsed() >= LINE_EVERY => {
                *last = Instant::now();
                tell(self.line());
            }
            Shown::Lines { .. } => {}
        }
    }

    /// A line that must not tear the bar.
    pub fn say(&self, line: impl std::fmt::Display) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => bar.suspend(|| tell(&line)),
            Shown::Lines { .. } => tell(&line),
        }
    }

    /// A warning, which is shown whatever else is not, and must not tear the bar.
    pub fn warn(&self, line: impl std::fmt::Display) {
        match &self.shown {
            Shown::Bar(bar) => bar.suspend(|| tell(format_args!("warning: {line}"))),
            _ => tell(format_args!("warning: {line}")),
        }
    }

    pub fn finish(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
        self.shown = Shown::Nothing;
    }

    fn line(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = self.done as f64 / seconds.max(1e-9);
        let left = (self.total - self.done.min(self.total)) as f64 / rate.max(1e-9);
        if self.is_share {
            let percent = 100 * self.done / self.total.max(1);
            return format!("{percent} %, {}, {} left", self.what, clock(Duration::from_secs_f64(left)));
        }
        format!(
            "{}/{} {}, {rate:.1} a second, {} left",
            self.done,
            self.total,
            self.what,
            clock(Duration::from_secs_f64(left))
        )
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn bar(what: &str, total: u64) -> ProgressBar {
    let style = style("{wide_bar} {pos}/{len} {msg}  {per_sec}  {eta} left");
    ProgressBar::new(total).with_style(style).with_message(what.to_owned())
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    if Ink::of_stderr().unicode { style } else { style.progress_chars("=>-") }
}

/// `45 s`, `3 min 20 s`, `2 h 5 min`.
pub fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{:.1} s", duration.as_secs_f64()),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_at_every_size() {
        assert_eq!(clock(Duration::from_millis(250)), "0.2 s");
        assert_eq!(clock(Duration::from_secs(59)), "59 s");
        assert_eq!(clock(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(clock(Duration::from_secs(7500)), "2 h 5 min");
    }
}
