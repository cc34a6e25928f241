//! Holds the document against the routes, the wire structs and the limits, and against its own rules.

mod second_factors;
mod shapes;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::{Access, http::route::Limit, routes};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

struct Operation<'a> {
    /// `GET /path`
    name: String,
    path: &'a str,
    item: &'a Value,
    this: &'a Value,
}

fn document() -> Value {
    serde_json::from_str(include_str!("../../../assets/static/openapi.json")).unwrap()
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn words(value: &Value) -> BTreeSet<&str> {
    list(value).map(|word| word.as_str().unwrap()).collect()
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut found = Vec::new();
    for (path, item) in object(&document["paths"]) {
        for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
            let name = format!("{} {path}", method.to_uppercase());
            found.push(Operation { name, path, item, this: &item[*method] });
        }
    }
    found
}

/// What a value stands for: itself, or what its `$ref` points to.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return value };
    let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference}: only within the document"));
    document.pointer(pointer).unwrap_or_else(|| panic!("{reference} points nowhere"))
}

fn responses<'a>(document: &'a Value, operation: &Operation<'a>) -> BTreeMap<&'a str, &'a Value> {
    let all = object(&operation.this["responses"]).iter();
    all.map(|(status, response)| (status.as_str(), resolve(document, response))).collect()
}

/// The parameters of an operation, those of its path included.
fn parameters<'a>(document: &'a Value, operation: &Operation<'a>) -> Vec<&'a Value> {
    let all = list(&operation.item["parameters"]).chain(list(&operation.this["parameters"]));
    all.map(|parameter| resolve(document, parameter)).collect()
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn the_document_and_the_routes_name_the_same_operations() {
    let document = document();
    let described: BTreeSet<_> = operations(&document).into_iter().map(|operation| operation.name).collect();
    let served: BTreeSet<_> = routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(described.difference(&served).collect::<Vec<_>>(), [""; 0], "described and not served");
    assert_eq!(served.difference(&described).collect::<Vec<_>>(), [""; 0], "served and not described");
}

#[test]
fn the_version_is_the_crates() {
    let document = document();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], "/");
}

#[test]
fn every_operation_has_an_id_a_summary_and_a_known_tag() {
    let document = document();
    let declared: BTreeSet<_> = list(&document["tags"]).map(|tag| tag["name"].as_str().unwrap()).collect();
    let (mut ids, mut used) = (BTreeSet::new(), BTreeSet::new());
    for operation in operations(&document) {
        let Operation { name, this, .. } = &operation;
        let id = this["operationId"].as_str().unwrap_or_default();
        assert!(!id.is_empty() && ids.insert(id), "{name}: an operationId of its own");
        for text in ["summary", "description"] {
            assert!(this[text].as_str().is_some_and(|text| !text.is_empty()), "{name}: {text}");
        }
        let tags = words(&this["tags"]);
        assert!(!tags.is_empty() && tags.is_subset(&declared), "{name}: {tags:?}");
        used.extend(tags);
    }
    assert_eq!(used, declared);
}

#[test]
fn security_is_the_access_of_the_route() {
    let document = document();
    let operations = operations(&document);
    for route in routes() {
        let name = format!("{} {}", route.method, route.path);
        let operation = operations.iter().find(|operation| operation.name == name).unwrap();
        let (security, responses) = (&operation.this["security"], responses(&document, operation));
        match route.access.permission() {
            None => assert_eq!(security, &Value::Array(Vec::new()), "{name}"),
            Some(permission) => {
                let (bearer, key) = (serde_json::json!({ "bearer": [] }), serde_json::json!({ "apiKey": [] }));
                let either = permission.fits_a_key() && *security == serde_json::json!([bearer, key]);
                assert!(either || *security == serde_json::json!([bearer]), "{name}: {security}");
                assert!(responses.contains_key("401"), "{name}: 401");
                assert!(responses.contains_key("403"), "{name}: 403");
            }
        }
        if route.access == Access::SignIn || route.limit() != Limit::None {
            assert!(responses.contains_key("429"), "{name}: 429");
        }
    }
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!((&schemes["bearer"]["scheme"], &schemes["apiKey"]["name"]), (&"bearer".into(), &"X-API-Key".into()));
}

#[test]
fn every_reference_resolves_and_every_component_is_used() {
    let document = document();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    for reference in &used {
        resolve(&document, &serde_json::json!({ "$ref": reference }));
    }
    for (kind, components) in object(&document["components"]).iter().filter(|(kind, _)| *kind != "securitySchemes") {
        for name in object(components).keys() {
            assert!(used.contains(&format!("#/components/{kind}/{name}")), "{kind} {name} is not used");
        }
    }
}

#[test]
fn every_response_has_a_schema_or_says_that_it_has_no_body() {
    let document = document();
    for operation in operations(&document) {
        let responses = responses(&document, &operation);
        assert!(responses.keys().any(|status| status.starts_with('2')), "{}: how it succeeds", operation.name);
        for (status, response) in responses {
            let name = format!("{} {status}", operation.name);
            let description = response["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{name}: description");
            let Some(content) = response.get("content").map(object) else {
                assert!(status == "204" && description.contains("No body."), "{name}: neither body nor `No body.`");
                continue;
            };
            assert!(!content.is_empty() && status != "204", "{name}");
            for (kind, media) in content {
                assert!(media["schema"].is_object(), "{name} {kind}: schema");
            }
        }
    }
}

