//! Fetches files of a repository, as the environment says: `hub_fetch org/name@revision FILE…`. It prints where each lies.

use std::ops::ControlFlow;

use headstart_hub::{Error, FileName, Hub, Settings};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((typed, files)) = arguments.split_first() else { panic!("expected `org/name` and files of it") };
    if let Err(error) = fetch(typed, files) {
        eprintln!("error: {error}\n\nhint: {}", error.remedy().unwrap_or_default());
        std::process::exit(2);
    }
}

fn fetch(typed: &str, files: &[String]) -> Result<(), Error> {
    let settings = Settings::of_environment()?;
    let reference = settings.parse(typed)?;
    let hub = Hub::new(settings)?;
    let snapshot = hub.resolve(&reference)?;
    for file in files {
        let path = snapshot.get(&FileName::new(file)?, &mut |_| ControlFlow::Continue(()))?;
        println!("{}", path.display());
    }
    Ok(())
}
