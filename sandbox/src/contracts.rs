//! Official API descriptions as referees of everything that crosses a wire.
//!
//! They are read from the folder that `SLICE_CONTRACTS` names; without it nothing is checked.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

const VARIABLE: &str = "SLICE_CONTRACTS";
/// An error text that quotes a whole message helps nobody.
const PROBLEM_MAX: usize = 400;
/// Arguments that every method accepts although its reference does not list them.
const LEGACY: &[&str] = &["token", "charset", "pretty"];

/// The official descriptions, compiled when first needed. Clones share them.
#[derive(Clone)]
pub struct Contracts {
    shared: Arc<Shared>,
}

struct Shared {
    block_kit: Value,
    methods: Value,
    openrouter: Value,
    runpod: Value,
    discord: Value,
    /// By `_metadata.major_version`: 1 and 2.
    manifests: [Value; 2],
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Contracts {
    /// The descriptions in the folder that `SLICE_CONTRACTS` names, read once per process.
    ///
    /// # Panics
    /// If the variable is set but a description is missing or broken.
    pub fn from_env() -> Option<Contracts> {
        static READ: OnceLock<Option<Contracts>> = OnceLock::new();
        let read =
            || std::env::var_os(VARIABLE).map(|folder| Contracts::from_folder(folder.as_ref()));
        READ.get_or_init(read).clone()
    }

    /// # Panics
    /// If a description is missing or broken.
    pub fn from_folder(folder: &Path) -> Contracts {
        let text = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{VARIABLE}: {}: {error}", path.display()))
        };
        let json = |name: &str| -> Value {
            serde_json::from_str(&text(name))
                .unwrap_or_else(|error| panic!("{VARIABLE}: {name}: {error}"))
        };
        let yaml = |name: &str| -> Value {
            serde_norway::from_str(&text(name))
                .unwrap_or_else(|error| panic!("{VARIABLE}: {name}: {error}"))
        };
        let mut discord = json("discord-openapi.json");
        // The description shows ids as Discord writes them; it reads numbers as well, and its own
        // examples number new attachments so.
        discord["components"]["schemas"]["SnowflakeType"]["type"] = json!(["string", "integer"]);
        let shared = Shared {
            block_kit: json("slack-blockkit.schema.json"),
            methods: json("slack-methods.json"),
            openrouter: yaml("openrouter-openapi-management-subset.yaml"),
            runpod: json("runpod-rest-v2-openapi.json"),
            discord,
            manifests: [
                json("slack-manifest.schema.1.0.0.json"),
                json("slack-manifest.schema.2.0.0.json"),
            ],
            compiled: Mutex::default(),
        };
        Contracts {
            shared: Arc::new(shared),
        }
    }

    /// A message's blocks against Block Kit; each problem names its JSON path.
    pub fn check_blocks(&self, blocks: &[Value]) -> Vec<String> {
        let mut problems = Vec::new();
        for (at, block) in blocks.iter().enumerate() {
            let kind = block["type"].as_str().unwrap_or_default();
            match self.block_definition(kind) {
                Some(name) => {
                    let found = self.check_definition(&name, block);
                    problems.extend(found.into_iter().map(|text| format!("/blocks/{at}{text}")));
                }
                None => problems.push(format!("/blocks/{at}: unknown block type {kind:?}")),
            }
        }
        problems
    }

    /// A modal or home view against Block Kit.
    pub fn check_view(&self, view: &Value) -> Vec<String> {
        let name = match view["type"].as_str() {
            Some("modal") => "ModalView",
            Some("home") => "HomeView",
            _ => return vec!["/type: neither modal nor home".to_owned()],
        };
        let mut outside = view.clone();
        outside["blocks"] = json!([]);
        let mut problems = self.check_definition(name, &outside);
        problems.extend(self.check_blocks(view["blocks"].as_array().map_or(&[], Vec::as_slice)));
        problems
    }

    /// The arguments of a Slack method: names, types, and that the required ones are there.
    /// `as_json` says whether they came as a JSON body, where types are more than text.
    pub fn check_arguments(
        &self,
        method: &str,
        arguments: &Map<String, Value>,
        as_json: bool,
    ) -> Vec<String> {
        let Some(known) = self.shared.methods[method]["args"].as_object() else {
            return vec![format!("{method} is not in the reference")];
        };
        let mut problems = Vec::new();
        for (name, description) in known {
            let required = description["required"] == json!(true);
            if required && arguments.get(name).is_none_or(Value::is_null) {
                problems.push(format!("/{name}: required argument is missing"));
            }
        }
        for (name, value) in arguments {
            match known.get(name) {
                None if LEGACY.contains(&name.as_str()) => {}
                None => problems.push(format!("/{name}: unknown argument")),
                Some(description) if fits(description, value, as_json) => {}
                Some(description) => {
                    let wanted = &description["type"];
                    problems.push(format!(
                        "/{name}: {} is no {wanted}",
                        short(&value.to_string())
                    ));
                }
            }
        }
        problems
    }