#[test]
fn every_error_is_a_problem_that_tells_its_own_status() {
    let document = document();
    for operation in operations(&document) {
        for (status, response) in responses(&document, &operation) {
            // The one report that is no error of the request.
            let report = operation.path == "/api/v1/health/ready" && status == "503";
            if status.starts_with('2') || report {
                continue;
            }
            let (name, content) = (format!("{} {status}", operation.name), object(&response["content"]));
            assert_eq!(content.keys().collect::<Vec<_>>(), ["application/problem+json"], "{name}");
            let media = &content["application/problem+json"];
            assert_eq!(media["schema"]["$ref"], "#/components/schemas/Problem", "{name}");
            let example = &media["example"];
            let code = http::StatusCode::from_bytes(status.as_bytes()).unwrap();
            assert_eq!(example["status"], code.as_u16(), "{name}");
            assert_eq!(example["title"].as_str(), code.canonical_reason(), "{name}");
            let named = format!("`{}`", example["code"].as_str().unwrap_or_default());
            assert!(response["description"].as_str().unwrap().contains(&named), "{name}: {named}");
        }
    }
}

#[test]
fn headers_are_described_where_they_come() {
    let document = document();
    for operation in operations(&document) {
        let given = parameters(&document, &operation);
        assert!(given.iter().any(|parameter| parameter["name"] == "X-Request-ID"), "{}", operation.name);
        for (status, response) in responses(&document, &operation) {
            let name = format!("{} {status}", operation.name);
            let has = |header: &str| response["headers"].get(header).is_some();
            assert!(has("X-Request-ID"), "{name}");
            assert_eq!(has("WWW-Authenticate"), status == "401", "{name}");
            assert!(has("Retry-After") || status != "429", "{name}");
        }
    }
}

#[test]
fn the_parameters_of_a_path_are_the_ones_in_braces() {
    let document = document();
    for operation in operations(&document) {
        let given = parameters(&document, &operation);
        let in_path = given.iter().filter(|parameter| parameter["in"] == "path");
        let named: BTreeSet<_> = in_path
            .map(|parameter| {
                assert_eq!(parameter["required"], true, "{}", operation.name);
                parameter["name"].as_str().unwrap()
            })
            .collect();
        let braced: BTreeSet<_> =
            operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(named, braced, "{}", operation.name);
        let unique: BTreeSet<_> =
            given.iter().map(|parameter| (parameter["in"].to_string(), parameter["name"].to_string())).collect();
        assert_eq!(unique.len(), given.len(), "{}: a parameter twice", operation.name);
    }
}

#[test]
fn the_parameters_of_a_query_are_the_ones_that_the_route_reads() {
    let document = document();
    let operations = operations(&document);
    for route in routes() {
        let name = format!("{} {}", route.method, route.path);
        let operation = operations.iter().find(|operation| operation.name == name).unwrap();
        let given = parameters(&document, operation);
        let described = given.iter().filter(|parameter| parameter["in"] == "query");
        let described: BTreeSet<_> = described.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(described, route.parameters.unwrap_or_default().iter().copied().collect(), "{name}");
    }
}

#[test]
fn all_examples_sign_in_with_one_password() {
    fn collect<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(object) => {
                let shown = |name: &&str| object.get(*name).is_some_and(Value::is_string);
                found.extend(["password", "current_password"].iter().copied().filter(shown).map(|name| &object[name]));
                object.values().for_each(|value| collect(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let (document, mut found) = (document(), Vec::new());
    collect(&document, &mut found);
    assert!(found.len() >= 7 && found.iter().all(|password| *password == "Analytical-Engine-1"), "{found:?}");
}

/// The page `docs/endpoints.md`.
fn endpoints() -> String {
    let document = document();
    let operations = operations(&document);
    let mut lines = vec![String::from(
        "# Endpoints\n\nMade from [openapi.json](../crates/gateway/assets/static/openapi.json), which describes each of them; a running server shows it at `/docs`.\n\n\
         | operation | what it does | who may |\n|---|---|---|",
    )];
    for route in routes() {
        let name = format!("{} {}", route.method, route.path);
        let operation = operations.iter().find(|operation| operation.name == name).unwrap();
        let who = match route.access.permission() {
            None => "everybody".to_owned(),
            Some(permission) => format!("`{}`", permission.as_str()),
        };
        lines.push(format!("| `{name}` | {} | {who} |", operation.this["summary"].as_str().unwrap()));
    }
    lines.join("\n") + "\n"
}

#[test]
fn the_page_of_endpoints_is_made_from_the_document() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/endpoints.md");
    if std::env::var_os("WRITE_ENDPOINTS").is_some() {
        std::fs::write(path, endpoints()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page == endpoints(),
        "docs/endpoints.md is out of date: run `WRITE_ENDPOINTS=1 cargo test -p gateway endpoints`"
    );
}

#[test]
fn what_every_request_can_run_into_is_said() {
    let document = document();
    for operation in operations(&document) {
        let Operation { name, this, .. } = &operation;
        let responses = responses(&document, &operation);
        let says = |status: &str| assert!(responses.contains_key(status), "{name}: {status}");
        says("431");
        if this.get("requestBody").is_some() {
            ["400", "408", "413", "415", "422"].into_iter().for_each(says);
        }
        if operation.path.contains('{') {
            says("404");
        }
        let content = responses.get("200").and_then(|response| response.get("content"));
        if content.is_some_and(|content| content.get("text/event-stream").is_some()) && operation.path != STREAM {
            ["400", "429", "502", "503", "504"].into_iter().for_each(says);
        }
    }
}

/// Follows a run and starts none.
const STREAM: &str = "/api/v1/runs/{id}/stream";
