//! No secret of a machine is in what is written down of it.

use super::pair::{Pair, Side};
use crate::support::npm;
use crate::support::package::Package;
use crate::support::project::Project;
use crate::support::skip;
use base64::{Engine, engine::general_purpose::STANDARD};

/// Fifteen kinds of secrets: where each lies, and its value.
struct Planted {
    env: Vec<(&'static str, String)>,
    user: String,
    project: String,
    manifest: String,
    values: Vec<String>,
}

fn planted() -> Planted {
    let value = |name: &str| format!("S3cr3t{name}0123456789abcdefghijklmnopqrs");
    let basic = STANDARD.encode(format!("me:{}", value("Basic")));
    let password = STANDARD.encode(value("Password"));
    let user = format!(
        "//npm.acme.example/:_authToken={}\n//old.acme.example/:_auth={basic}\n\
         //old2.acme.example/:username=me\n//old2.acme.example/:_password={password}\n\
         registry=https://ci:{}@npm2.acme.example/\n; //gone.acme.example/:_authToken={}\n\
         key=\"-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\"\notp={}\nmy-api-token={}\n\
         //var.acme.example/:_authToken=${{ORDINARY_NAME}}\n",
        value("Token"),
        value("UrlPassword"),
        value("Commented"),
        value("Key"),
        value("Otp"),
        value("Custom"),
    );
    Planted {
        env: vec![
            ("NPM_TOKEN", value("NpmToken")),
            ("npm_config__auth", STANDARD.encode(format!("x:{}", value("EnvAuth")))),
            ("npm_config_//env.acme.example/:_authToken", value("EnvToken")),
            ("HTTPS_PROXY", format!("http://me:{}@127.0.0.1:9", value("ProxyPassword"))),
            ("GITHUB_TOKEN", format!("ghp_{}", value("Github"))),
            ("ORDINARY_NAME", value("Ordinary")),
            ("npm_config_note", format!("npm_{}", value("Looks"))),
            ("CI_JOB_URL", format!("https://ci.example/job?sig={}", value("Query"))),
            ("HTTP_PROXY", format!("me:{}@proxy.acme.example:8080", value("BareProxy"))),
            ("NPM_LOGIN", format!("me:{}", value("Login"))),
            ("VERCEL_WORD", value("Random")),
            ("GITLAB_HEADER", format!("Bearer glpat-{}", value("Header"))),
        ],
        user,
        project: format!(
            "@acme:registry=https://npm.acme.example/\n//npm.acme.example/:_authToken={}\n",
            value("Committed")
        ),
        manifest: format!("git+https://bot:{}@git.acme.example/x.git", value("Git")),
        values: [
            "Token",
            "Basic",
            "Password",
            "UrlPassword",
            "Commented",
            "Key",
            "Otp",
            "Custom",
            "NpmToken",
            "EnvAuth",
            "EnvToken",
            "ProxyPassword",
            "Github",
            "Ordinary",
            "Looks",
            "Query",
            "Header",
            "Committed",
            "Git",
            "BareProxy",
            "Login",
            "Random",
            "Curl",
            "Assigned",
        ]
        .into_iter()
        .map(value)
        .collect(),
    }
}

#[test]
fn no_secret_is_in_what_is_captured_or_compared() {
    if let Some(lack) = npm::lacks_npm() {
        return skip("compare::no_secret", &lack);
    }
    let planted = planted();
    assert!(planted.values.len() >= 15);
    let project = Project::new()
        .dependency("@acme/quiet", "1.0.0")
        .npmrc(&planted.project)
        .script("x-release", &format!("curl {}", planted.manifest))
        .script(
            "x-upload",
            &format!("curl -u me:{} -o x && API_TOKEN={} node x", planted.values[22], planted.values[23]),
        )
        .served_registry("https://npm.acme.example/", "registry/acme", |registry| {
            registry.package(Package::new("@acme/quiet", "1.0.0"))
        })
        .build();
    let pair = Pair::of(project);
    let env: Vec<(&str, &str)> = planted.env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut texts = Vec::new();
    pair.capture_and("a", &Side { env: &env, npmrc: &planted.user, ..Side::default() }, |captured| {
        texts.push(captured.to_string());
    });
    pair.capture("b", &Side::default());
    let captured = texts[0].clone();
    // What is not secret is there.
    for wanted in ["npm2.acme.example", "HTTPS_PROXY", "127.0.0.1:9", "GITLAB_HEADER", "git.acme.example"] {
        assert!(captured.contains(wanted), "{wanted} is not in {captured}");
    }
    for format in ["text", "json"] {
        let compared = pair.compare(&["--runs", "3", "--format", format]);
        texts.extend([compared.stdout, compared.stderr]);
    }
    for text in &texts {
        for value in &planted.values {
            for form in [value.clone(), STANDARD.encode(value), STANDARD.encode(format!("me:{value}"))] {
                assert!(!text.contains(&form), "{form} is in {text}");
            }
        }
    }
}
