//! The page of a report in a real browser: it asks nobody for anything, nothing is complained
//! of, its filters and links work, and everybody can read it, in light and dark, wide and narrow.
//!
//! Pages and pictures are left in `target/browser/`, to be looked at.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be prepared fails")]

mod driver;
mod reports;
#[path = "../support/mod.rs"]
mod support;

use driver::{Job, look};
use sealcheck::report::Report;
use sealcheck::report::html::Page;
use serde_json::json;

/// Whether something is lacking for a test, which is said.
fn skipped(test: &str) -> bool {
    let lacks = driver::lacks();
    lacks.iter().for_each(|lacks| support::skip(test, lacks));
    lacks.is_some()
}

#[test]
fn the_leaky_example() {
    if skipped("browser::the_leaky_example") {
        return;
    }
    let (page, report) = reports::tested("leaky", &[]);
    let routes = [
        ("overview", ""),
        ("run", "#/run/private-mapping-removed-1"),
        ("request", "#/run/private-mapping-removed-1/exchange/1"),
        ("search", "#/search/package/prices"),
    ];
    let mut job = Job::new("leaky", page, &routes);
    job.steps = vec![
        // The filter of the findings.
        json!(["count", ".finding"]),
        json!(["choose", ".filters select", "error"]),
        json!(["count", ".finding"]),
        json!(["text", ".filters .said"]),
        json!(["fill", ".filters input", "no finding says this"]),
        json!(["count", ".finding"]),
        json!(["fill", ".filters input", "SILENT-fallback"]),
        json!(["count", ".finding"]),
        // 8: from the finding to the request, its process, its package, and back to the finding.
        json!(["click", ".finding:not([hidden]) .facts-of a >> text=exchange"]),
        json!(["hash"]),
        json!(["text", "#view h1"]),
        json!(["click", "#view dd a[href*='/process/']"]),
        json!(["hash"]),
        json!(["reload"]),
        json!(["text", "#view h1"]),
        json!(["go", "#/run/private-mapping-removed-1"]),
        // 16: who delivered what.
        json!(["text", "#run-flow .flow .node.foreign"]),
        json!(["count", "#run-flow table"]),
        json!(["click", "#run-flow .right .node.foreign"]),
        json!(["text", "#run-flow table"]),
        json!(["click", "#run-flow table a[href*='/package/']"]),
        json!(["text", "#view h1"]),
        json!(["click", "#fact-findings a >> text=silent-fallback"]),
        json!(["hash"]),
        json!(["text", ".finding.chosen"]),
        json!(["focus"]),
        // 26: the search, by what stands in the fragment and by its fields.
        json!(["go", "#/search/rule/silent-fallback"]),
        json!(["count", "#found-findings li"]),
        json!(["fill", "#view input[name=host]", "npm.shop.example"]),
        json!(["hash"]),
        json!(["text", "#view .said"]),
        // 31: the keyboard, and the switch.
        json!(["go", "#/"]),
        json!(["reload"]),
        json!(["press", "Tab"]),
        json!(["focus"]),
        json!(["press", "Enter"]),
        json!(["focus"]),
        json!(["click", ".tools button >> text=Dark"]),
        json!(["attribute", "html", "data-theme"]),
        json!(["save", ".keep"]),
        // 40: what is not there is said.
        json!(["go", "#/run/no-such-run"]),
        json!(["text", "#view h1"]),
        json!(["go", "#/run/private-mapping-removed-1"]),
        json!(["text", "#run-difference"]),
        json!(["text", "#run-timeline"]),
        json!(["text", "#run-scripts"]),
    ];
    let seen = look(&job);
    seen.assert_sound(&job);
    let told = sealcheck::report::alike::grouped(&report.findings, |finding| finding).len();
    assert_eq!(seen.number(0), told as u64);
    assert!(seen.number(2) >= 2 && seen.number(2) < seen.number(0), "{:?}", seen.steps);
    assert!(seen.text(3).contains(" of "), "{}", seen.text(3));
    assert_eq!((seen.number(5), seen.number(7)), (0, 1));
    assert!(seen.text(9).starts_with("#/run/private-mapping-removed-1/exchange/"), "{}", seen.text(9));
    assert!(seen.text(10).contains("GET https://"), "{}", seen.text(10));
    assert_eq!(seen.text(12), "#/run/private-mapping-removed-1/process/1");
    assert!(seen.text(14).contains("npm-cli.js ci"), "{}", seen.text(14));
    assert!(seen.text(16).contains("FOREIGN"), "{}", seen.text(16));
    assert_eq!(seen.number(17), 0, "lists are made when they are opened");
    assert!(seen.text(19).contains("NOT the genuine bytes"), "{}", seen.text(19));
    assert!(seen.text(21).contains("@shop/prices@1.2.0"), "{}", seen.text(21));
    assert!(seen.text(23).starts_with("#/finding/"), "{}", seen.text(23));
    assert!(seen.text(24).contains("silent-fallback"), "{}", seen.text(24));
    assert!(seen.text(25).starts_with("H4"), "{}", seen.text(25));
    assert_eq!(seen.number(27), 1);
    assert_eq!(seen.text(29), "#/search/host/npm.shop.example/rule/silent-fallback");
    assert!(seen.text(30).contains("0 findings") || seen.text(30).contains("1 finding"), "{}", seen.text(30));
    assert!(seen.text(34).contains("Skip to the report"), "{}", seen.text(34));
    assert!(seen.text(36).starts_with("MAIN"), "{}", seen.text(36));
    assert_eq!(seen.text(38), "dark");
    assert_eq!(seen.text(39), report.to_json().unwrap(), "what is saved is the report, to the byte");
    assert!(seen.text(41).contains("no such thing"), "{}", seen.text(41));
    assert!(seen.text(43).contains("npm.shop.example, which was asked there"), "{}", seen.text(43));
    assert!(seen.text(44).contains("resolving") && seen.text(44).contains("fetching"), "{}", seen.text(44));
    assert!(seen.text(45).contains("sealcheck-decoy-ran preinstall"), "{}", seen.text(45));
}

