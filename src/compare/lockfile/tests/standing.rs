//! What is told of packages that npm leaves out here, and of what the root asks for.

use super::*;

#[test]
fn what_lies_in_a_package_that_is_left_out_is_left_out() {
    let none = BTreeMap::new();
    let of = |os: Value, optional: bool| {
        let outer = with(with(entry("a", "1.0.0"), "os", os), "optional", json!(optional));
        let json = json!({ "lockfileVersion": 3, "packages": {
            "node_modules/a": outer, "node_modules/a/node_modules/b": entry("b", "1.0.0") } });
        Lockfile::parse(Source::new("package-lock.json", json.to_string())).unwrap()
    };
    let (left, right) = (of(Value::Null, true), of(json!(["darwin"]), true));
    let gone: Vec<_> = between((&left, &none), (&right, &none))
        .into_iter()
        .filter(|change| change.kind == Kind::NoLongerInstalled)
        .map(|change| change.path)
        .collect();
    assert_eq!(gone, ["node_modules/a", "node_modules/a/node_modules/b"]);
}

#[test]
fn what_the_root_asks_for_is_told_once() {
    let none = BTreeMap::new();
    let of = |root: Value, version: &str| {
        let json =
            json!({ "lockfileVersion": 3, "packages": { "": root, "node_modules/a": entry("a", version) } });
        Lockfile::parse(Source::new("package-lock.json", json.to_string())).unwrap()
    };
    let asks = |range: &str| json!({ "name": "shop", "dependencies": { "a": range } });
    let kinds = |left: &Lockfile, right: &Lockfile| -> Vec<Kind> {
        between((left, &none), (right, &none)).iter().map(|change| change.kind).collect()
    };
    assert_eq!(kinds(&of(asks("1"), "1.0.0"), &of(asks("2"), "2.0.0")), [Kind::Version]);
    assert_eq!(kinds(&of(asks("1"), "1.0.0"), &of(asks("^1.0.0"), "1.0.0")), [Kind::Terms]);
    let optional = json!({ "name": "shop", "optionalDependencies": { "a": "1" } });
    assert_eq!(kinds(&of(asks("1"), "1.0.0"), &of(optional, "1.0.0")), [Kind::Terms, Kind::Terms]);
}

#[test]
fn what_falls_with_a_package_that_is_left_out_is_told_with_the_reason() {
    let none = BTreeMap::new();
    let of = |os: Value| {
        let outer = with(with(entry("a", "1.0.0"), "os", os), "dependencies", json!({ "b": "1" }));
        let optional = |value: Value| with(value, "optional", json!(true));
        let root = json!({ "name": "shop", "optionalDependencies": { "a": "1" } });
        let json = json!({ "lockfileVersion": 3, "packages": {
            "": root, "node_modules/a": optional(outer), "node_modules/b": optional(entry("b", "1.0.0")) } });
        Lockfile::parse(Source::new("package-lock.json", json.to_string())).unwrap()
    };
    let (left, right) = (of(Value::Null), of(json!(["darwin"])));
    let gone: Vec<_> = between((&left, &none), (&right, &none))
        .into_iter()
        .filter(|change| change.kind == Kind::NoLongerInstalled)
        .map(|change| (change.path, change.right.unwrap()))
        .collect();
    let told = |path: &str, reason: &str| (path.to_owned(), reason.to_owned());
    assert_eq!(
        gone,
        [
            told("node_modules/a", "os: darwin, and here is linux"),
            told("node_modules/b", "it falls with a package that is left out"),
        ]
    );
}
