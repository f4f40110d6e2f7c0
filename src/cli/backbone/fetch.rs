use std::ops::ControlFlow;

use headstart::hub::{self, Reference};
use headstart::hub_backbone::{self, Known, Plan};

use crate::cli::args::LibraryArgs;
use crate::cli::console::{Console, stdout, tell};
use crate::cli::error::Error;
use crate::cli::progress::Progress;
use crate::cli::{Status, installed, interrupt, named};

/// Fetch a backbone from a model hub, and prove that it gives features
///
/// Size, licence and origin are told before, and on a terminal you are asked. The file in fp32 is taken, the output by the kind of
/// network, and the recipe from the repository. What was made is kept, and `--backbone NAME` finds it without a network.
#[derive(Debug, clap::Args)]
pub struct FetchArgs {
    /// A repository: `org/name`, `org/name@revision`, `hf://org/name/FILE.onnx`, or its address; or a short name of `backbone list`
    #[arg(value_name = "NAME")]
    name: String,
    /// Fetch without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    library: LibraryArgs,
}

impl FetchArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        if let Some(file) = installed::file(&self.name) {
            stdout().path(&file)?;
            return Ok(Status::Done);
        }
        if Known::of(&self.name).is_some_and(|known| known.repository.is_none()) {
            return Err(Error::NotOfHub { name: self.name.clone() }.into());
        }
        let typed = named::repository(self.name.as_ref()).unwrap_or_else(|| self.name.clone());
        let (settings, hub) = named::hub()?;
        let reference = settings.parse(&typed)?;
        if let Some(file) = hub.kept(&reference) {
            stdout().path(&file)?;
            return Ok(Status::Done);
        }
        let planned = {
            let _watched = interrupt::token().watch();
            hub.plan(&reference, &mut |_| go_on())
        };
        let plan = match planned {
            Err(hub_backbone::Error::Hub(hub::Error::Stopped { .. })) => return Ok(stopped(console)),
            plan => plan?,
        };
        match self.bring(&plan, &reference, console) {
            Err(error) if is_stop(&error) => Ok(stopped(console)),
            status => status,
        }
    }

    fn bring(&self, plan: &Plan<'_>, reference: &Reference, console: &Console) -> anyhow::Result<Status> {
        // Without it nothing can be made of what is fetched.
        let runtime = self.library.load(console)?;
        if let Some(doubt) = plan.doubt() {
            console.warn(format_args!("{doubt}: using the commit that the cache has"));
        }
        if !plan.is_cached() {
            let size = plan.bytes().map_or("of unknown size".into(), megabytes);
            let licence =
                plan.licence().map_or("no licence stated".into(), |licence| format!("licence {licence}"));
            let what =
                format!("{}: {}, {size}, {licence}, from {}", plan.name(), plan.file(), plan.endpoint());
            // Whoever is asked must know about what.
            if self.yes {
                console.note(what)
            } else {
                tell(what)
            }
            if !named::consents(reference, self.yes)? {
                console.note("nothing was fetched");
                return Ok(Status::Error);
            }
            fetch(plan, console)?;
        }
        let cut = plan.make(&runtime)?;
        // The reason of the cut is that it was told so, by the kind of network and by nobody who reads this.
        console.note(format_args!("{} features from `{}`", cut.feature_size, cut.tensor));
        for note in &cut.notes {
            console.note(note);
        }
        stdout().path(plan.path())?;
        Ok(Status::Done)
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn fetch(plan: &Plan<'_>, console: &Console) -> anyhow::Result<()> {
    let _watched = interrupt::token().watch();
    let mut bar = Progress::of_one(console, "fetching");
    let fetched = plan.fetch(&mut |progress| {
        if let Some(size) = progress.size.filter(|size| *size > 0) {
            bar.share("fetching", progress.done as f64 / size as f64);
        }
        go_on()
    });
    bar.finish();
    Ok(fetched?)
}

fn go_on() -> ControlFlow<()> {
    if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn stopped(console: &Console) -> Status {
    console.note("the fetch was stopped; run the same command again to continue");
    Status::Interrupted
}

fn is_stop(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(hub_backbone::Error::Hub(hub::Error::Stopped { .. })))
}
