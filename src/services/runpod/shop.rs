//! What a pod can be, at the prices of now: what members are asked, and what they agree on.

use super::{
    RunPod,
    api::no_capacity,
    options::{Image, Options, shown},
    rows::Gpu,
    terms::{Access, Said, Terms, priced},
};
use slice_core::{
    ports::{Asking, ServiceError, Unmet},
    refusal::shorten,
    reply::{Field, FieldKind},
};

/// All platforms have room for so many choices.
const CHOICES_MAX: usize = 25;
const LINE_MAX: u32 = 1_000;
const OFF: &str = "Pods are off. An owner can turn them on, and choose the images that may run, with `/slice \
                   vault options runpod`.";

/// A whole sentence that the form helps with.
fn ask(why: impl Into<String>) -> Unmet {
    Unmet {
        why: why.into(),
        asks: true,
    }
}

fn refuse(why: impl Into<String>) -> Unmet {
    Unmet {
        why: why.into(),
        asks: false,
    }
}

/// What the owners chose; an error if pods are off.
fn allowed(options: &str) -> Result<Options, String> {
    let options = Options::parse(options).unwrap_or_default();
    if options.on {
        Ok(options)
    } else {
        Err(OFF.into())
    }
}

fn field(name: &str, label: &str, kind: FieldKind) -> Field {
    Field {
        name: name.into(),
        label: label.into(),
        kind,
        optional: false,
        initial: None,
        hint: None,
    }
}

fn pairs<T>(values: &[T], pair: impl Fn(&T) -> (String, String)) -> FieldKind {
    FieldKind::Choice(values.iter().take(CHOICES_MAX).map(pair).collect())
}

impl RunPod {
    /// GPUs that can be had now, the cheapest first; `named` is among them if it exists.
    async fn offers(
        &self,
        asking: Asking<'_>,
        named: Option<&str>,
    ) -> Result<Vec<Gpu>, ServiceError> {
        let mut gpus = self.gpus_lately(asking.master).await?;
        gpus.retain(|gpu| gpu.price().is_some() && gpu.is_free());
        let is_named = |gpu: &Gpu| named.is_some_and(|named| gpu.is_called(named));
        gpus.sort_by_key(|gpu| (!is_named(gpu), gpu.price()));
        gpus.truncate(CHOICES_MAX);
        gpus.sort_by_key(Gpu::price);
        Ok(gpus)
    }

    pub(super) async fn asked(&self, asking: Asking<'_>) -> Result<Vec<Field>, ServiceError> {
        let options = allowed(asking.options).map_err(ServiceError::Rejected)?;
        // What can't be understood is asked for again.
        let said = Said::parse(asking.said).unwrap_or_default();
        let wanted = said.gpu.map(|(name, _)| name).or(options.gpu.clone());
        let gpus = self.offers(asking, wanted.as_deref()).await?;
        let value = |gpu: &Gpu| priced(&gpu.name, gpu.price().unwrap_or_default());
        let chosen = gpus
            .iter()
            .find(|gpu| wanted.as_deref().is_some_and(|name| gpu.is_called(name)));
        let offered = |gpu: &Gpu| (value(gpu), value(gpu));
        let image = said
            .image
            .or_else(|| options.images.first().map(|image| image.name.clone()));
        let port = options.port.map(Access::Port);
        Ok(vec![
            Field {
                initial: chosen.or(gpus.first()).map(value),
                ..field(
                    "gpu",
                    "GPU, and its price per hour now",
                    pairs(&gpus, offered),
                )
            },
            Field {
                initial: image,
                ..field(
                    "image",
                    "Image",
                    pairs(&options.images, |image| {
                        (image.name.clone(), image.name.clone())
                    }),
                )
            },
            Field {
                initial: Some(said.disk.unwrap_or(options.disk()).to_string()),
                hint: Some("Whole gigabytes; it is deleted with the pod".into()),
                ..field("disk", "Disk", FieldKind::Line { max: 6 })
            },
            Field {
                initial: said.access.or(port).map(|access| access.to_string()),
                hint: Some(
                    "Your public SSH key, or the image's own port, such as 8888, which gets a password".into(),
                ),
                ..field("access", "Access", FieldKind::Line { max: LINE_MAX })
            },
        ])
    }

