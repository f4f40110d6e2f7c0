//! Requests to the hub and to what it redirects to, and what their answers mean.

use std::time::Duration;

use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::address::{Address, escaped};
use crate::check::Tag;
use crate::error::{Error, Result};
use crate::name::{Commit, FileName, Repository, Revision};
use crate::settings::Settings;

/// Redirects that are followed, one after the other.
const REDIRECTS: usize = 10;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) revision: &'a Revision,
    pub(crate) file: &'a FileName,
}

/// What the hub says of a file.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    pub(crate) commit: Commit,
    pub(crate) tag: Tag,
    pub(crate) size: Option<u64>,
    /// Where its bytes are.
    pub(crate) address: Address,
}

/// The answer to a question for a file.
#[derive(Debug)]
pub(crate) enum Answer {
    Described(Described),
    /// The commit, of which the revision is, has no such file.
    NoSuchFile(Commit),
}

/// Sends requests. One value serves many of them, and keeps connections open.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    settings: Settings,
}

impl Client {
    pub(crate) fn new(settings: Settings) -> Result<Self> {
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider);
        let tls = tls.root_certs(RootCerts::from(certificates(&settings)?)).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            // Each redirect is looked at here: the token must not go along.
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("headstart/", env!("CARGO_PKG_VERSION")))
            // What is asked for is measured, so it comes as it is.
            .accept_encoding("identity");
        Ok(Self { agent: config.build().into(), settings })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Ask what a file is. A hub that has too much to do is asked again.
    pub(crate) fn describe(&self, wanted: Wanted<'_>) -> Result<Answer> {
        let mut tries = 0;
        loop {
            match self.describe_once(wanted) {
                Err(Error::Status { status: 500.., .. }) if tries < 2 => tries += 1,
                answer => return answer,
            }
            std::thread::sleep(self.settings.pause);
        }
    }

    fn describe_once(&self, wanted: Wanted<'_>) -> Result<Answer> {
        let Wanted { repository, revision, file } = wanted;
        let (revision, name) = (escaped(revision.as_str(), ""), escaped(file.as_str(), "/"));
        let path = format!("{repository}/resolve/{revision}/{name}");
        let mut address = self.settings.endpoint.below(&path).ok_or(Error::Variable {
            variable: "HF_ENDPOINT",
            expected: "an address below which others can be",
        })?;
        for _ in 0..REDIRECTS {
            let answer = self.send("HEAD", &address, None)?;
            if !answer.status().is_success() && !answer.status().is_redirection() {
                return self.refusal(&answer, wanted, &address);
            }
            let Some(target) = redirect(&answer, &address)? else {
                let size = header(&answer, "Content-Length").and_then(|size| size.parse().ok());
                return described(&answer, &address, address.clone(), size);
            };
            if !address.is_origin_of(&target) {
                return described(&answer, &address, target, None);
            }
            address = target;
        }
        Err(Error::Redirect { host: address.host(), to: address.origin(), why: "redirects without end" })
    }

    /// Ask for the bytes of a file, from `start` on.
    pub(crate) fn get(&self, address: &Address, start: u64) -> Result<(Response<Body>, Address)> {
        let mut address = address.clone();
        for _ in 0..REDIRECTS {
            let answer = self.send("GET", &address, Some(start))?;
            let Some(target) = redirect(&answer, &address)? else { return Ok((answer, address)) };
            address = target;
        }
        Err(Error::Redirect { host: address.host(), to: address.origin(), why: "redirects without end" })
    }

    /// The one place that sends. The token goes to the hub's own origin and nowhere else.
    fn send(&self, method: &str, to: &Address, start: Option<u64>) -> Result<Response<Body>> {
        let settings = &self.settings;
        let mut request = ureq::http::Request::builder().method(method).uri(to.to_string());
        if let Some(token) =
            settings.token.as_ref().and_then(|token| token.header_for(to, &settings.endpoint))
        {
            request = request.header("Authorization", token);
        }
        if let Some(start) = start.filter(|start| *start > 0) {
            request = request.header("Range", format!("bytes={start}-"));
        }
        let request = request.body(()).map_err(|error| self.trouble(to, error.into(), start.is_some()))?;
        let proxy = settings.proxies.of(to).map(|proxy| proxy.connection.clone());
        let wait = |seconds| Some(Duration::from_secs(seconds));
        let config = self.agent.configure_request(request).proxy(proxy);
        let config = match start {
            None => config.timeout_global(wait(settings.etag_timeout)),
            Some(_) => config
                .timeout_connect(wait(settings.download_timeout))
                .timeout_recv_response(wait(settings.download_timeout))
                .timeout_per_read(wait(settings.download_timeout)),
        };
        self.agent.run(config.build()).map_err(|error| self.trouble(to, error, start.is_some()))
    }

    /// What a failure of the connection to `to` means.
    pub(crate) fn trouble(&self, to: &Address, error: ureq::Error, is_download: bool) -> Error {
        let (host, source) = (to.host(), Box::new(error));
        let (seconds, variable) = match is_download {
            true => (self.settings.download_timeout, "HF_HUB_DOWNLOAD_TIMEOUT"),
            false => (self.settings.etag_timeout, "HF_HUB_ETAG_TIMEOUT"),
        };
        match (&*source, self.settings.proxies.of(to)) {
            (ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::Pem(_), _) => {
                Error::Certificate { host, source }
            }
            (ureq::Error::Io(io), _) if is_certificate(io) => Error::Certificate { host, source },
            (ureq::Error::Timeout(_), None) => Error::Timeout { host, seconds, variable },
            (ureq::Error::Io(io), _) if io.kind() == std::io::ErrorKind::TimedOut => {
                Error::Timeout { host, seconds, variable }
            }
            (_, Some(proxy)) => Error::Proxy { proxy: proxy.shown.clone(), host, source },
            _ => Error::Unreachable { host, source },
        }
    }

    /// What an answer means that is neither the file nor a way to it.
    fn refusal(&self, answer: &Response<Body>, wanted: Wanted<'_>, address: &Address) -> Result<Answer> {
        let repository = wanted.repository.clone();
        let (host, status) = (address.host(), answer.status().as_u16());
        let unknown = || Error::Unknown {
            repository: repository.clone(),
            host: host.clone(),
            token: self.settings.token.is_some(),
        };
        let is_bad_token =
            header(answer, "X-Error-Message").is_some_and(|text| text.starts_with("Invalid credentials"));
        Err(match (header(answer, "X-Error-Code").unwrap_or_default(), status) {
            ("EntryNotFound", _) => return commit(answer, address).map(Answer::NoSuchFile),
            ("RevisionNotFound", _) => Error::Revision { repository, revision: wanted.revision.clone() },
            ("RepoNotFound", _) => unknown(),
            ("GatedRepo", _) => {
                let page = format!("{}/{repository}", self.settings.endpoint());
                Error::Gated { repository, page }
            }
            (_, 401) if is_bad_token => Error::Token { host },
            (_, 401 | 404) => unknown(),
            (_, 403) => Error::Forbidden { host, repository },
            _ => bad_status(answer, address, wanted.file),
        })
    }
}

