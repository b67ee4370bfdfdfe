//! What is wrong with a body, in the shape of Discord's error 50035.

use serde_json::{Value, json};

/// `BASE_TYPE_MAX_LENGTH` and the like, with where they are.
#[derive(Default)]
pub(super) struct Problems {
    all: Vec<(String, &'static str, String)>,
}

impl Problems {
    /// Adds one at a path such as `embeds.0.title`.
    pub fn add(&mut self, path: &str, code: &'static str, message: impl Into<String>) {
        self.all.push((path.to_owned(), code, message.into()));
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// One sentence each, for the record.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.all
            .iter()
            .map(|(path, code, message)| format!("{path}: {message} ({code})"))
    }

    /// `{"embeds":{"0":{"title":{"_errors":[{"code":…,"message":…}]}}}}`
    pub fn errors(&self) -> Value {
        let mut errors = json!({});
        for (path, code, message) in &self.all {
            let mut at = &mut errors;
            for step in path.split('.') {
                at = &mut at[step];
            }
            let entry = json!({ "code": code, "message": message });
            match at["_errors"].as_array_mut() {
                Some(all) => all.push(entry),
                None => at["_errors"] = json!([entry]),
            }
        }
        errors
    }

    /// Characters of a text, if it is there: at least and at most so many.
    pub fn text(&mut self, value: &Value, path: &str, (least, most): (usize, usize)) {
        let text = match value {
            Value::Null => return,
            Value::String(text) => text,
            _ => {
                return self.add(
                    path,
                    "BASE_TYPE_BAD_STRING",
                    "Could not interpret as string.",
                );
            }
        };
        let length = text.chars().count();
        if length == 0 && least > 0 {
            self.add(path, "BASE_TYPE_REQUIRED", "This field is required");
        } else if length < least {
            let message = format!("Must be {least} or more in length.");
            self.add(path, "BASE_TYPE_MIN_LENGTH", message);
        } else if length > most {
            let message = format!("Must be {most} or fewer in length.");
            self.add(path, "BASE_TYPE_MAX_LENGTH", message);
        }
    }

    /// The same for a text that must be there.
    pub fn needed(&mut self, value: &Value, path: &str, limits: (usize, usize)) {
        if value.is_null() {
            self.add(path, "BASE_TYPE_REQUIRED", "This field is required");
        }
        self.text(value, path, limits);
    }

    /// How many items a list has, if it is there; gives the items.
    pub fn list<'a>(
        &mut self,
        value: &'a Value,
        path: &str,
        (least, most): (usize, usize),
    ) -> &'a [Value] {
        let all = match value {
            Value::Null => &[],
            Value::Array(all) => all.as_slice(),
            _ => {
                self.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used.");
                return &[];
            }
        };
        if all.len() < least || all.len() > most {
            let message = format!("Must be between {least} and {most} in length.");
            self.add(path, "BASE_TYPE_BAD_LENGTH", message);
        }
        all
    }

    /// A number within bounds, if it is there.
    pub fn number(&mut self, value: &Value, path: &str, (least, most): (i64, i64)) {
        if value.is_null() {
            return;
        }
        match value.as_i64() {
            None => self.add(path, "NUMBER_TYPE_COERCE", "Value is not an int."),
            Some(n) if n < least || n > most => {
                let message = format!("int value should be between {least} and {most}.");
                self.add(path, "NUMBER_TYPE_MAX", message);
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_nest_by_path() {
        let mut problems = Problems::default();
        problems.text(&json!("x".repeat(2001)), "content", (0, 2000));
        problems.text(&json!(""), "embeds.0.title", (1, 256));
        problems.list(&json!([1]), "components", (0, 5));
        assert_eq!(
            problems.errors(),
            json!({
                "content": { "_errors": [{ "code": "BASE_TYPE_MAX_LENGTH",
                    "message": "Must be 2000 or fewer in length." }] },
                "embeds": { "0": { "title": { "_errors": [{ "code": "BASE_TYPE_REQUIRED",
                    "message": "This field is required" }] } } },
            })
        );
    }
}
