//! JSON that the program wrote, held against the schema that is committed for it.

use serde_json::Value;

/// Holds a value against the schema of what it says it is: `sealcheck/report/v1`.
pub fn assert_fits(value: &Value) {
    let name = value["schema"].as_str().unwrap();
    let form = name.strip_prefix("sealcheck/").unwrap().strip_suffix("/v1").unwrap();
    let path = super::root().join(format!("docs/{form}.schema.json"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(schema["title"], name);
    fits(value, &schema, &schema, form);
}

/// What our schemas use of JSON Schema: references, types, enumerations,
/// required members, members, items, and one of several.
fn fits(value: &Value, schema: &Value, whole: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        return fits(value, whole.pointer(&reference[1..]).unwrap(), whole, at);
    }
    for several in ["anyOf", "oneOf"].iter().filter_map(|key| schema[*key].as_array()) {
        let fitting = |one: &Value| {
            let (value, one, whole) = (value.clone(), one.clone(), whole.clone());
            std::panic::catch_unwind(move || fits(&value, &one, &whole, "")).is_ok()
        };
        assert!(several.iter().any(fitting), "{at}: {value} is none of {several:?}");
    }
    if let Some(constant) = schema.get("const") {
        assert_eq!(value, constant, "{at}");
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at}: {value} is none of {words:?}");
    }
    let several = schema["type"].as_array().into_iter().flatten();
    let types: Vec<&str> = several.chain([&schema["type"]]).filter_map(Value::as_str).collect();
    let is = |name: &&str| match *name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    assert!(types.is_empty() || types.iter().any(is), "{at}: {value} is no {types:?}");
    if let Some(members) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(members.contains_key(name.as_str().unwrap()), "{at} lacks {name}");
        }
        for (name, member) in members {
            if let Some(known) = schema["properties"].get(name) {
                fits(member, known, whole, &format!("{at}.{name}"));
            }
        }
    }
    if let (Some(items), Some(item)) = (value.as_array(), schema.get("items")) {
        for (index, one) in items.iter().enumerate() {
            fits(one, item, whole, &format!("{at}[{index}]"));
        }
    }
}