#[test]
fn the_drills() {
    if skipped("browser::the_drills") {
        return;
    }
    let (page, report) = reports::tested("drills", &["--suite", "drills"]);
    let routes = [("overview", ""), ("run", "#/run/ai-cli-inventory")];
    let mut job = Job::new("drills", page, &routes);
    job.steps = vec![
        json!(["count", "#drills-0 tbody tr"]),
        json!(["click", "#drills-0 a >> text=reported"]),
        json!(["text", "#view h1"]),
        json!(["go", "#/run/ai-cli-inventory"]),
        json!(["all", "#run-scripts .secret"]),
        json!(["click", "#run-scripts .secret a"]),
        json!(["hash"]),
        json!(["text", "#view"]),
    ];
    let seen = look(&job);
    seen.assert_sound(&job);
    assert_eq!(seen.number(0), report.drills.len() as u64);
    assert!(seen.text(2).starts_with("drill: reported"), "{}", seen.text(2));
    assert!(seen.steps[4].to_string().contains(".aws/credentials"), "{}", seen.steps[4]);
    assert_eq!(seen.text(6), "#/run/ai-cli-inventory/read/0");
    assert!(seen.text(7).contains("the postinstall of"), "{}", seen.text(7));
}

/// Those that the repository has, of every kind of end; or, to look at a real project's, the
/// JSON reports that `SEALCHECK_TEST_REPORTS` names with a `:` between them.
#[test]
fn saved_reports() {
    if skipped("browser::saved_reports") {
        return;
    }
    let own = std::env::var("SEALCHECK_TEST_REPORTS").unwrap_or_default();
    let named: Vec<std::path::PathBuf> = if own.is_empty() {
        let kinds = ["sealed", "leaked", "unobserved", "interrupted", "first-of-v1"];
        kinds.map(|name| support::root().join(format!("tests/fixtures/reports/{name}.json"))).to_vec()
    } else {
        std::env::split_paths(&own).collect()
    };
    let folder = tempfile::tempdir().unwrap();
    for path in named {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let report = Report::read(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let page = reports::rendered(&name, &report, folder.path());
        let bytes = std::fs::metadata(&page).unwrap().len();
        let run = format!("#/run/{}", report.runs[0].id);
        let mut job = Job::new(&name, page, &[("overview", ""), ("run", &run)]);
        job.paints = 3;
        job.steps = vec![
            json!(["click", ".side .runs a"]),
            json!(["hash"]),
            json!(["text", "#view"]),
            json!(["go", "#/search/package/a"]),
            json!(["text", "#view .said"]),
        ];
        let seen = look(&job);
        seen.assert_sound(&job);
        let figures = format!("{name}: {bytes} bytes, first paints after {:.0?} ms", seen.paints);
        support::say(&figures);
        assert!(seen.paints.len() == 3 && bytes < 5_000_000, "{figures}");
        assert_eq!(seen.text(1), run);
        assert!(seen.text(2).contains(report.runs[0].verdict.name()), "{}", seen.text(2));
        assert!(!seen.text(4).is_empty(), "{:?}", seen.steps);
    }
}

#[test]
fn two_thousand_packages_in_thirteen_runs() {
    if skipped("browser::two_thousand_packages_in_thirteen_runs") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let page = reports::rendered("large", &reports::large(), folder.path());
    let bytes = std::fs::metadata(&page).unwrap().len();
    let routes = [
        ("overview", ""),
        ("run", "#/run/private-mapping-removed-1"),
        ("package", "#/run/baseline-1/package/0"),
    ];
    let mut job = Job::new("large", page, &routes);
    job.paints = 3;
    job.steps = vec![
        json!(["go", "#/run/private-mapping-removed-1"]),
        json!(["all", "#run-flow .flow .node"]),
        json!(["text", "#run-timeline .phase-list"]),
        json!(["count", "#run-timeline .lane"]),
        json!(["text", "#run-requests .said"]),
        json!(["fill", "#run-requests input", "@acme/part-7"]),
        json!(["text", "#run-requests .said"]),
        json!(["text", "#run-difference"]),
        json!(["click", "#run-flow .right .node >> text=public, no scope"]),
        json!(["count", "#run-flow tbody tr"]),
        json!(["click", "#run-flow .more"]),
        json!(["count", "#run-flow tbody tr"]),
    ];
    let seen = look(&job);
    seen.assert_sound(&job);
    // How long a machine takes that does much else is said, and judged by whoever reads it.
    let figures =
        format!("{} packages, {bytes} bytes: first paints after {:.0?} ms", reports::PACKAGES, seen.paints);
    // A test that passes prints nothing, so it is left beside the pictures too.
    support::say(&figures);
    std::fs::write(driver::folder().join("figures.txt"), format!("{figures}\n")).unwrap();
    assert_eq!(seen.paints.len(), 3, "{figures}");
    assert!(bytes < 5_000_000, "{figures}");
    let nodes = seen.steps[1].as_array().unwrap();
    assert!((4..=24).contains(&nodes.len()), "{nodes:?}");
    assert!(nodes.iter().any(|node| node.as_str().unwrap().contains("FOREIGN")), "{nodes:?}");
    assert!(seen.text(2).contains("fetching") && seen.text(2).contains("postinstall"), "{}", seen.text(2));
    assert!(seen.number(3) > 10, "{:?}", seen.steps);
    assert!(seen.text(4).starts_with("2000 requests"), "{}", seen.text(4));
    assert!(seen.text(6).starts_with("1 request"), "{}", seen.text(6));
    assert!(seen.text(7).contains("node_modules/@acme/part-0"), "{}", seen.text(7));
    assert!(seen.number(9) < 100 && seen.number(11) > 1_000, "{:?}", seen.steps);
}

#[test]
fn what_strangers_wrote_is_text_and_nothing_else() {
    if skipped("browser::what_strangers_wrote_is_text_and_nothing_else") {
        return;
    }
    let mut report = reports::saved("hostile");
    report.runs[0].id = "../\"><img src=x onerror=alert(1)>\u{202e}/%00#?".to_owned();
    report.runs[0].output.stderr_tail =
        "\u{1b}[2J</pre><script>alert(2)</script>\r\n\u{202e}npm\n".to_owned();
    for finding in &mut report.findings {
        let known = finding.evidence.iter_mut().map(|fact| &mut fact.run).chain(&mut finding.runs);
        known
            .filter(|id| !report.runs.iter().any(|run| run.id == **id))
            .for_each(|id| *id = report.runs[0].id.clone());
    }
    let page = reports::written("hostile", &[Page::of(&report)]);
    let mut job = Job::new("hostile", page, &[("overview", ""), ("search", "#/search/severity/error")]);
    job.steps = vec![
        json!(["click", ".side .runs a"]),
        json!(["text", "#view"]),
        json!(["reload"]),
        json!(["text", "#view"]),
        json!(["click", "#run-output summary"]),
        json!(["text", "#view"]),
        json!(["text", "body"]),
        json!(["count", "img, iframe, object, embed, link, body script + script"]),
    ];
    let seen = look(&job);
    seen.assert_sound(&job);
    assert!(seen.text(1).contains("<img src=x onerror=alert(1)>\\u{202e}"), "{}", seen.text(1));
    assert_eq!(seen.text(1), seen.text(3), "a link with a hostile id survives a reload");
    for step in [1, 5, 6] {
        let steers = |letter: char| {
            (letter.is_control() && !"\n\t".contains(letter))
                || "\u{202e}\u{2066}\u{200b}\u{2028}".contains(letter)
        };
        assert!(!seen.text(step).contains(steers), "{:?}", seen.text(step));
    }
    assert_eq!(seen.number(7), 0);
}

#[test]
fn many_projects_are_a_summary_and_a_page_each() {
    if skipped("browser::many_projects_are_a_summary_and_a_page_each") {
        return;
    }
    let (leaked, sealed, unseen) =
        (reports::saved("leaked"), reports::saved("sealed"), reports::saved("unobserved"));
    let page = |title, carried, report| Page { title, carried, report };
    let projects = [
        page("services/cart", Some("2026-11-20T08:00:00Z"), &sealed),
        page("services/unseen", None, &unseen),
        page("web", None, &leaked),
    ];
    let path = reports::written("many", &projects);
    let routes = [("summary", ""), ("project", "#/project/0"), ("run", "#/project/2/run/baseline-1")];
    let mut job = Job::new("many", path, &routes);
    job.steps = vec![
        json!(["all", "#summary tbody th"]),
        json!(["click", "#summary tbody a >> text=services/cart"]),
        json!(["hash"]),
        json!(["count", "article.project"]),
        json!(["text", "article.project:not([hidden])"]),
        json!(["click", "article.project:not([hidden]) .matrix a"]),
        json!(["hash"]),
        json!(["text", "#view h1"]),
        json!(["save", ".keep"]),
        json!(["click", ".side a >> text=All projects"]),
        json!(["text", "#summary h1"]),
    ];
    let seen = look(&job);
    seen.assert_sound(&job);
    assert_eq!(seen.steps[0], json!(["web", "services/unseen", "services/cart"]));
    assert_eq!((seen.text(2), seen.number(3)), ("#/project/2/", 1));
    assert!(seen.text(4).contains("Carried over"), "{}", seen.text(4));
    assert!(seen.text(6).starts_with("#/project/2/run/"), "{}", seen.text(6));
    assert!(seen.text(7).starts_with("sealed"), "{}", seen.text(7));
    assert_eq!(seen.text(8), sealed.to_json().unwrap(), "the JSON of the project that is shown");
    assert!(seen.text(10).starts_with("3 projects"), "{}", seen.text(10));
}
