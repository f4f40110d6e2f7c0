//! A small model hub of two ports, hub and CDN, that speaks the protocol and can be told to misbehave.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::mem::discriminant;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha1::{Digest, Sha1};
use sha2::Sha256;

/// The commit that `main` of every repository is at.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Where a request arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    Hub,
    Cdn,
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Request {
    pub port: Port,
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What the server does instead.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A status with these headers and no body.
    Status(u16, Vec<(&'static str, String)>),
    /// The header is another, or is missing.
    Header(&'static str, Option<String>),
    /// The body ends after so many bytes, and the connection with it.
    Cut(usize),
    /// The body has so many bytes more, and says so.
    Longer(usize),
    /// The body has so many bytes less, and says so.
    Shorter(usize),
    /// The right number of bytes, but others.
    WrongBytes,
    /// So many bytes at a time, with a pause behind each.
    Trickle(usize, Duration),
    /// From the beginning, whatever was asked for.
    IgnoresRange,
}

/// A fault for so many requests of a kind.
struct Planned {
    port: Port,
    method: &'static str,
    fault: Fault,
    times: usize,
}

struct File {
    bytes: Vec<u8>,
    is_large: bool,
}

impl File {
    fn tag(&self) -> String {
        let hex = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.is_large {
            return hex(&Sha256::digest(&self.bytes));
        }
        let mut sha1 = Sha1::new_with_prefix(format!("blob {}\0", self.bytes.len()));
        sha1.update(&self.bytes);
        hex(&sha1.finalize())
    }
}

impl File {
    /// As a server that mirrors a hub asks for it.
    fn described(&self, path: &str) -> Answer {
        let (size, tag) = (self.bytes.len(), self.tag());
        let lfs = format!(r#", "lfs": {{ "oid": "{tag}", "size": {size}, "pointerSize": 134 }}"#);
        let (oid, lfs) = if self.is_large { (&tag[..40], lfs) } else { (&tag[..], String::new()) };
        let body =
            format!(r#"[{{ "type": "file", "path": "{path}", "size": {size}, "oid": "{oid}"{lfs} }}]"#);
        let headers = vec![("Content-Type", "application/json".into())];
        Answer { status: 200, headers, body: body.into_bytes() }
    }
}

#[derive(Default)]
struct State {
    files: Mutex<BTreeMap<(String, String), File>>,
    planned: Mutex<Vec<Planned>>,
    seen: Mutex<Vec<Request>>,
    cdn: Mutex<String>,
}

/// The server; it runs until the process ends.
#[derive(Clone)]
pub struct Server {
    state: Arc<State>,
    pub hub: String,
    pub cdn: String,
}

impl Server {
    pub fn start() -> Self {
        let state = Arc::new(State::default());
        let [hub, cdn] = [Port::Hub, Port::Cdn].map(|port| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            let state = Arc::clone(&state);
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let state = Arc::clone(&state);
                    std::thread::spawn(move || state.serve(port, &stream));
                }
            });
            address
        });
        state.cdn.lock().unwrap().clone_from(&cdn);
        Self { state, hub, cdn }
    }

    /// A small file, which git keeps.
    pub fn small(&self, repository: &str, file: &str, bytes: impl Into<Vec<u8>>) -> &Self {
        self.add(repository, file, bytes.into(), false)
    }

    /// A large file, which the CDN sends.
    pub fn large(&self, repository: &str, file: &str, bytes: impl Into<Vec<u8>>) -> &Self {
        self.add(repository, file, bytes.into(), true)
    }

    fn add(&self, repository: &str, file: &str, bytes: Vec<u8>, is_large: bool) -> &Self {
        let key = (repository.to_owned(), file.to_owned());
        self.state.files.lock().unwrap().insert(key, File { bytes, is_large });
        self
    }

    pub fn tag(&self, repository: &str, file: &str) -> String {
        self.state.files.lock().unwrap()[&(repository.to_owned(), file.to_owned())].tag()
    }

    /// The next `times` requests of this kind meet the fault.
    pub fn fault(&self, port: Port, method: &'static str, fault: Fault, times: usize) -> &Self {
        self.state.planned.lock().unwrap().push(Planned { port, method, fault, times });
        self
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.state.seen.lock().unwrap().clone()
    }

    /// How many requests of a kind there were.
    pub fn count(&self, port: Port, method: &str) -> usize {
        self.seen().iter().filter(|request| request.port == port && request.method == method).count()
    }
}

/// What is sent.
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn of(status: u16, headers: Vec<(&'static str, String)>) -> Self {
        Self { status, headers, body: vec![] }
    }

    fn refusal(status: u16, code: &str) -> Self {
        Self::of(status, vec![("X-Error-Code", code.into()), ("X-Repo-Commit", COMMIT.into())])
    }

    fn resize(&mut self, size: usize) {
        self.body.resize(size, b'+');
        self.set("Content-Length", Some(size.to_string()));
    }

    fn set(&mut self, name: &'static str, value: Option<String>) {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.extend(value.map(|value| (name, value)));
    }
}

impl State {
    fn serve(&self, port: Port, stream: &TcpStream) {
        let Some(request) = read(port, stream) else { return };
        self.seen.lock().unwrap().push(request.clone());
        let faults = self.due(&request);
        let asks_for_part = !faults.iter().any(|fault| matches!(fault, Fault::IgnoresRange));
        let mut answer = self.answer(&request, asks_for_part);
        let (mut end, mut pace) = (usize::MAX, None);
        for fault in faults {
            match fault {
                Fault::Status(status, headers) => answer = Answer::of(status, headers),
                Fault::Header(name, value) => answer.set(name, value),
                Fault::Cut(after) => end = after,
                Fault::Longer(by) => answer.resize(answer.body.len() + by),
                Fault::Shorter(by) => answer.resize(answer.body.len() - by),
                Fault::WrongBytes => answer.body.iter_mut().for_each(|byte| *byte ^= 1),
                Fault::Trickle(bytes, pause) => pace = Some((bytes, pause)),
                Fault::IgnoresRange => {}
            }
        }
        // A client that goes away in the middle is no fault of the server.
        let _ = send(stream, &request, &answer, end, pace);
    }

    /// Of faults of one kind, one after the other.
    fn due(&self, request: &Request) -> Vec<Fault> {
        let mut due: Vec<Fault> = vec![];
        for planned in self.planned.lock().unwrap().iter_mut() {
            let is_meant = planned.port == request.port && planned.method == request.method;
            let kind = discriminant(&planned.fault);
            if is_meant && planned.times > 0 && !due.iter().any(|fault| discriminant(fault) == kind) {
                planned.times -= 1;
                due.push(planned.fault.clone());
            }
        }
        due
    }

    fn answer(&self, request: &Request, asks_for_part: bool) -> Answer {
        let path = request.path.trim_start_matches('/').split('?').next().unwrap();
        let files = self.files.lock().unwrap();
        if request.port == Port::Cdn {
            let file = files.values().find(|file| file.is_large && file.tag() == path);
            let range = request.header("Range").filter(|_| asks_for_part);
            return file.map_or_else(|| Answer::of(404, vec![]), |file| bytes_of(file, range));
        }
        let parts: Vec<&str> = path.splitn(6, '/').collect();
        if let ["api", "models", org, name, "paths-info", _] = parts[..] {
            let asked = of_percent(request.body.trim_start_matches("paths="));
            let file = files.get(&(format!("{org}/{name}"), asked.clone()));
            return file.map_or_else(|| Answer::of(404, vec![]), |file| file.described(&asked));
        }
        let parts: Vec<&str> = path.splitn(5, '/').collect();
        let [org, name, "resolve", revision, file] = parts[..] else { return Answer::of(404, vec![]) };
        let key = (format!("{org}/{name}"), of_percent(file));
        if !files.keys().any(|(repository, _)| *repository == key.0) {
            return Answer::of(401, vec![("X-Error-Code", "RepoNotFound".into())]);
        }
        if !["main", COMMIT, "refs%2Fpr%2F1"].contains(&revision) {
            return Answer::of(404, vec![("X-Error-Code", "RevisionNotFound".into())]);
        }
        let Some(file) = files.get(&key) else { return Answer::refusal(404, "EntryNotFound") };
        let range = request.header("Range").filter(|_| asks_for_part);
        let mut answer = if file.is_large { Answer::of(302, vec![]) } else { bytes_of(file, range) };
        answer.set(
            "ETag",
            Some(format!("\"{}\"", if file.is_large { "of-the-answer".into() } else { file.tag() })),
        );
        answer.set("X-Repo-Commit", Some(COMMIT.into()));
        if file.is_large {
            answer.set("X-Linked-Etag", Some(format!("\"{}\"", file.tag())));
            answer.set("X-Linked-Size", Some(file.bytes.len().to_string()));
            answer
                .set("Location", Some(format!("{}/{}?signature=abc", self.cdn.lock().unwrap(), file.tag())));
        }
        answer
    }
}

fn of_percent(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

fn bytes_of(file: &File, range: Option<&str>) -> Answer {
    let size = file.bytes.len();
    let start = range.and_then(|range| range.strip_prefix("bytes=")?.trim_end_matches('-').parse().ok());
    let (status, start) = match start {
        None => (200, 0),
        Some(start) if start < size => (206, start),
        Some(_) => return Answer::of(416, vec![]),
    };
    let body = file.bytes[start..].to_vec();
    let mut answer = Answer { status, headers: vec![("Content-Length", body.len().to_string())], body };
    if status == 206 {
        answer.set("Content-Range", Some(format!("bytes {start}-{}/{size}", size - 1)));
    }
    answer
}

fn read(port: Port, stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = vec![];
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut request = Request { port, method, path, headers, body: String::new() };
    let size = request.header("Content-Length").and_then(|size| size.parse().ok()).unwrap_or(0);
    reader.take(size).read_to_string(&mut request.body).ok()?;
    Some(request)
}

fn send(
    mut stream: &TcpStream,
    request: &Request,
    answer: &Answer,
    end: usize,
    pace: Option<(usize, Duration)>,
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Said\r\nConnection: close\r\n", answer.status);
    if !answer.headers.iter().any(|(name, _)| *name == "Content-Length") {
        head += &format!("Content-Length: {}\r\n", answer.body.len());
    }
    answer.headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    stream.write_all((head + "\r\n").as_bytes())?;
    if request.method == "HEAD" {
        return Ok(());
    }
    let body = &answer.body[..answer.body.len().min(end)];
    let (bytes, pause) = pace.unwrap_or((1 << 20, Duration::ZERO));
    for chunk in body.chunks(bytes) {
        stream.write_all(chunk)?;
        stream.flush()?;
        std::thread::sleep(pause);
    }
    Ok(())
}
