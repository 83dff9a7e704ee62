//! `sealcheck explain`.

use super::{Code, print};
use crate::finding::{RULES, explain};
use crate::text::{Complaint, nearest};

/// Prints a rule's page, or the names of all rules.
pub(crate) fn run(rule: Option<&str>) -> anyhow::Result<Code> {
    let Some(rule) = rule else {
        let width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
        let all: String =
            RULES.iter().map(|rule| format!("{:width$}  {}\n", rule.name, rule.severity.name())).collect();
        print(&all)?;
        return Ok(Code::Good);
    };
    let page = explain(rule).ok_or_else(|| {
        let complaint = Complaint::about(format!("no rule is named `{rule}`"));
        match nearest(rule, RULES.iter().map(|rule| rule.name)) {
            Some(near) => complaint.help(format!("did you mean `{near}`?")),
            None => complaint.help("`sealcheck explain` without a name lists them all"),
        }
    })?;
    print(page.page)?;
    Ok(Code::Good)
}
