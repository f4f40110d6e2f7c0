//! A training as it goes on: a bar for each epoch on a terminal, a line for each epoch elsewhere, nothing when quiet.

use std::time::{Duration, Instant};

use headstart::train::{EpochRecord, TrainEvent};
use indicatif::{ProgressBar, ProgressStyle};

use super::console::{self, Console, Ink, tell};
use super::progress::{Progress, clock};

/// Between two looks at the terminal: a step may take microseconds, and nobody reads faster.
const DRAW_EVERY: Duration = Duration::from_millis(80);
/// Of the bar; wider says no more.
const MOST_BAR: usize = 40;
const LEAST_BAR: usize = 6;

pub struct EpochProgress {
    shown: Shown,
}

enum Shown {
    Nothing,
    Lines(Option<Progress>),
    Bar(Bar),
}

impl EpochProgress {
    pub fn new(console: &Console) -> Self {
        let shown = if console.is_quiet() {
            Shown::Nothing
        } else if console::can_redraw() {
            Shown::Bar(Bar::new(Ink::of_stderr()))
        } else {
            Shown::Lines(None)
        };
        Self { shown }
    }

    pub fn see(&mut self, event: &TrainEvent) {
        match *event {
            TrainEvent::Step { epoch, epochs, step, steps, loss, accuracy, .. } => {
                self.step(Step { epoch, epochs, step, steps, loss, accuracy });
            }
            TrainEvent::Epoch { record, epochs, .. } => {
                self.say(epoch_line(record, epochs));
            }
            _ => {}
        }
    }

    fn step(&mut self, step: Step) {
        match &mut self.shown {
            Shown::Nothing => {}
            Shown::Lines(progress) => {
                let new = || Progress::lines("steps", step.left() + 1);
                progress.get_or_insert_with(new).advance(1);
            }
            Shown::Bar(bar) => bar.step(step),
        }
    }

    /// A line that must not tear the bar.
    fn say(&self, line: String) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Lines(_) => tell(&line),
            Shown::Bar(bar) => bar.bar.println(line),
        }
    }

    /// The bar goes.
    pub fn finish(self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.bar.finish_and_clear();
        }
    }
}

struct Bar {
    bar: ProgressBar,
    ink: Ink,
    /// When the first step was done, and the one after which the bar was last drawn.
    since: Option<(Instant, usize)>,
    drawn: Option<Instant>,
}

impl Bar {
    fn new(ink: Ink) -> Self {
        let style = ProgressStyle::with_template("{msg}").expect("the template is a constant");
        Self { bar: ProgressBar::new_spinner().with_style(style), ink, since: None, drawn: None }
    }

    fn step(&mut self, step: Step) {
        let now = Instant::now();
        let (begun, first) = *self.since.get_or_insert((now, step.done()));
        if self.drawn.is_some_and(|drawn| now - drawn < DRAW_EVERY) {
            return;
        }
        self.drawn = Some(now);
        // Nothing is known of the pace before the second step.
        let done = step.done() - first;
        let left = (done > 0).then(|| (now - begun).mul_f64(step.left() as f64 / done as f64));
        self.bar.set_message(step.line(left, console::stderr_width(), self.ink));
    }
}

/// Where a training stands. Epochs and steps count from 1.
#[derive(Debug, Clone, Copy)]
struct Step {
    epoch: usize,
    epochs: usize,
    step: usize,
    steps: usize,
    loss: f64,
    accuracy: f64,
}

impl Step {
    /// Steps taken since the beginning of the training.
    fn done(self) -> usize {
        (self.epoch - 1) * self.steps + self.step
    }

    /// Steps to come.
    fn left(self) -> usize {
        (self.epochs * self.steps).saturating_sub(self.done())
    }

