//! What owners let members have of pods: lines of `name:answer`.

use super::terms::{Access, disk, gpu};
use slice_core::refusal::shorten;
use std::fmt;

const DISK_DEFAULT: i64 = 20;
const IMAGES_MAX: usize = 20;
const IMAGE_MAX: usize = 200;
const VARIABLE_MAX: usize = 64;
/// Variables that are Slice's, or the provider's own.
const TAKEN: [&str; 2] = ["PUBLIC_KEY", "SLICE_GRANT"];

/// An image that members may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    pub name: String,
    /// How it is reached by HTTP; without that it is reached by SSH alone.
    pub login: Option<Login>,
}

/// The variable from which an image takes a password, and the one port that this password protects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub variable: String,
    pub port: u16,
}

/// What owners let members take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub on: bool,
    pub images: Vec<Image>,
    pub gpu: Option<String>,
    pub disk_gb: Option<i64>,
    pub port: Option<u16>,
}

impl Options {
    /// What owners said, or what was kept of it. The error is a whole sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut options = Self::default();
        for line in text.lines() {
            let (name, answer) = line.split_once(':').unwrap_or((line, ""));
            let answer = answer.trim();
            match name {
                "pods" => options.on = switch(answer)?,
                "images" => options.images = images(answer)?,
                "gpu" => options.gpu = Some(gpu(answer)?.0),
                "disk" => options.disk_gb = Some(disk(answer)?),
                "access" => match Access::parse(answer)? {
                    Access::Port(port) => options.port = Some(port),
                    Access::Ssh(_) => {
                        return Err(
                            "An SSH key is each member's own, so what they get without saying \
                                    anything can only be a port."
                                .into(),
                        );
                    }
                },
                _ => {
                    return Err(format!(
                        "“{}” means nothing to runpod, which knows pods:, images:, gpu:, disk: and access:.",
                        shorten(line)
                    ));
                }
            }
        }
        if options.on && options.images.is_empty() {
            return Err("Pods can't be on without an image that may run.".into());
        }
        let protected = |port| {
            let mut logins = options
                .images
                .iter()
                .filter_map(|image| image.login.as_ref());
            logins.any(|login| login.port == port)
        };
        match options.port {
            Some(port) if !protected(port) => Err(format!(
                "No password protects port {port}: behind an image say the variable of its password, and the port \
                 that this protects, such as `runpod/pytorch:1.0 JUPYTER_PASSWORD {port}`."
            )),
            _ => Ok(options),
        }
    }

    pub fn image(&self, name: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.name == name)
    }

    pub fn disk(&self) -> i64 {
        self.disk_gb.unwrap_or(DISK_DEFAULT)
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pods:{}", if self.on { "on" } else { "off" })?;
        if !self.images.is_empty() {
            write!(f, "\nimages:{}", shown(&self.images))?;
        }
        if let Some(gpu) = &self.gpu {
            write!(f, "\ngpu:{gpu}")?;
        }
        write!(f, "\ndisk:{}", self.disk())?;
        match self.port {
            Some(port) => write!(f, "\naccess:{port}"),
            None => Ok(()),
        }
    }
}

/// Images as owners write them.
pub(super) fn shown(images: &[Image]) -> String {
    let words = images.iter().map(|image| match &image.login {
        Some(Login { variable, port }) => format!("{} {variable} {port}", image.name),
        None => image.name.clone(),
    });
    words.collect::<Vec<_>>().join(", ")
}

fn switch(answer: &str) -> Result<bool, String> {
    match answer.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("Pods are on or off, not “{}”.", shorten(answer))),
    }
}

/// Images, each perhaps with a variable and a port behind it. Names of images have no capitals, and are more
/// than digits.
fn images(answer: &str) -> Result<Vec<Image>, String> {
    let mut images: Vec<Image> = vec![];
    let words = answer.split(|letter: char| letter == ',' || letter.is_whitespace());
    let mut words = words.filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if is_image(word) {
            images.push(Image {
                name: word.to_owned(),
                login: None,
            });
            continue;
        }
        let last = images.last_mut().filter(|image| image.login.is_none());
        let Some(image) = last.filter(|_| is_variable(word)) else {
            return Err(format!(
                "“{}” is neither an image, such as runpod/pytorch:1.0, nor the variable of one.",
                shorten(word)
            ));
        };
        let port = words.next().and_then(|port| match Access::parse(port) {
            Ok(Access::Port(port)) => Some(port),
            _ => None,
        });
        image.login = Some(Login {
            variable: word.to_owned(),
            port: port.ok_or_else(|| {
                format!(
                    "Behind {word} say the port that this password protects, such as `{} {word} 8888`: any other \
                     would be open to everybody.",
                    shorten(&image.name)
                )
            })?,
        });
    }
    if IMAGES_MAX < images.len() {
        return Err(format!(
            "There can be {IMAGES_MAX} images, and those are {}.",
            images.len()
        ));
    }
    Ok(images)
}

fn is_image(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
    let name = word.split([':', '@']).next().unwrap_or_default();
    word.len() <= IMAGE_MAX
        && word.bytes().all(plain)
        && !word.bytes().all(|byte| byte.is_ascii_digit())
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| !byte.is_ascii_uppercase())
}

fn is_variable(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    word.len() <= VARIABLE_MAX
        && word.bytes().all(plain)
        && word
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_uppercase())
        && !word.starts_with("RUNPOD_")
        && !TAKEN.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_whole_or_refused() {
        let said = "pods:on\nimages:runpod/pytorch:1.0 JUPYTER_PASSWORD 8888 nvidia/cuda:12\ngpu:A40 at 0.40\naccess:8888";
        let options = Options::parse(said).expect("options");
        let kept = "pods:on\nimages:runpod/pytorch:1.0 JUPYTER_PASSWORD 8888, nvidia/cuda:12\ngpu:A40\ndisk:20\naccess:8888";
        assert_eq!(options.to_string(), kept);
        let again = Options::parse(kept).expect("the same");
        assert_eq!(
            (again.on, &again.images, again.port),
            (true, &options.images, Some(8888))
        );
        for wrong in [
            "pods:maybe",
            "pods:on",
            "images:JUPYTER_PASSWORD",
            "images:a RUNPOD_API_KEY",
            "images:a PUBLIC_KEY",
            "images:a b/C",
            "images:$(x)",
            "images:a 8888",
            "images:a VARIABLE",
            "images:a VARIABLE 22",
            "images:a VARIABLE b",
            "images:a VARIABLE 8888\naccess:8080",
            "disk:4",
            "disk:0x10",
            "access:8888",
            "region:x",
        ] {
            assert!(Options::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Options::parse(""), Ok(Options::default()));
    }
}
