//! `GetMetricData` in CBOR, as the official client asks for it, and in the older protocol that moto speaks.

use chrono::{DateTime, SecondsFormat};
use ciborium::Value as Cbor;
use roxmltree::{Document, Node};

use crate::aws::xml::{child, children, text};

/// The fields of a form that asks the same.
pub(super) fn form(body: &[u8]) -> Option<Vec<(String, String)>> {
    let body: Cbor = ciborium::from_reader(body).ok()?;
    let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut fields = vec![
        named("Action", "GetMetricData"),
        named("Version", "2010-08-01"),
    ];
    flatten("", &body, &mut fields)?;
    Some(fields)
}

fn flatten(name: &str, value: &Cbor, fields: &mut Vec<(String, String)>) -> Option<()> {
    let said = match value {
        Cbor::Map(inside) => {
            for (key, value) in inside {
                let key = key.as_text()?;
                let dot = if name.is_empty() { "" } else { "." };
                flatten(&format!("{name}{dot}{key}"), value, fields)?;
            }
            return Some(());
        }
        Cbor::Array(all) => {
            for (at, value) in all.iter().enumerate() {
                flatten(&format!("{name}.member.{}", at + 1), value, fields)?;
            }
            return Some(());
        }
        Cbor::Tag(1, inside) => {
            let seconds = match inside.as_ref() {
                Cbor::Integer(seconds) => i64::try_from(*seconds).ok()?,
                Cbor::Float(seconds) => format!("{seconds:.0}").parse().ok()?,
                _ => return None,
            };
            DateTime::from_timestamp(seconds, 0)?.to_rfc3339_opts(SecondsFormat::Secs, true)
        }
        Cbor::Text(text) => text.clone(),
        Cbor::Integer(number) => i128::from(*number).to_string(),
        Cbor::Bool(yes) => yes.to_string(),
        _ => return None,
    };
    fields.push((name.to_owned(), said));
    Some(())
}

/// The results of an answer in XML.
pub(super) fn results(xml: &str) -> Option<Cbor> {
    let document = Document::parse(xml).ok()?;
    let result = child(document.root_element(), "GetMetricDataResult")?;
    let results = members(result, "MetricDataResults").map(|one| {
        let moments = members(one, "Timestamps").map(moment);
        let values = members(one, "Values").map(|value| {
            let number: f64 = value.text()?.trim().parse().ok()?;
            Some(Cbor::from(number))
        });
        Some(Cbor::Map(vec![
            (Cbor::from("Id"), Cbor::from(text(one, "Id")?)),
            (Cbor::from("StatusCode"), Cbor::from("Complete")),
            (
                Cbor::from("Timestamps"),
                Cbor::Array(moments.collect::<Option<_>>()?),
            ),
            (
                Cbor::from("Values"),
                Cbor::Array(values.collect::<Option<_>>()?),
            ),
        ]))
    });
    let mut said = vec![(
        Cbor::from("MetricDataResults"),
        Cbor::Array(results.collect::<Option<_>>()?),
    )];
    if let Some(token) = text(result, "NextToken") {
        said.push((Cbor::from("NextToken"), Cbor::from(token)));
    }
    Some(Cbor::Map(said))
}

fn moment(node: Node<'_, '_>) -> Option<Cbor> {
    let at = DateTime::parse_from_rfc3339(node.text()?.trim()).ok()?;
    Some(Cbor::Tag(1, Box::new(Cbor::from(at.timestamp()))))
}

/// The members of a list; a list that is not there has none.
fn members<'a, 'b: 'a>(
    node: Node<'a, 'b>,
    list: &'static str,
) -> impl Iterator<Item = Node<'a, 'b>> {
    let list = child(node, list);
    list.into_iter()
        .flat_map(|list| children(list, "member").collect::<Vec<_>>())
}
