//! Where npm would fetch a `resolved` from, as a URL: it knows the forms that npm writes beside
//! URLs (`git+ssh://…`, `github:owner/name#commit`, git's own `git@host:path`). It must not know
//! whose a host is.

use url::Url;

/// What npm's short forms stand for (`hosted-git-info`). npm asks there over https first.
const HOSTED: [(&str, &str); 4] = [
    ("github:", "https://github.com/"),
    ("gitlab:", "https://gitlab.com/"),
    ("bitbucket:", "https://bitbucket.org/"),
    ("gist:", "https://gist.github.com/"),
];

/// The URL that a `resolved` stands for; `None` where it is none.
pub(crate) fn fetched_from(resolved: &str) -> Option<Url> {
    if let Some((rest, base)) =
        HOSTED.iter().find_map(|(short, base)| Some((resolved.strip_prefix(short)?, base)))
    {
        return Url::parse(&format!("{base}{rest}")).ok();
    }
    let bare = resolved.strip_prefix("git+").unwrap_or(resolved);
    Url::parse(bare).ok().filter(|url| !url.cannot_be_a_base()).or_else(|| Url::parse(&spelt_out(bare)?).ok())
}

/// `[ssh://]git@host:path`, as git takes it, with the path where a URL has it.
fn spelt_out(text: &str) -> Option<String> {
    let place = text.strip_prefix("ssh://").unwrap_or(text);
    let (host, path) = place.split_once(':')?;
    let is_host = host.contains('@') && !host.contains('/');
    is_host.then(|| format!("ssh://{host}/{}", path.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each form as npm writes or takes it, and the host that npm's own `hosted-git-info` names.
    #[test]
    fn every_form_of_a_source_has_its_host() {
        for (resolved, scheme, host) in [
            ("https://registry.example/a/-/a-1.0.0.tgz", "https", "registry.example"),
            ("git+ssh://git@github.com/o/r.git#0a", "ssh", "github.com"),
            ("git+ssh://git@github.com:o/r.git#0a", "ssh", "github.com"),
            ("git+https://user@git.example/o/r.git", "https", "git.example"),
            ("git://git.example/o/r.git", "git", "git.example"),
            ("git@git.example:o/r.git", "ssh", "git.example"),
            ("github:o/r#176ac18360937454512b19ef7d78cc51fe80708d", "https", "github.com"),
            ("gitlab:o/sub/r#0a", "https", "gitlab.com"),
            ("bitbucket:o/r", "https", "bitbucket.org"),
            ("gist:11081aaa281", "https", "gist.github.com"),
            ("git+ssh://git@git.example:2222/o/r.git", "ssh", "git.example"),
        ] {
            let url = fetched_from(resolved).unwrap_or_else(|| panic!("{resolved}"));
            assert_eq!((url.scheme(), url.host_str()), (scheme, Some(host)), "{resolved}");
        }
    }

    #[test]
    fn what_leads_to_no_host_has_none() {
        for resolved in
            ["file:../x.tgz", "packages/ui", "", "github:", "git+file:///srv/r.git", "1.0.0", "a:b"]
        {
            let host = fetched_from(resolved).and_then(|url| url.host_str().map(str::to_owned));
            let host = host.filter(|host| !host.is_empty() && host != "github.com");
            assert_eq!(host, None, "{resolved}");
        }
    }
}