    /// What owners are asked, with what they chose before.
    pub(super) async fn chosen(&self, asking: Asking<'_>) -> Result<Vec<Field>, ServiceError> {
        let options = Options::parse(asking.options).unwrap_or_default();
        let gpus = self.offers(asking, options.gpu.as_deref()).await?;
        let switch = ["on", "off"].map(|word| (word.to_owned(), word.to_owned()));
        let named = |gpu: &Gpu| (gpu.name.clone(), gpu.name.clone());
        let optional = |field: Field| Field {
            optional: true,
            ..field
        };
        Ok(vec![
            Field {
                initial: Some(if options.on { "on" } else { "off" }.into()),
                ..field("pods", "Pods", FieldKind::Choice(switch.into()))
            },
            Field {
                initial: Some(shown(&options.images)).filter(|images| !images.is_empty()),
                hint: Some("Each perhaps with its password's variable and port: runpod/pytorch:1.0 JUPYTER_PASSWORD 8888".into()),
                ..optional(field("images", "Images that may run", FieldKind::Lines { max: LINE_MAX }))
            },
            Field {
                initial: options.gpu.clone(),
                ..optional(field("gpu", "GPU, where nobody says another", pairs(&gpus, named)))
            },
            Field {
                initial: Some(options.disk().to_string()),
                ..optional(field("disk", "Disk in GB, likewise", FieldKind::Line { max: 6 }))
            },
            Field {
                initial: options.port.map(|port| port.to_string()),
                hint: Some("Such as 8888; leave it out if everybody has to say how".into()),
                ..optional(field("access", "Port, likewise", FieldKind::Line { max: 6 }))
            },
        ])
    }

    /// A pod as it is agreed on: what was said, else what owners chose, at no more than the price that was
    /// accepted, or else that of now.
    pub(super) async fn agreed(&self, asking: Asking<'_>) -> Result<String, Unmet> {
        let options = allowed(asking.options).map_err(refuse)?;
        let said = Said::parse(asking.said).map_err(ask)?;
        let gpu = said.gpu.or(options.gpu.clone().map(|gpu| (gpu, None)));
        let name = said
            .image
            .or_else(|| options.images.first().map(|image| image.name.clone()));
        let name = name.unwrap_or_default();
        let Some(image) = options.image(&name) else {
            return Err(ask(format!(
                "“{}” is no image that the owners let members run: {}.",
                shorten(&name),
                shown(&options.images)
            )));
        };
        let login = image.login.as_ref();
        // What nobody says is the image's own port, where owners let it be.
        let port = |port| Access::Port(login.map_or(port, |login| login.port));
        let access = said.access.or(options.port.map(port));
        let (Some((gpu, accepted)), Some(access)) = (gpu, access) else {
            return Err(ask("A pod needs a GPU and a way to reach it."));
        };
        is_protected(image, &access).map_err(ask)?;
        let gpus = self.gpus_lately(asking.master).await;
        let gpus = gpus.map_err(|why| refuse(format!("The prices could not be read: {why}")))?;
        let found = gpus.into_iter().find(|known| known.is_called(&gpu));
        let found = found.and_then(|gpu| Some((gpu.price()?, gpu)));
        let Some((price, gpu)) = found else {
            return Err(ask(format!(
                "RunPod has no “{}” in its secure cloud.",
                shorten(&gpu)
            )));
        };
        if !gpu.is_free() {
            return Err(ask(no_capacity().to_string()));
        }
        if let Some(accepted) = accepted.filter(|accepted| *accepted < price) {
            return Err(ask(dearer(&gpu.name, (accepted, price))));
        }
        let terms = Terms {
            gpu: gpu.name,
            price,
            image: image.name.clone(),
            disk_gb: said.disk.unwrap_or(options.disk()),
            access,
        };
        Ok(terms.to_string())
    }
}

/// That a port asks for a password: others of the container would be open to everybody.
pub(super) fn is_protected(image: &Image, access: &Access) -> Result<(), String> {
    let Access::Port(port) = access else {
        return Ok(());
    };
    match &image.login {
        None => Err(format!(
            "{} takes no password, so it is reached by SSH alone: say your public key.",
            image.name
        )),
        Some(login) if login.port != *port => Err(format!(
            "The password of {} protects port {} alone, and port {port} would be open to everybody: say \
             `access:{}`, or your public SSH key.",
            image.name, login.port, login.port
        )),
        Some(_) => Ok(()),
    }
}

/// A price that is higher now than when it was accepted.
pub(super) fn dearer(
    gpu: &str,
    (accepted, price): (slice_core::money::Money, slice_core::money::Money),
) -> String {
    format!(
        "The price of {gpu} was {accepted} an hour when that was agreed on, and is {price} now."
    )
}
