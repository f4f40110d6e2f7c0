//! Processes side by side, each with a time limit, all stopped by one flag.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Between two looks at a process: short beside any fit, and long beside what a look costs.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How many at a time, and for how long each.
pub struct Pool {
    pub jobs: usize,
    pub time_limit: Duration,
}

/// How a process ended.
#[derive(Debug, PartialEq)]
pub enum Ended {
    /// Well, with this on its stdout.
    Done(String),
    /// Badly, for this reason.
    Crashed(String),
    /// It was stopped after this time.
    OutOfTime(Duration),
    /// It was stopped by the flag, or not started because of it.
    Cancelled,
    /// It was not wanted when its turn came.
    Skipped,
}

impl Pool {
    /// Run tasks `0..tasks` in this order. `start` gives the command of a task when its turn comes, or `None` if it is
    /// not wanted any more; `on_end` is told of every task, on the caller's thread, as it ends.
    pub fn run(
        &self,
        tasks: usize,
        start: &(dyn Fn(usize) -> Option<Command> + Sync),
        cancel: &AtomicBool,
        on_end: &mut dyn FnMut(usize, Ended),
    ) {
        let next = AtomicUsize::new(0);
        let (sender, ends) = crossbeam_channel::unbounded();
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(tasks) {
                let (sender, next) = (sender.clone(), &next);
                scope.spawn(move || {
                    loop {
                        let task = next.fetch_add(1, Ordering::Relaxed);
                        if task >= tasks {
                            break;
                        }
                        let ended = match start(task) {
                            _ if cancel.load(Ordering::Relaxed) => Ended::Cancelled,
                            None => Ended::Skipped,
                            Some(command) => self.watch(command, cancel),
                        };
                        sender.send((task, ended)).expect("the receiver outlives the scope");
                    }
                });
            }
            drop(sender);
            ends.iter().for_each(|(task, ended)| on_end(task, ended));
        });
    }

    fn watch(&self, command: Command, cancel: &AtomicBool) -> Ended {
        self.try_watch(command, cancel)
            .unwrap_or_else(|error| Ended::Crashed(format!("cannot be run: {error}")))
    }

    fn try_watch(&self, mut command: Command, cancel: &AtomicBool) -> io::Result<Ended> {
        // Files, not pipes: a full pipe would stop the process for good.
        let (mut output, mut complaints) = (tempfile::tempfile()?, tempfile::tempfile()?);
        command.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(complaints.try_clone()?);
        let started = Instant::now();
        let mut child = Killed(command.spawn()?);
        let status = loop {
            if let Some(status) = child.0.try_wait()? {
                break status;
            }
            if cancel.load(Ordering::Relaxed) {
                return Ok(Ended::Cancelled);
            }
            if started.elapsed() >= self.time_limit {
                return Ok(Ended::OutOfTime(self.time_limit));
            }
            std::thread::sleep(LOOK_EVERY);
        };
        Ok(match status.success() {
            true => Ended::Done(text(&mut output)?),
            // Ctrl-C on a terminal reaches the process too, and before us perhaps.
            false if cancel.load(Ordering::Relaxed) => Ended::Cancelled,
            false => Ended::Crashed(reason(status, &text(&mut complaints)?)),
        })
    }
}

