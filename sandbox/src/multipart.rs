//! Bodies of type `multipart/form-data`, read whole.

/// One part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub name: String,
    pub file_name: Option<String>,
    pub bytes: Vec<u8>,
}

/// The parts of a body, in order; `kind` is its content type. `None` if it is malformed.
pub(crate) fn parts(kind: &str, body: &[u8]) -> Option<Vec<Part>> {
    let boundary = kind.split("boundary=").nth(1)?.split(';').next()?;
    let boundary = boundary.trim().trim_matches('"');
    let fence = format!("--{boundary}");
    let end = format!("\r\n{fence}");
    let mut found = Vec::new();
    let mut rest = body.get(find(body, fence.as_bytes())? + fence.len()..)?;
    while !rest.starts_with(b"--") {
        let head = find(rest, b"\r\n\r\n")?;
        let headers = std::str::from_utf8(&rest[..head]).ok()?;
        let content = &rest[head + 4..];
        let length = find(content, end.as_bytes())?;
        found.push(Part {
            name: parameter(headers, "name")?,
            file_name: parameter(headers, "filename"),
            bytes: content[..length].to_vec(),
        });
        rest = content.get(length + end.len()..)?;
    }
    Some(found)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// A parameter of the part's `Content-Disposition`.
fn parameter(headers: &str, name: &str) -> Option<String> {
    let line = headers
        .lines()
        .find(|line| line.to_lowercase().starts_with("content-disposition:"))?;
    let mark = format!("; {name}=\"");
    let start = line.find(&mark)? + mark.len();
    let end = start + line[start..].find('"')?;
    Some(line[start..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        let body =
            b"--x\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{}\r\n--x\r\n\
            Content-Disposition: form-data; name=\"files[0]\"; filename=\"a.csv\"\r\n\
            Content-Type: text/csv\r\n\r\na\r\n\r\nb\r\n--x--\r\n";
        let read = parts("multipart/form-data; boundary=x", body).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(
            (read[0].name.as_str(), &read[0].bytes[..]),
            ("payload_json", &b"{}"[..])
        );
        assert_eq!(read[1].file_name.as_deref(), Some("a.csv"));
        assert_eq!(read[1].bytes, b"a\r\n\r\nb");
        assert_eq!(
            parts("multipart/form-data; boundary=x", b"--x\r\nbroken"),
            None
        );
    }
}
