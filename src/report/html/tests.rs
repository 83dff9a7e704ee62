//! Whole pages, without a browser. What one makes of them is seen in `tests/browser/`.

use super::pack::tests::unpacked;
use super::{APP, PAGE, Page, STYLE, render, write, write_all};
use crate::report::json::tests::{of_every_verdict, saved};
use crate::report::model::Report;
use crate::report::opinion::{Acceptance, Verdict};
use base64::{Engine, engine::general_purpose::STANDARD};
use insta::assert_snapshot;
use sha2::{Digest, Sha256};

/// What is between two texts, the first time that they stand there.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let text = text.split_once(start).unwrap_or_else(|| panic!("no {start}")).1;
    text.split_once(end).unwrap_or_else(|| panic!("no {end}")).0
}

/// The part that is there without a script, a tag a line.
fn written(page: &str) -> String {
    between(page, "<main id=\"main\" tabindex=\"-1\">", "<div id=\"view\"").replace("><", ">\n<")
}

/// The words of a page as a reader hears them.
fn words(page: &str) -> String {
    let mut out = String::new();
    for piece in written(page).split('<') {
        out.push_str(piece.split_once('>').map_or("", |(_, words)| words).trim());
        out.push('\n');
    }
    out
}

fn data(page: &str, at: usize) -> Report {
    unpacked(between(page, &format!("id=\"data-{at}\">"), "</script>"))
}

