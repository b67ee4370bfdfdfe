//! As much of GraphQL as clients of this provider speak: one operation, arguments, variables, selections.

use serde_json::{Map, Value};

/// One operation with its variables filled in.
pub(super) struct Operation {
    pub mutates: bool,
    pub fields: Vec<Field>,
}

pub(super) struct Field {
    pub alias: String,
    pub name: String,
    pub arguments: Map<String, Value>,
    pub selection: Vec<Field>,
}

/// Reads a document; the error is for the client.
pub(super) fn read(document: &str, variables: &Map<String, Value>) -> Result<Operation, String> {
    let tokens = tokens(document)?;
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        variables,
    };
    let mutates = match reader.peek() {
        Some("mutation") => true,
        Some("query" | "{") => false,
        other => return Err(format!("Syntax Error: Unexpected {other:?}.")),
    };
    if reader.peek() != Some("{") {
        reader.next()?;
        if !matches!(reader.peek(), Some("{" | "(")) {
            reader.next()?;
        }
        if reader.peek() == Some("(") {
            reader.declarations()?;
        }
    }
    let fields = reader.selection()?;
    match reader.peek() {
        None => Ok(Operation { mutates, fields }),
        Some(more) => Err(format!("Syntax Error: Unexpected {more:?}.")),
    }
}

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            ' ' | '\t' | '\n' | '\r' | ',' => {
                rest = &rest[1..];
                continue;
            }
            '{' | '}' | '(' | ')' | '[' | ']' | ':' | '!' | '=' | '$' => 1,
            '"' => string_length(rest)?,
            c if c.is_ascii_alphanumeric() || "_-.".contains(c) => rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || "_-.+".contains(c)))
                .unwrap_or(rest.len()),
            other => return Err(format!("Syntax Error: Unexpected character: {other:?}.")),
        };
        tokens.push(rest[..length].to_owned());
        rest = &rest[length..];
    }
    Ok(tokens)
}

/// The length of the string literal that a text begins with, quotes included.
fn string_length(text: &str) -> Result<usize, String> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return Ok(at + 1),
            '\n' => break,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    Err("Syntax Error: Unterminated string.".to_owned())
}

struct Reader<'a> {
    tokens: &'a [String],
    at: usize,
    variables: &'a Map<String, Value>,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn next(&mut self) -> Result<&'a str, String> {
        let token = self.peek().ok_or("Syntax Error: Unexpected <EOF>.")?;
        self.at += 1;
        Ok(token)
    }

    fn expect(&mut self, wanted: &str) -> Result<(), String> {
        match self.next()? {
            token if token == wanted => Ok(()),
            token => Err(format!(
                "Syntax Error: Expected {wanted:?}, found {token:?}."
            )),
        }
    }

    /// `($input: PodFindAndDeployOnDemandInput!)`: a required variable must be there.
    fn declarations(&mut self) -> Result<(), String> {
        self.expect("(")?;
        while self.peek() != Some(")") {
            self.expect("$")?;
            let name = self.next()?;
            self.expect(":")?;
            let mut kind = String::new();
            while !matches!(self.peek(), Some("$" | ")") | None) {
                kind.push_str(self.next()?);
            }
            if kind.ends_with('!') && self.variables.get(name).is_none_or(Value::is_null) {
                return Err(format!(
                    "Variable \"${name}\" of required type \"{kind}\" was not provided."
                ));
            }
        }
        self.expect(")")
    }

    fn selection(&mut self) -> Result<Vec<Field>, String> {
        self.expect("{")?;
        let mut fields = Vec::new();
        while self.peek() != Some("}") {
            fields.push(self.field()?);
        }
        self.expect("}")?;
        Ok(fields)
    }

    fn field(&mut self) -> Result<Field, String> {
        let alias = self.next()?.to_owned();
        let mut name = alias.clone();
        if self.peek() == Some(":") {
            self.next()?;
            self.next()?.clone_into(&mut name);
        }
        let mut arguments = Map::new();
        if self.peek() == Some("(") {
            self.next()?;
            arguments = self.pairs(")")?;
        }
        let selection = match self.peek() {
            Some("{") => self.selection()?,
            _ => Vec::new(),
        };
        Ok(Field {
            alias,
            name,
            arguments,
            selection,
        })
    }

    /// `name: value` until the closing token.
    fn pairs(&mut self, close: &str) -> Result<Map<String, Value>, String> {
        let mut pairs = Map::new();
        while self.peek() != Some(close) {
            let name = self.next()?.to_owned();
            self.expect(":")?;
            pairs.insert(name, self.value()?);
        }
        self.expect(close)?;
        Ok(pairs)
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.next()? {
            "$" => {
                let name = self.next()?;
                Ok(self.variables.get(name).cloned().unwrap_or(Value::Null))
            }
            "{" => Ok(Value::Object(self.pairs("}")?)),
            "[" => {
                let mut items = Vec::new();
                while self.peek() != Some("]") {
                    items.push(self.value()?);
                }
                self.expect("]")?;
                Ok(Value::Array(items))
            }
            // JSON's literals are GraphQL's; any other bare word is the name of an enum's value.
            token => Ok(serde_json::from_str(token).unwrap_or_else(|_| Value::from(token))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_is_read_with_its_variables() {
        let Value::Object(variables) = json!({ "input": { "name": "a" } }) else {
            panic!("an object")
        };
        let text = "mutation M($input: In!) { made: deploy(input: $input, n: 1, list: [ALL, \"a \\\" b\"]) \
                    { id machine { host } } }";
        let read = read(text, &variables).expect("well formed");
        assert!(read.mutates);
        let field = &read.fields[0];
        assert_eq!(
            (field.alias.as_str(), field.name.as_str()),
            ("made", "deploy")
        );
        assert_eq!(field.arguments["input"], json!({ "name": "a" }));
        assert_eq!(field.arguments["list"], json!(["ALL", "a \" b"]));
        assert_eq!(field.selection[1].selection[0].name, "host");
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let none = Map::new();
        for text in [
            "",
            "{",
            "query { a",
            "mutation M($a: B!) { a }",
            "{ a } b",
            "{ a(b: \"c) }",
        ] {
            assert!(read(text, &none).is_err(), "{text}");
        }
    }
}
