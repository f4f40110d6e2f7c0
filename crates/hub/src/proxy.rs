//! Which proxy a request goes through.

use crate::address::Address;
use crate::error::{Error, Result};

/// What the variables of proxies say.
#[derive(Clone, Default)]
pub(crate) struct Proxies {
    https: Option<Proxy>,
    http: Option<Proxy>,
    none: Vec<String>,
}

/// A proxy, and what it is called where its password is not to be seen.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) connection: ureq::Proxy,
    pub(crate) shown: String,
}

impl Proxies {
    /// The small names come first, as curl and Python have it.
    pub(crate) fn of_variables(text: impl Fn(&'static str) -> Result<Option<String>>) -> Result<Self> {
        let first = |names: [&'static str; 4]| {
            for variable in names {
                if let Some(value) = text(variable)? {
                    return Proxy::new(variable, &value).map(Some);
                }
            }
            Ok(None)
        };
        let none = text("no_proxy")?.or(text("NO_PROXY")?).unwrap_or_default();
        Ok(Self {
            https: first(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
            http: first(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])?,
            none: none
                .split(',')
                .map(|entry| entry.trim().to_lowercase())
                .filter(|entry| !entry.is_empty())
                .collect(),
        })
    }

    pub(crate) fn of(&self, address: &Address) -> Option<&Proxy> {
        let host = address.host();
        let spares = |entry: &String| {
            let domain = entry.trim_start_matches('*').trim_start_matches('.');
            let within = || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
            domain.is_empty() || host == domain || within()
        };
        let proxy = if address.scheme() == "https" { &self.https } else { &self.http };
        proxy.as_ref().filter(|_| !self.none.iter().any(spares))
    }
}

impl Proxy {
    fn new(variable: &'static str, value: &str) -> Result<Self> {
        let wrong = Error::Variable { variable, expected: "the address of an http or https proxy" };
        let is_web = |proxy: &ureq::Proxy| matches!(proxy.uri().scheme_str(), Some("http" | "https") | None);
        let connection = ureq::Proxy::new(value).ok().filter(is_web).ok_or(wrong)?;
        let shown = format!("{}:{}", connection.host(), connection.port());
        Ok(Self { connection, shown })
    }
}

impl std::fmt::Debug for Proxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proxies")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &'static [(&str, &str)]) -> Result<Proxies> {
        let get = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
        };
        Proxies::of_variables(|name| Ok(get(name)))
    }

    fn proxy(variables: &'static [(&str, &str)], address: &str) -> Option<String> {
        let address = Address::parse(address).unwrap();
        proxies(variables).unwrap().of(&address).map(|proxy| proxy.shown.clone())
    }

    #[test]
    fn a_proxy_goes_by_the_scheme_and_spares_some_hosts() {
        let https =
            &[("HTTPS_PROXY", "http://me:secret@proxy.test:3128"), ("NO_PROXY", "a.test, .b.test,*.c.test")];
        assert_eq!(proxy(https, "https://hub.test").unwrap(), "proxy.test:3128");
        for spared in [
            "http://hub.test",
            "https://a.test",
            "https://x.a.test",
            "https://x.b.test:1",
            "https://x.c.test",
        ] {
            assert_eq!(proxy(https, spared), None, "{spared}");
        }
        assert!(proxy(https, "https://ba.test").is_some());
        let both = &[("all_proxy", "http://one.test:1"), ("http_proxy", "http://two.test:2")];
        assert_eq!(proxy(both, "https://hub.test").unwrap(), "one.test:1");
        assert_eq!(proxy(both, "http://hub.test").unwrap(), "two.test:2");
        assert_eq!(proxy(&[("all_proxy", "http://one.test:1"), ("no_proxy", "*")], "https://hub.test"), None);
    }

    #[test]
    fn a_proxy_of_another_kind_is_refused_and_its_password_not_told() {
        for variables in
            [&[("HTTPS_PROXY", "socks5://me:secret@proxy.test:1")], &[("HTTPS_PROXY", "http://:secret@")]]
        {
            let error = proxies(variables).unwrap_err();
            assert!(
                error.to_string().contains("HTTPS_PROXY") && !error.to_string().contains("secret"),
                "{error}"
            );
        }
    }
}