/// What an answer with a status of this kind means, from any host.
pub(crate) fn bad_status(answer: &Response<Body>, address: &Address, file: &FileName) -> Error {
    match (address.host(), answer.status().as_u16()) {
        (host, 429) => {
            Error::RateLimit { host, wait: header(answer, "Retry-After").and_then(|wait| wait.parse().ok()) }
        }
        (host, status) => Error::Status { host, status, file: file.clone() },
    }
}

fn described(
    answer: &Response<Body>,
    asked: &Address,
    address: Address,
    size: Option<u64>,
) -> Result<Answer> {
    let commit = commit(answer, asked)?;
    let tag = header(answer, "X-Linked-Etag").or(header(answer, "ETag")).and_then(Tag::of_header);
    let tag = tag.ok_or(Error::Header { host: asked.host(), header: "ETag" })?;
    let size = match header(answer, "X-Linked-Size") {
        Some(size) => {
            Some(size.parse().map_err(|_| Error::Header { host: asked.host(), header: "X-Linked-Size" })?)
        }
        None => size,
    };
    Ok(Answer::Described(Described { commit, tag, size, address }))
}

fn commit(answer: &Response<Body>, asked: &Address) -> Result<Commit> {
    let commit = header(answer, "X-Repo-Commit").and_then(Commit::new);
    commit.ok_or(Error::Header { host: asked.host(), header: "X-Repo-Commit" })
}

/// Where the answer leads, if it leads on; nothing is fetched from a place that is worse than the one that was asked.
fn redirect(answer: &Response<Body>, asked: &Address) -> Result<Option<Address>> {
    if !answer.status().is_redirection() {
        return Ok(None);
    }
    let missing = Error::Header { host: asked.host(), header: "Location" };
    let target = header(answer, "Location").and_then(|location| asked.join(location)).ok_or(missing)?;
    match target.objection(asked) {
        Some(why) => Err(Error::Redirect { host: asked.host(), to: target.origin(), why }),
        None => Ok(Some(target)),
    }
}

pub(crate) fn header<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

/// Those of the system, or of the file that `SSL_CERT_FILE` names.
fn certificates(settings: &Settings) -> Result<Vec<Certificate<'static>>> {
    let found = match &settings.certificates {
        Some(path) => rustls_native_certs::load_certs_from_paths(Some(path), None),
        None => rustls_native_certs::load_native_certs(),
    };
    // A hub without encryption needs none.
    if found.certs.is_empty() && settings.endpoint.scheme() == "https" {
        return Err(Error::Certificates { path: settings.certificates.clone() });
    }
    Ok(found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect())
}

/// A handshake that fails comes as an error of the connection.
fn is_certificate(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}