fn many(reports: &[(&str, Option<&str>, &Report)]) -> String {
    let pages: Vec<Page<'_>> =
        reports.iter().map(|(title, carried, report)| Page { title, carried: *carried, report }).collect();
    let mut out = Vec::new();
    write(&pages, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_leaking_report() {
    assert_snapshot!(written(&render(&saved("leaked")).unwrap()));
}

#[test]
fn the_report_itself_is_in_the_page() {
    for name in ["leaked", "sealed", "hostile", "interrupted", "unobserved"] {
        let report = saved(name);
        assert_eq!(data(&render(&report).unwrap(), 0), report, "{name}");
    }
}

#[test]
fn the_policy_allows_the_one_script_and_the_one_style() {
    let page = render(&saved("leaked")).unwrap();
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    for (directive, start, end) in
        [("style-src", "<style>", "</style>"), ("script-src", "</script>\n<script>", "</script>")]
    {
        let digest = STANDARD.encode(Sha256::digest(between(&page, start, end).as_bytes()));
        assert!(policy.contains(&format!("{directive} 'sha256-{digest}'")), "{directive}: {policy}");
    }
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn our_own_parts_ask_nobody_and_make_no_html_of_texts() {
    for part in APP.iter().chain([&STYLE, &PAGE]) {
        for word in
            ["http://", "https://", "innerHTML", "outerHTML", "insertAdjacentHTML", "fetch(", "eval(", "url("]
        {
            let harmless = part.replace("http://www.w3.org/2000/svg", "");
            assert!(!harmless.contains(word), "{word} in {}", part.lines().next().unwrap_or_default());
        }
    }
    for part in APP {
        assert!(part.starts_with("// ") && part.lines().count() < 300, "{part}");
        assert!(!part.contains("</script") && !part.contains("<!--"), "{part}");
    }
}

#[test]
fn each_verdict_has_its_word_and_its_shape_and_only_a_pass_looks_like_one() {
    let page = written(&render(&of_every_verdict()).unwrap());
    for (scenario, shape, word, good) in [
        ("baseline", "sealed", "sealed", true),
        ("control", "trap", "leaked, as must", true),
        ("private-not-found", "leaked", "leaked", false),
        ("as-exposed", "exposed", "exposed", false),
        ("as-broken", "broken", "broken", false),
        ("as-unobserved", "unobserved", "unobserved", false),
        ("as-not-applicable", "none", "not-applicable", false),
    ] {
        let row = page.split("<tr").find(|row| row.contains(&format!("scope=\"row\">{scenario}<")));
        let row = row.unwrap_or_else(|| panic!("{scenario}\n{page}"));
        assert!(row.contains(&format!("<span>{word}</span>")), "{row}");
        assert!(row.contains(&format!("href=\"#sign-{shape}\"")), "{row}");
        assert_eq!(row.contains("verdict good"), good, "{row}");
    }
}

#[test]
fn a_trap_that_was_not_live_looks_unobserved() {
    let mut report = saved("leaked");
    report.runs.iter_mut().filter(|run| run.control).for_each(|run| run.verdict = Verdict::Sealed);
    let page = written(&render(&report).unwrap());
    let row = page.split("<tr").find(|row| row.contains("scope=\"row\">control<")).unwrap();
    assert!(row.contains("#sign-unobserved") && row.contains("sealed, no trap"), "{row}");
}

#[test]
fn what_was_not_seen_stands_before_the_scenarios() {
    let words = words(&render(&of_every_verdict()).unwrap());
    let unseen = words.find("not observed").unwrap();
    assert!(unseen < words.find("Scenarios").unwrap(), "{words}");
    assert!(words.contains("nothing has an integrity"), "{words}");
}

#[test]
fn what_was_accepted_says_by_whom_and_why() {
    let mut report = saved("leaked");
    let (reason, by) = ("until the <fork> is gone".to_owned(), Some("platform".to_owned()));
    report.findings[0].accepted = Some(Acceptance { reason, by, until: Some("2027-03-01".to_owned()) });
    let words = words(&render(&report).unwrap());
    assert!(words.contains("Accepted by platform, until 2027-03-01"), "{words}");
    assert!(words.contains("until the &lt;fork&gt; is gone"), "{words}");
}

#[test]
fn nothing_of_a_strangers_is_markup_and_nothing_steers() {
    let page = render(&saved("hostile")).unwrap();
    let parts = written(&page);
    let ours = [
        "a",
        "article",
        "caption",
        "code",
        "dd",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "header",
        "li",
        "mark",
        "p",
        "pre",
        "section",
        "span",
        "strong",
        "svg",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
        "use",
    ];
    for piece in parts.split('<').skip(1) {
        let name: String =
            piece.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(ours.contains(&name.as_str()), "<{piece}");
    }
    let steers = |letter: char| {
        (letter.is_control() && !"\n\t".contains(letter)) || "\u{202e}\u{2066}\u{200b}".contains(letter)
    };
    assert!(!parts.contains(steers), "{parts}");
    assert_eq!(page.matches("<script").count(), 2, "the data and the script");
}

#[test]
fn many_projects_have_a_summary_with_the_worst_first() {
    let (leaked, sealed, unseen) = (saved("leaked"), saved("sealed"), saved("unobserved"));
    let page = many(&[
        ("b/sealed", Some("2026-11-20T08:00:00Z"), &sealed),
        ("a/unseen", None, &unseen),
        ("c/leaked", None, &leaked),
    ]);
    let rows: Vec<usize> = ["c/leaked", "a/unseen", "b/sealed"]
        .iter()
        .map(|title| written(&page).find(title).unwrap())
        .collect();
    assert!(rows.is_sorted(), "{rows:?}");
    let words = words(&page);
    assert!(words.contains("3 projects: 1 leaked, 1 unobserved, 1 sealed"), "{words}");
    assert!(words.contains("carried over from 2026-11-20 08:00:00 UTC"), "{words}");
    assert_eq!([data(&page, 0), data(&page, 1), data(&page, 2)], [leaked, unseen, sealed]);
    assert!(page.contains("href=\"#/project/2/run/baseline-1\""), "links say in which project");
}

#[test]
fn no_project_and_no_run_is_a_page_too() {
    assert!(many(&[]).contains("0 projects"));
    let mut report = saved("sealed");
    (report.runs, report.findings) = (Vec::new(), Vec::new());
    assert!(words(&render(&report).unwrap()).contains("No rule had anything to say"));
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    assert_eq!(render(&saved("hostile")).unwrap(), render(&saved("hostile")).unwrap());
}

#[test]
fn a_project_that_was_not_tested_is_named_on_every_page() {
    let report = saved("sealed");
    let pages = [Page { title: "apps/web", carried: None, report: &report }];
    let mut out = Vec::new();
    write_all(&pages, &["apps/<b>never</b>".to_owned()], &mut out).unwrap();
    let page = String::from_utf8(out).unwrap();
    let before = between(&page, "<main id=\"main\" tabindex=\"-1\">", "<article");
    assert!(before.contains("Not tested") && before.contains("apps/&lt;b&gt;never"), "{before}");
    let mut out = Vec::new();
    write(&pages, &mut out).unwrap();
    assert!(!String::from_utf8(out).unwrap().contains("Not tested, since"));
}

#[test]
fn equal_findings_are_one_with_a_count_and_each_is_where_a_link_leads() {
    let page = written(&render(&crate::report::alike::tests::many(900)).unwrap());
    assert_eq!(page.matches("<article class=\"finding ").count(), 1);
    assert!(page.contains("and 899 more alike"), "{page}");
    for at in [0, 1, 899] {
        assert_eq!(page.matches(&format!("id=\"finding-0-{at}\"")).count(), 1, "{at}");
    }
    assert!(page.contains("dead-899 (package-lock.json:911)"));
}