    /// A Slack app manifest, by its own `_metadata.major_version` (1 if it names none).
    pub fn check_manifest(&self, manifest: &Value) -> Vec<String> {
        let second = manifest["_metadata"]["major_version"] == json!(2);
        let at = usize::from(second);
        self.check(&format!("manifest {at}"), manifest, || {
            self.shared.manifests[at].clone()
        })
    }

    /// The body that overwrites all commands of a Discord application.
    pub fn check_discord_commands(&self, commands: &Value) -> Vec<String> {
        self.check("discord commands", commands, || {
            let put =
                &self.shared.discord["paths"]["/applications/{application_id}/commands"]["put"];
            let body = &put["requestBody"]["content"]["application/json"]["schema"];
            with_components(body, &self.shared.discord)
        })
    }

    /// The body of a request to Discord; `path` without `/api/v10`. Routes that the description does
    /// not have are not judged.
    pub fn discord_request(&self, method: &str, path: &str, body: &Value) -> Vec<String> {
        let discord = &self.shared.discord;
        let Some((route, operation)) = operation(discord, method, path) else {
            return Vec::new();
        };
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            return Vec::new();
        }
        let name = route
            .ends_with("/callback")
            .then(|| callback_schema(&body["type"]));
        if let Some(name) = name.flatten() {
            return self.check(&format!("discord {name}"), body, || {
                let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
                with_components(&schema, discord)
            });
        }
        self.check(&format!("discord {method} {route}"), body, || {
            with_components(schema, discord)
        })
    }

    /// An answer of Discord.
    pub fn discord_answer(
        &self,
        method: &str,
        path: &str,
        status: u16,
        body: &Value,
    ) -> Vec<String> {
        let discord = &self.shared.discord;
        let Some((route, operation)) = operation(discord, method, path) else {
            return Vec::new();
        };
        let response = &operation["responses"][status.to_string()];
        let schema = &response["content"]["application/json"]["schema"];
        if schema.is_null() {
            return Vec::new();
        }
        self.check(&format!("discord {status} {method} {route}"), body, || {
            with_components(schema, discord)
        })
    }

    /// A request to a management route of `OpenRouter`; `path` without `/api/v1`. Routes that the
    /// description does not have are not judged.
    pub fn openrouter_request(&self, method: &str, path: &str, body: &[u8]) -> Vec<String> {
        self.judge_request("", &self.shared.openrouter, (method, path), body)
    }

    /// An answer of a management route of `OpenRouter`.
    pub fn openrouter_answer(
        &self,
        method: &str,
        path: &str,
        status: u16,
        body: &Value,
    ) -> Vec<String> {
        let document = &self.shared.openrouter;
        self.judge_answer("", document, (method, path, status), body)
    }

    /// A request to REST v2 of `RunPod`, query included. Routes that the description does not have are
    /// not judged.
    pub fn runpod_request(
        &self,
        method: &str,
        path: &str,
        query: &[(String, String)],
        body: &[u8],
    ) -> Vec<String> {
        let document = &self.shared.runpod;
        let Some((_, operation)) = operation(document, method, path) else {
            return Vec::new();
        };
        let known: Vec<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|parameter| resolved(parameter, document)["name"].as_str())
            .collect();
        let unknown = query.iter().map(|(name, _)| name.as_str());
        let unknown = unknown.filter(|name| !known.contains(name));
        let unknown = unknown.map(|name| format!(": unknown query parameter {name:?}"));
        let mut problems: Vec<String> = unknown.collect();
        problems.extend(self.judge_request("runpod ", document, (method, path), body));
        problems
    }

    /// An answer of REST v2 of `RunPod`.
    pub fn runpod_answer(
        &self,
        method: &str,
        path: &str,
        status: u16,
        body: &Value,
    ) -> Vec<String> {
        let document = &self.shared.runpod;
        self.judge_answer("runpod ", document, (method, path, status), body)
    }

    fn judge_request(
        &self,
        of: &str,
        document: &Value,
        (method, path): (&str, &str),
        body: &[u8],
    ) -> Vec<String> {
        let Some((route, operation)) = operation(document, method, path) else {
            return Vec::new();
        };
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        match (schema.is_null(), serde_json::from_slice::<Value>(body)) {
            (true, _) if body.is_empty() => Vec::new(),
            (true, _) => vec![": a body where none is described".to_owned()],
            (false, Err(error)) => vec![format!(": no JSON: {error}")],
            (false, Ok(body)) => {
                self.check(&format!("{of}request {method} {route}"), &body, || {
                    with_components(schema, document)
                })
            }
        }
    }

    fn judge_answer(
        &self,
        of: &str,
        document: &Value,
        (method, path, status): (&str, &str, u16),
        body: &Value,
    ) -> Vec<String> {
        let Some((route, operation)) = operation(document, method, path) else {
            return Vec::new();
        };
        let responses = &operation["responses"];
        let named = responses.get(status.to_string());
        let response = named.or_else(|| responses.get("default"));
        let Some(response) = response.map(|response| resolved(response, document)) else {
            return Vec::new();
        };
        let content = &response["content"];
        let kind = content
            .get("application/json")
            .or_else(|| content.get("application/problem+json"));
        let Some(schema) = kind.and_then(|kind| kind.get("schema")) else {
            return Vec::new();
        };
        self.check(
            &format!("{of}answer {status} {method} {route}"),
            body,
            || with_components(schema, document),
        )
    }

    fn block_definition(&self, kind: &str) -> Option<String> {
        let definitions = &self.shared.block_kit["definitions"];
        let known = definitions["KnownBlock"]["anyOf"].as_array()?;
        let names = known
            .iter()
            .filter_map(|one| one["$ref"].as_str()?.rsplit('/').next());
        let is_kind =
            |name: &&str| definitions[*name]["properties"]["type"]["const"] == json!(kind);
        names.into_iter().find(is_kind).map(str::to_owned)
    }

    fn check_definition(&self, name: &str, value: &Value) -> Vec<String> {
        self.check(&format!("block kit {name}"), value, || {
            json!({
                "$schema": "http://json-schema.org/draft-07/schema#",
                "$ref": format!("#/definitions/{name}"),
                "definitions": self.shared.block_kit["definitions"],
            })
        })
    }

    fn check(&self, name: &str, value: &Value, schema: impl FnOnce() -> Value) -> Vec<String> {
        let validator = self.compiled(name, schema);
        let problems = validator.iter_errors(value);
        problems
            .map(|error| short(&format!("{}: {error}", error.instance_path())))
            .collect()
    }

    fn compiled(&self, name: &str, schema: impl FnOnce() -> Value) -> Arc<Validator> {
        let mut compiled = self
            .shared
            .compiled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = compiled.get(name) {
            return validator.clone();
        }
        let validator = jsonschema::options()
            .build(&schema())
            .unwrap_or_else(|error| panic!("{VARIABLE}: {name} does not compile: {error}"));
        let validator = Arc::new(validator);
        compiled.insert(name.to_owned(), validator.clone());
        validator
    }
}

