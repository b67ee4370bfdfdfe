//! The little XML that the protocols need.

use std::fmt::Display;

use roxmltree::Node;

/// Text that stands in an element. What XML cannot hold stands there as S3 writes it.
pub(super) fn escaped(text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    if text.chars().all(|one| ' ' <= one) {
        return text;
    }
    let written = text.chars().map(|one| match one {
        one if one < ' ' => format!("&#x{:x};", u32::from(one)),
        one => one.to_string(),
    });
    written.collect()
}

/// `<name>text</name>`.
pub(super) fn element(name: &str, text: impl Display) -> String {
    format!("<{name}>{}</{name}>", escaped(&text.to_string()))
}

/// `<name>inside</name>`, what is inside being XML.
pub(super) fn around(name: &str, inside: &str) -> String {
    format!("<{name}>{inside}</{name}>")
}

/// The text of the first child with this name.
pub(super) fn text<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    child(node, name).map(|child| child.text().unwrap_or_default())
}

pub(super) fn child<'a, 'b>(node: Node<'a, 'b>, name: &str) -> Option<Node<'a, 'b>> {
    node.children()
        .find(|child| child.tag_name().name() == name)
}

pub(super) fn children<'a, 'b>(
    node: Node<'a, 'b>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'b>> {
    node.children()
        .filter(move |child| child.tag_name().name() == name)
}
