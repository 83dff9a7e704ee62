//! Takes the query off each URL in a text: of a signed URL it is a credential for whoever
//! reads the report. It knows no registry; npm prints whatever URL a registry led it to.

/// Ends a URL in npm's words and in a script's.
fn ends(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || "\"'`<>".contains(letter)
}

/// `text` with `?` and what follows it left out of each `http` and `https` URL.
pub(super) fn without_queries(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at);
        let end = url.find(ends).unwrap_or(url.len());
        let (url, after) = url.split_at(end);
        let is_web =
            before.to_ascii_lowercase().ends_with("http") || before.to_ascii_lowercase().ends_with("https");
        out.push_str(before);
        out.push_str(url.split('?').next().filter(|_| is_web).unwrap_or(url));
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_left_out_and_all_else_stays() {
        for (text, told) in [
            (
                "403 Forbidden - GET https://b.example/x.tgz?sig=S",
                "403 Forbidden - GET https://b.example/x.tgz",
            ),
            (
                "request to HTTPS://b.example/x?X-Amz-Signature=S&b=https://c.example/ failed, reason: ?",
                "request to HTTPS://b.example/x failed, reason: ?",
            ),
            (
                "'http://a.example/?k=1' and \"https://b.example?k=2\"",
                "'http://a.example/' and \"https://b.example\"",
            ),
            ("git+https://h.example/a.git?x=1#main", "git+https://h.example/a.git"),
            ("what is file:///x?y and ssh://h/x?y", "what is file:///x?y and ssh://h/x?y"),
            ("nothing? https://a.example/b\nnext?", "nothing? https://a.example/b\nnext?"),
            ("", ""),
        ] {
            assert_eq!(without_queries(text), told);
        }
    }
}
