//! Policies and what they allow: the part of IAM's language that the sandbox's calls need. What it
//! does not know is refused when a policy is stored, never skipped.

use chrono::DateTime;
use serde_json::Value;

/// What is asked of a policy.
#[derive(Clone, Debug)]
pub(super) struct Asked<'a> {
    /// For example `s3:GetObject`.
    pub action: &'a str,
    /// An ARN.
    pub resource: &'a str,
    /// Condition keys in lower case with their values.
    pub context: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Allowed,
    /// No statement allows it.
    Implicit,
    /// A statement denies it.
    Explicit,
}

#[derive(Clone, Debug)]
pub(super) struct Policy {
    statements: Vec<Statement>,
    /// The text without white space: what counts against the limit.
    pub length: usize,
    pub text: String,
}

#[derive(Clone, Debug)]
struct Statement {
    allow: bool,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
struct Condition {
    test: Test,
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Equals,
    NotEquals,
    Like,
    Before,
    After,
}

/// Keys that the sandbox can fill in.
const KEYS: &[&str] = &[
    "aws:currenttime",
    "iam:permissionsboundary",
    "s3:prefix",
    "s3:x-amz-storage-class",
];

impl Policy {
    /// # Errors
    /// What is wrong with the document.
    pub fn parse(text: &str) -> Result<Policy, String> {
        let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if document["Version"] != "2012-10-17" {
            return Err("The policy's Version must be 2012-10-17".to_owned());
        }
        let statements = match &document["Statement"] {
            Value::Array(statements) => statements.iter().map(statement).collect(),
            one @ Value::Object(_) => statement(one).map(|one| vec![one]),
            _ => Err("The policy has no Statement".to_owned()),
        };
        Ok(Policy {
            statements: statements?,
            length: text.chars().filter(|one| !one.is_whitespace()).count(),
            text: text.to_owned(),
        })
    }
}

/// What policies say together: a Deny wins, then an Allow is needed.
pub(super) fn decide<'a>(
    policies: impl IntoIterator<Item = &'a Policy>,
    asked: &Asked<'_>,
) -> Decision {
    let mut decision = Decision::Implicit;
    for statement in policies.into_iter().flat_map(|policy| &policy.statements) {
        match (statement.fits(asked), statement.allow) {
            (true, false) => return Decision::Explicit,
            (true, true) => decision = Decision::Allowed,
            (false, _) => {}
        }
    }
    decision
}

fn statement(value: &Value) -> Result<Statement, String> {
    let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
    let fields = value.as_object().ok_or("A statement must be an object")?;
    if let Some(field) = fields.keys().find(|field| !known.contains(&field.as_str())) {
        return Err(format!("The sandbox knows no {field} in a statement"));
    }
    let sid = value["Sid"].as_str().unwrap_or_default();
    if !sid.chars().all(|one| one.is_ascii_alphanumeric()) {
        return Err("A Sid has letters and digits only".to_owned());
    }
    let allow = match value["Effect"].as_str() {
        Some("Allow") => true,
        Some("Deny") => false,
        _ => return Err("Effect must be Allow or Deny".to_owned()),
    };
    let resources = strings(&value["Resource"]).ok_or("A statement needs a Resource")?;
    if let Some(wrong) = resources
        .iter()
        .find(|arn| *arn != "*" && !arn.starts_with("arn:aws:"))
    {
        return Err(format!("Resource {wrong} must be in ARN format or \"*\"."));
    }
    if resources.iter().any(|arn| arn.contains("${")) {
        return Err("The sandbox knows no policy variables".to_owned());
    }
    Ok(Statement {
        allow,
        actions: strings(&value["Action"]).ok_or("A statement needs an Action")?,
        resources,
        conditions: conditions(&value["Condition"])?,
    })
}

fn conditions(value: &Value) -> Result<Vec<Condition>, String> {
    let mut found = Vec::new();
    for (operator, keys) in value.as_object().into_iter().flatten() {
        let (name, if_exists) = match operator.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (operator.as_str(), false),
        };
        let test = match name {
            "StringEquals" | "ArnEquals" => Test::Equals,
            "StringNotEquals" => Test::NotEquals,
            "StringLike" => Test::Like,
            "DateLessThan" => Test::Before,
            "DateGreaterThan" => Test::After,
            _ => return Err(format!("Invalid Condition type : {operator}.")),
        };
        for (key, values) in keys.as_object().into_iter().flatten() {
            let key = key.to_ascii_lowercase();
            if !KEYS.contains(&key.as_str()) {
                return Err(format!("The sandbox knows no condition key {key}"));
            }
            let values = strings(values).ok_or("A condition needs values")?;
            let dated = matches!(test, Test::Before | Test::After);
            if dated && values.iter().any(|value| seconds(value).is_none()) {
                return Err("A date must be in ISO 8601".to_owned());
            }
            found.push(Condition {
                test,
                if_exists,
                key,
                values,
            });
        }
    }
    Ok(found)
}

fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(many) if !many.is_empty() => many
            .iter()
            .map(|one| one.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    }
}

fn seconds(text: &str) -> Option<i64> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.timestamp())
}

impl Statement {
    fn fits(&self, asked: &Asked<'_>) -> bool {
        let action = asked.action.to_ascii_lowercase();
        let acts = |pattern: &String| is_like(&pattern.to_ascii_lowercase(), &action);
        let is_on = |pattern: &String| is_like(pattern, asked.resource);
        self.actions.iter().any(acts)
            && self.resources.iter().any(is_on)
            && self.conditions.iter().all(|one| one.holds(asked))
    }
}

impl Condition {
    fn holds(&self, asked: &Asked<'_>) -> bool {
        let stated = asked.context.iter().find(|(key, _)| *key == self.key);
        let Some((_, stated)) = stated else {
            return self.if_exists || self.test == Test::NotEquals;
        };
        let compared = |value: &String| match (seconds(stated), seconds(value)) {
            (Some(stated), Some(value)) => Some(stated.cmp(&value)),
            _ => None,
        };
        match self.test {
            Test::Equals => self.values.contains(stated),
            Test::NotEquals => !self.values.contains(stated),
            Test::Like => self.values.iter().any(|value| is_like(value, stated)),
            Test::Before => self
                .values
                .iter()
                .any(|value| compared(value).is_some_and(std::cmp::Ordering::is_lt)),
            Test::After => self
                .values
                .iter()
                .any(|value| compared(value).is_some_and(std::cmp::Ordering::is_gt)),
        }
    }
}

/// `*` stands for any run of characters, `?` for one.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where the last star stood, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(one) if *one == '?' || *one == text[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((stood, taken)) => {
                    star = Some((stood, taken + 1));
                    at = stood + 1;
                    seen = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|one| *one == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(
        policy: &str,
        action: &str,
        resource: &str,
        context: &[(&'static str, &str)],
    ) -> Decision {
        let policy = Policy::parse(policy).unwrap();
        let context = context
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect();
        decide(
            [&policy],
            &Asked {
                action,
                resource,
                context,
            },
        )
    }

    const DATED: &str = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/in/*",
         "Condition":{"DateLessThan":{"aws:CurrentTime":"2026-12-01T00:00:00Z"},
                      "StringEqualsIfExists":{"s3:x-amz-storage-class":"STANDARD"}}},
        {"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b/in/secret"}]}"#;

    #[test]
    fn an_allow_needs_action_resource_and_every_condition() {
        let before = ("aws:currenttime", "2026-11-30T23:59:59Z");
        let after = ("aws:currenttime", "2026-12-01T00:00:00Z");
        let cold = ("s3:x-amz-storage-class", "GLACIER");
        let ask = |action, resource, context: &[_]| decided(DATED, action, resource, context);
        let here = "arn:aws:s3:::b/in/a b";
        assert_eq!(ask("s3:GetObject", here, &[before]), Decision::Allowed);
        assert_eq!(ask("s3:GetObject", here, &[after]), Decision::Implicit);
        assert_eq!(ask("s3:GetObject", here, &[]), Decision::Implicit);
        assert_eq!(
            ask("s3:GetObject", here, &[before, cold]),
            Decision::Implicit
        );
        assert_eq!(ask("s3:PutObject", here, &[before]), Decision::Implicit);
        assert_eq!(
            ask("s3:GetObject", "arn:aws:s3:::b/out/a", &[before]),
            Decision::Implicit
        );
        assert_eq!(
            ask("s3:GetObject", "arn:aws:s3:::b/in/secret", &[before]),
            Decision::Explicit
        );
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for wrong in [
            "{}",
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"b"}]}"#,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"*","Resource":"*"}]}"#,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateBefore":{"aws:CurrentTime":"2026-12-01T00:00:00Z"}}}]}"#,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"soon"}}}]}"#,
        ] {
            assert!(Policy::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, fits) in [
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("arn:aws:s3:::slice-*/*", "arn:aws:s3:::slice-1/x/y", true),
            ("arn:aws:s3:::slice-*", "arn:aws:s3:::other", false),
            ("a*b*c", "a1b2b3c", true),
        ] {
            assert_eq!(is_like(pattern, text), fits, "{pattern} {text}");
        }
    }
}
