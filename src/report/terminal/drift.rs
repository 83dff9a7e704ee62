//! A saved report beside an accepted baseline, for a person: what is not as accepted first,
//! then what could not be compared.

use super::page::Page;
use crate::report::comparison::Agreement;
use crate::report::drift::Drift;
use owo_colors::Style;

pub(super) fn render(page: &mut Page, drift: &Drift) {
    let (word, style, rest) = match drift.agreement {
        Agreement::Equal => (
            "equal",
            Style::new().bold().green(),
            format!("nothing that was observed differs from {}", drift.baseline),
        ),
        Agreement::Differs => (
            "differs",
            Style::new().bold().red(),
            format!("{} is not as {} has it", drift.report, drift.baseline),
        ),
        Agreement::Unobserved => (
            "unobserved",
            Style::new().bold().yellow(),
            "nothing that was seen differs, and not everything was seen".to_owned(),
        ),
    };
    page.put(style, word);
    page.put(Style::new(), &format!(": {rest}"));
    page.end();
    let arrow = page.arrow();
    for place in drift.places.iter().filter(|place| place.taken || !place.says.is_empty()) {
        heading(page, &format!("in {}", place.place));
        if place.taken {
            let note = "by node and npm: the report does not say its processor and C library";
            page.paragraph("", 4, Style::new().dimmed(), note);
        }
        for line in &place.says {
            page.paragraph("", 4, Style::new(), &line.replace('→', arrow));
        }
    }
    if !drift.unseen.is_empty() {
        heading(page, "not compared");
        for unseen in &drift.unseen {
            let place = unseen.place.as_deref().map(|place| format!("{place}: ")).unwrap_or_default();
            page.paragraph("", 4, Style::new(), &format!("{place}{}", unseen.why));
        }
    }
}

fn heading(page: &mut Page, text: &str) {
    page.gap();
    page.put(Style::new().bold(), text);
    page.end();
}
