//! Serves the repositories in a folder, `FOLDER/org/name/…`, until its input ends: `hub_server FOLDER`. It prints its address.

use std::io::Read;
use std::path::Path;

#[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
#[path = "../tests/hub/server.rs"]
mod server;

/// Files of so many bytes are large: the CDN sends them.
const LARGE: usize = 10_000;

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).expect("expected a folder of repositories");
    let server = server::Server::start();
    add(&server, folder.as_ref(), &mut vec![])?;
    println!("{}", server.hub);
    std::io::stdin().read_to_end(&mut vec![]).map(drop)
}

/// All files below `folder`, whose names from the first folder on are `names`.
fn add(server: &server::Server, folder: &Path, names: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        names.extend(path.file_name().and_then(|name| name.to_str()).map(String::from));
        if path.is_dir() {
            add(server, &path, names)?;
        } else if let [org, name, file @ ..] = &names[..] {
            let (repository, file, bytes) = (format!("{org}/{name}"), file.join("/"), std::fs::read(&path)?);
            let add = if bytes.len() < LARGE { server::Server::small } else { server::Server::large };
            add(server, &repository, &file, bytes);
        }
        names.pop();
    }
    Ok(())
}
