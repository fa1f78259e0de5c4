//! Which pages may open sessions.

/// The `--allow-origin` list.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// `origins` as browsers write them ("https://example.org:8443"); "*" allows every page; none
    /// means the gateway's own host.
    pub(crate) fn new(origins: Vec<String>) -> Self {
        Self(origins)
    }

    /// Whether a page of `origin` may open a session at `authority` (host and port as the client
    /// wrote them).
    ///
    /// A client without an origin is not a browser, and could send any origin it likes.
    pub(crate) fn allows(&self, origin: Option<&str>, authority: &str) -> bool {
        let Some(origin) = origin else {
            return true;
        };
        if self.0.is_empty() {
            return is_same_host(origin, authority);
        }
        self.0.iter().any(|allowed| {
            allowed == "*" || allowed.trim_end_matches('/').eq_ignore_ascii_case(origin)
        })
    }
}

/// Compares hosts without ports: page and gateway may have different ones. All loopback names are
/// the same host.
fn is_same_host(origin: &str, authority: &str) -> bool {
    let Some((_, origin)) = origin.split_once("://") else {
        return false;
    };
    let (origin, authority) = (host(origin), host(authority));
    !origin.is_empty()
        && (origin.eq_ignore_ascii_case(authority)
            || (is_loopback(origin) && is_loopback(authority)))
}

fn host(authority: &str) -> &str {
    if authority.starts_with('[') {
        return authority.split_inclusive(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

fn is_loopback(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_only_pages_of_the_same_host_and_programs_are_allowed() {
        let origins = AllowedOrigins::default();
        assert!(origins.allows(None, "example.org:4433"));
        assert!(origins.allows(Some("https://example.org"), "example.org:4433"));
        assert!(origins.allows(Some("http://localhost:8080"), "127.0.0.1:4433"));
        assert!(origins.allows(Some("http://localhost:8080"), "[::1]:4433"));
        for foreign in [
            "https://evil.org",
            "https://example.org.evil.org",
            "null",
            "",
            "https://",
        ] {
            assert!(
                !origins.allows(Some(foreign), "example.org:4433"),
                "{foreign}"
            );
        }
        assert!(!origins.allows(Some("http://localhost"), "example.org"));
    }

    #[test]
    fn a_list_replaces_the_default() {
        let origins = AllowedOrigins::new(vec!["https://app.example.org/".to_owned()]);
        assert!(origins.allows(Some("https://app.example.org"), "gw.example.org"));
        assert!(!origins.allows(Some("https://gw.example.org"), "gw.example.org"));
        assert!(!origins.allows(Some("http://app.example.org"), "gw.example.org"));
        assert!(AllowedOrigins::new(vec!["*".to_owned()]).allows(Some("null"), "x"));
    }
}