/// A process that does not outlive its owner.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Both fail only for a process that has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = vec![];
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// One line on why a process ended badly: its error with the causes, or what it said when it panicked, or the status.
fn reason(status: ExitStatus, complaints: &str) -> String {
    let mut lines = complaints
        .lines()
        .skip_while(|line| !line.starts_with("error: "))
        .map_while(|line| line.strip_prefix("error: ").or_else(|| line.strip_prefix("  caused by: ")));
    if let Some(error) = lines.next() {
        return lines.fold(error.to_owned(), |whole, cause| format!("{whole}: {cause}"));
    }
    let mut lines = complaints.lines().skip_while(|line| !line.contains("panicked at"));
    match lines.nth(1) {
        Some(message) => format!("crashed: {message}"),
        None => format!("crashed: {status}"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn run(scripts: &[&str], jobs: usize, time_limit: Duration) -> Vec<Ended> {
        let mut ends: Vec<Option<Ended>> = scripts.iter().map(|_| None).collect();
        let start = |task: usize| Some(shell(scripts[task]));
        Pool { jobs, time_limit }.run(scripts.len(), &start, &AtomicBool::new(false), &mut |task, ended| {
            assert!(ends[task].replace(ended).is_none(), "task {task} ended twice");
        });
        ends.into_iter().map(|ended| ended.expect("every task ends")).collect()
    }

    #[test]
    fn what_ends_well_gives_its_output_whatever_else_it_says() {
        let noise = "i=0; while [ $i -lt 20000 ]; do echo noise >&2; i=$((i+1)); done; echo 42";
        let expected = [Ended::Done("42\n".into()), Ended::Done("1\n".into())];
        assert_eq!(run(&[noise, "echo 1"], 2, LONG), expected);
    }

    #[test]
    fn what_hangs_is_stopped_and_the_others_are_not() {
        let started = Instant::now();
        let limit = Duration::from_millis(300);
        let ends = run(&["exec sleep 50", "echo 1", "exec sleep 50", "echo 2"], 2, limit);
        assert_eq!((&ends[0], &ends[2]), (&Ended::OutOfTime(limit), &Ended::OutOfTime(limit)));
        assert_eq!((&ends[1], &ends[3]), (&Ended::Done("1\n".into()), &Ended::Done("2\n".into())));
        assert!(started.elapsed() < Duration::from_secs(20), "nobody waited for what hung");
    }

    #[test]
    fn what_crashes_says_why() {
        let error = "echo warning: x >&2; echo error: it broke >&2; echo '  caused by: rust' >&2; \
                     echo >&2; echo hint: polish >&2; exit 2";
        let panic = "echo \"thread 'main' (7) panicked at src/a.rs:1:2:\" >&2; echo index out of bounds >&2; \
                     echo note: run with >&2; exit 101";
        let ends = run(&[error, panic, "kill -SEGV $$", "exit 3"], 1, LONG);
        let reason = |end: &Ended| match end {
            Ended::Crashed(reason) => reason.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(&ends[0]), "it broke: rust");
        assert_eq!(reason(&ends[1]), "crashed: index out of bounds");
        assert!(reason(&ends[2]).contains("signal: 11"), "{:?}", ends[2]);
        assert_eq!(reason(&ends[3]), "crashed: exit status: 3");
    }

    #[test]
    fn a_program_that_is_not_there_is_a_crash() {
        let mut ends = vec![];
        let start = |_| Some(Command::new("/there/is/no/such/program"));
        let pool = Pool { jobs: 1, time_limit: LONG };
        pool.run(1, &start, &AtomicBool::new(false), &mut |_, ended| ends.push(ended));
        assert!(matches!(&ends[..], [Ended::Crashed(reason)] if reason.starts_with("cannot be run: ")));
    }

    #[test]
    fn the_flag_stops_what_runs_and_what_would() {
        let cancel = AtomicBool::new(false);
        let mut ends = vec![];
        let started = Instant::now();
        let start = |task: usize| Some(shell(if task == 0 { "echo done" } else { "exec sleep 50" }));
        Pool { jobs: 1, time_limit: LONG }.run(3, &start, &cancel, &mut |_, ended| {
            cancel.store(true, Ordering::Relaxed);
            ends.push(ended);
        });
        assert_eq!(ends, [Ended::Done("done\n".into()), Ended::Cancelled, Ended::Cancelled]);
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn what_is_not_wanted_any_more_is_not_started() {
        let mut ends = vec![];
        let start = |task: usize| (task == 1).then(|| shell("echo 1"));
        let pool = Pool { jobs: 1, time_limit: LONG };
        pool.run(3, &start, &AtomicBool::new(false), &mut |_, ended| ends.push(ended));
        assert_eq!(ends, [Ended::Skipped, Ended::Done("1\n".into()), Ended::Skipped]);
    }

    #[test]
    fn a_process_has_its_owner_at_the_other_end_of_stdin() {
        // `read` fails at the end of the file: with stdin closed this would end at once.
        let limit = Duration::from_millis(300);
        assert_eq!(run(&["read line; echo closed"], 1, limit), [Ended::OutOfTime(limit)]);
    }
}