    /// Epoch, bar, figures and time left, or as much of it as fits.
    fn line(self, left: Option<Duration>, width: usize, ink: Ink) -> String {
        let Self { epoch, epochs, step, steps, loss, accuracy } = self;
        let head = format!("epoch {epoch:>3}/{epochs} ");
        let figures = format!("  loss {loss:.4}  accuracy {accuracy:.4}");
        let tails = [
            format!(
                " {step}/{steps}{figures}{}",
                left.map_or(String::new(), |left| format!("  {} left", clock(left)))
            ),
            figures,
            format!(" loss {loss:.2} acc {accuracy:.2}"),
            String::new(),
        ];
        // A terminal may wrap a line that fills it.
        let room = |tail: &String| width.saturating_sub(head.len() + tail.len() + 1);
        let tail = tails.iter().find(|tail| room(tail) >= LEAST_BAR).unwrap_or(&tails[3]);
        format!("{head}{}{tail}", bar(step as f64 / steps as f64, room(tail).min(MOST_BAR), ink))
    }
}

fn bar(part: f64, width: usize, ink: Ink) -> String {
    let full = (part * width as f64).floor() as usize;
    let [done, end, rest] = if ink.unicode { ["━", "╸", "─"] } else { ["=", ">", "-"] };
    let end = if full < width { end } else { "" };
    ink.paint(0, &(done.repeat(full) + end)) + &rest.repeat(width.saturating_sub(full + 1))
}

fn epoch_line(record: &EpochRecord, epochs: usize) -> String {
    let EpochRecord { epoch, loss, accuracy, val_loss, val_accuracy, .. } = record;
    let validated = match (val_loss, val_accuracy) {
        (Some(loss), Some(accuracy)) => format!("  val_loss {loss:.4}  val_accuracy {accuracy:.4}"),
        _ => String::new(),
    };
    format!("epoch {epoch:>3}/{epochs}  loss {loss:.4}  accuracy {accuracy:.4}{validated}")
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    const STEP: Step = Step { epoch: 3, epochs: 50, step: 4, steps: 16, loss: 0.12345, accuracy: 0.75 };
    const ASCII: Ink = Ink { unicode: false, colour: false };

    #[test]
    fn a_line_says_as_much_as_fits() {
        let left = Some(Duration::from_secs(12));
        let line = |width| STEP.line(left, width, ASCII);
        assert_eq!(
            line(200),
            "epoch   3/50 ==========>----------------------------- 4/16  loss 0.1235  accuracy 0.7500  12 s left"
        );
        assert_eq!(
            line(80),
            "epoch   3/50 =====>-------------- 4/16  loss 0.1235  accuracy 0.7500  12 s left"
        );
        assert_eq!(line(60), "epoch   3/50 ====>-----------  loss 0.1235  accuracy 0.7500");
        assert_eq!(line(40), "epoch   3/50 =>----- loss 0.12 acc 0.75");
        assert_eq!(line(30), "epoch   3/50 ====>-----------");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for unicode in [false, true] {
            for width in 14..=210 {
                let line = STEP.line(None, width, Ink { unicode, colour: false });
                assert!(line.width() < width, "{width}: {line}");
            }
        }
        assert!(STEP.line(None, 0, ASCII).starts_with("epoch   3/50"), "and none makes it panic");
    }

    #[test]
    fn a_bar_is_empty_at_first_and_full_at_last() {
        let unicode = Ink { unicode: true, colour: false };
        assert_eq!([0.0, 0.5, 1.0].map(|part| bar(part, 4, ASCII)), [">---", "==>-", "===="]);
        assert_eq!([0.0, 0.5, 1.0].map(|part| bar(part, 4, unicode)), ["╸───", "━━╸─", "━━━━"]);
        assert_eq!(bar(0.5, 0, ASCII), "");
    }

    #[test]
    fn steps_left_are_those_of_all_epochs() {
        assert_eq!((STEP.done(), STEP.left()), (36, 764));
        assert_eq!(Step { epoch: 50, step: 16, ..STEP }.left(), 0);
    }

    #[test]
    fn an_epoch_without_validation_shows_none() {
        let record = EpochRecord {
            epoch: 7,
            loss: 0.5,
            accuracy: 0.25,
            val_loss: None,
            val_accuracy: None,
            learning_rate: 1e-3,
        };
        assert_eq!(epoch_line(&record, 50), "epoch   7/50  loss 0.5000  accuracy 0.2500");
        let validated = EpochRecord { val_loss: Some(1.0), val_accuracy: Some(0.125), ..record };
        assert!(epoch_line(&validated, 50).ends_with("  val_loss 1.0000  val_accuracy 0.1250"));
    }
}
