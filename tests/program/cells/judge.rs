//! The verdict that follows from what the observer saw, by the words of the contract:
//! a second judge, who knows neither rules nor findings.

use crate::cells::account::Account;

/// What a scenario demands of the install.
pub struct Demand {
    pub install: String,
    pub codes: Vec<String>,
    /// The lockfile is lost, and with it what the tree has to be.
    pub lockfile_lost: bool,
    /// The install fails in the world as it is, so that failing proves nothing.
    pub baseline_fails: bool,
}

impl Demand {
    pub fn of(scenario: &toml::Value, baseline_fails: bool) -> Self {
        let list = |value: Option<&toml::Value>| -> Vec<String> {
            let words = value.and_then(toml::Value::as_array).into_iter().flatten();
            words.filter_map(toml::Value::as_str).map(str::to_owned).collect()
        };
        Self {
            install: scenario["demand"]["install"].as_str().unwrap().to_owned(),
            codes: list(scenario["demand"].get("codes")),
            lockfile_lost: list(scenario.get("losses")).iter().any(|loss| loss == "lockfile"),
            baseline_fails,
        }
    }
}

/// The worst that is true of an install.
pub fn verdict(account: &Account, owned: &[String], unlocked: &[String], demand: &Demand) -> &'static str {
    let worked = account.ended.starts_with("exit 0,");
    let mine = |path: &str| owned.iter().any(|name| path.ends_with(name.as_str()));
    let of_mine = account.tree.iter().filter(|(path, _)| mine(path)).map(|(_, state)| state.as_str());
    let won = of_mine
        .clone()
        .any(|state| !matches!(state, "genuine from private" | "genuine from nobody" | "absent from nobody"));
    let ran = account.scripts.iter().any(|line| line.starts_with("stranger "));
    let betrayed = account.trusted.iter().any(|host| host != "private");
    if won || ran || betrayed {
        return "leaked";
    }
    let crossed = account.asked.iter().any(|line| {
        let mut words = line.split(' ');
        let (host, name) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
        host != "private" && mine(name)
    });
    if crossed {
        return "exposed";
    }
    // A tree that is not the lockfile's: something is lacking, or is there beside it.
    let other =
        account.tree.iter().any(|(path, state)| state.starts_with("absent") != unlocked.contains(path));
    if worked && other && !demand.lockfile_lost || !worked && demand.install == "must-work" {
        return "broken";
    }
    let code = account.ended.rsplit(", ").next().unwrap_or_default();
    let listed = demand.codes.iter().any(|known| known == code);
    if !worked && demand.install != "anyhow" && (demand.baseline_fails || !listed) {
        return "unobserved";
    }
    let unfelt = of_mine.clone().any(|state| state == "genuine from private");
    if worked && demand.install == "must-fail" && unfelt { "unobserved" } else { "sealed" }
}