/// The route of an `OpenAPI` document that a path is of, and what it says of the method.
fn operation<'a>(document: &'a Value, method: &str, path: &str) -> Option<(&'a str, &'a Value)> {
    let wanted: Vec<&str> = path.split('/').collect();
    let fits = |route: &str| {
        let parts: Vec<&str> = route.split('/').collect();
        let same = |(part, wanted): (&&str, &&str)| part == wanted || part.starts_with('{');
        parts.len() == wanted.len() && parts.iter().zip(&wanted).all(same)
    };
    let paths = document["paths"].as_object()?;
    let exact = paths.get_key_value(path);
    let (route, operations) = exact.or_else(|| paths.iter().find(|(route, _)| fits(route)))?;
    Some((route, operations.get(method.to_lowercase())?))
}

/// What a `$ref` points to, or the value itself.
fn resolved<'a>(value: &'a Value, document: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|at| at.strip_prefix('#'));
    pointer
        .and_then(|pointer| document.pointer(pointer))
        .unwrap_or(value)
}

/// The schema in the description of Discord that a kind of first answer is held to, so that a problem
/// is told by its place and not as "none of seven".
fn callback_schema(kind: &Value) -> Option<&'static str> {
    Some(match kind.as_u64()? {
        1 => "PongInteractionCallbackRequest",
        4 | 5 => "CreateMessageInteractionCallbackRequest",
        6 | 7 => "UpdateMessageInteractionCallbackRequest",
        8 => "ApplicationCommandAutocompleteCallbackRequest",
        9 => "ModalInteractionCallbackRequest",
        _ => return None,
    })
}

/// A schema of an `OpenAPI` document, made self-contained: its references point into `components`.
fn with_components(schema: &Value, document: &Value) -> Value {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    schema
}

fn short(text: &str) -> String {
    match text.char_indices().nth(PROBLEM_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whether a value is of an argument's type. A form can only say text, so there text that reads as
/// the type will do.
fn fits(description: &Value, value: &Value, as_json: bool) -> bool {
    if description["format"] == json!("json") && (value.is_array() || value.is_object()) {
        return as_json;
    }
    match &description["type"] {
        Value::Array(kinds) => kinds.iter().any(|kind| is_kind(kind, value, as_json)),
        kind => is_kind(kind, value, as_json),
    }
}

fn is_kind(kind: &Value, value: &Value, as_json: bool) -> bool {
    let text = value.as_str();
    match kind.as_str() {
        None => true,
        Some("boolean") => {
            value.is_boolean()
                || (!as_json
                    && text.is_some_and(|text| ["true", "false", "1", "0"].contains(&text)))
        }
        Some("number" | "integer") => {
            value.is_number() || (!as_json && text.is_some_and(|text| text.parse::<i64>().is_ok()))
        }
        Some("array") => value.is_array() || (!as_json && text.is_some()),
        Some("object") => value.is_object() || (!as_json && text.is_some()),
        Some(_) => text.is_some(),
    }
}
