//! Who calls, whether that is proven, and which of the services is meant.

use chrono::DateTime;

use super::signature::{Claim, Unproven};
use super::{Aws, Refused, cloudwatch, iam, refuse, s3, time};
use crate::door::{Answer, Behind, Call, by_name};
use crate::faults::{AWS, Fault, Faults};
use crate::wire::Wire;

impl Aws {
    /// Proves the signature, and gives the caller.
    fn proven(&self, call: &Call, claim: &Claim) -> Result<Option<String>, Refused> {
        let s3 = claim.service == "s3";
        let unknown = || {
            let code = if s3 {
                "InvalidAccessKeyId"
            } else {
                "InvalidClientTokenId"
            };
            let message = "The security token included in the request is invalid.";
            Refused::new(403, code, message.to_owned())
        };
        let secret = {
            let accounts = self.accounts();
            let key = accounts.key(&claim.key);
            key.map(|key| key.secret.clone()).ok_or_else(unknown)?
        };
        let caller = self.caller(&claim.key).ok_or_else(unknown)?;
        let now = self.hub.clock.now();
        claim.prove(call, &secret, now).map_err(|unproven| match unproven {
            Unproven::Skewed if s3 => {
                let message = "The difference between the request time and the current time is too large.";
                Refused::new(403, "RequestTimeTooSkewed", message.to_owned())
            }
            Unproven::Payload => {
                let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
                Refused::new(400, "XAmzContentSHA256Mismatch", message.to_owned())
            }
            Unproven::Skewed => {
                let message = format!("Signature expired: it is now {}", time(now));
                Refused::new(403, "SignatureDoesNotMatch", message)
            }
            _ => {
                let message = "The request signature we calculated does not match the signature you provided.";
                Refused::new(403, "SignatureDoesNotMatch", message.to_owned())
            }
        })?;
        Ok(caller)
    }

    fn handle(&self, call: &Call, claim: &Claim) -> Result<Answer, Refused> {
        let caller = self.proven(call, claim)?;
        let caller = caller.as_deref();
        match claim.service.as_str() {
            "iam" if claim.region != "us-east-1" => {
                let message = "Credential should be scoped to a valid region.";
                refuse(403, "SignatureDoesNotMatch", message)
            }
            "iam" => iam::answer(self, call, caller),
            "sts"
                if by_name(call.form()).get("Action").map(String::as_str)
                    == Some("GetCallerIdentity") =>
            {
                Ok(iam::identify(self, caller))
            }
            "monitoring" => cloudwatch::answer(self, call, caller, &claim.region),
            "s3" => s3::answer(self, call, caller, &claim.region),
            _ => refuse(400, "InvalidAction", "The sandbox does not know this call"),
        }
    }
}

/// The answer of an error, in the words of the service that was called.
pub(super) fn shaped(call: &Call, refused: &Refused) -> Answer {
    match service(call) {
        Service::S3 => s3::error(refused, call.method == "HEAD"),
        Service::CloudWatch => cloudwatch::error(refused),
        Service::Iam | Service::Sts => iam::error(refused),
    }
}

/// With the provider's own date: clients set their clocks by it.
pub(super) fn dated(answer: Answer, now: i64) -> Answer {
    let now = DateTime::from_timestamp_micros(now).unwrap_or_default();
    answer.header("date", &now.format("%a, %d %b %Y %H:%M:%S GMT"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Iam,
    Sts,
    S3,
    CloudWatch,
}

/// Which service a call is for; who signs nothing wants S3.
pub(super) fn service(call: &Call) -> Service {
    match Claim::of(call).map(|claim| claim.service).as_deref() {
        Ok("iam") => Service::Iam,
        Ok("sts") => Service::Sts,
        Ok("monitoring") => Service::CloudWatch,
        _ => Service::S3,
    }
}

/// Codes that only a client which is wrong about the protocol gets.
const WRONG: &[&str] = &[
    "InvalidAction",
    "InvalidRequest",
    "InvalidParameterValue",
    "IncompleteBody",
    "MalformedPolicyDocument",
    "MalformedXML",
    "UnknownOperationException",
    "ValidationError",
    "XAmzContentSHA256Mismatch",
];

impl Behind for Aws {
    const WIRE: &'static str = AWS;

    fn wire(&self) -> &Wire {
        &self.hub.wire
    }

    fn faults(&self) -> &Faults {
        &self.hub.faults
    }

    fn line(&self, call: &Call) -> String {
        line(call)
    }

    async fn answer(&self, call: &Call) -> Answer {
        let unsigned = |unproven| {
            let (code, message) = if (unproven, service(call)) == (Unproven::Missing, Service::S3) {
                ("AccessDenied", "Access Denied")
            } else {
                (
                    "MissingAuthenticationToken",
                    "Request is missing Authentication Token",
                )
            };
            Refused::new(403, code, message.to_owned())
        };
        let claim = Claim::of(call).map_err(unsigned);
        let answer = match claim.and_then(|claim| self.handle(call, &claim)) {
            Ok(answer) => answer,
            Err(refused) => {
                if WRONG.contains(&refused.code) {
                    let line = line(call);
                    let Refused { code, message, .. } = &refused;
                    self.hub
                        .wire
                        .violation(format!("aws {line}: {code} {message}"));
                }
                shaped(call, &refused)
            }
        };
        dated(answer, self.hub.clock.now())
    }

    fn refusal(&self, fault: Fault, call: &Call) -> Option<Answer> {
        refusal(fault, call, self.hub.clock.now())
    }
}

/// How the record and the faults name a request.
pub(super) fn line(call: &Call) -> String {
    let action = || by_name(call.form()).remove("Action").unwrap_or_default();
    let method = &call.method;
    match service(call) {
        Service::Iam => format!("{method} iam:{}", action()),
        Service::Sts => format!("{method} sts:{}", action()),
        Service::CloudWatch => {
            let name = call.path.rsplit('/').next().unwrap_or_default();
            let bucket = cloudwatch::bucket(call).unwrap_or_default();
            format!("{method} cloudwatch:{name} {bucket}")
        }
        Service::S3 => s3::line(call),
    }
}

/// The answer of a fault that has one.
pub(super) fn refusal(fault: Fault, call: &Call, now: i64) -> Option<Answer> {
    let s3 = service(call) == Service::S3;
    let (status, code, message) = match fault {
        Fault::Unauthorized401 if s3 => (403, "InvalidAccessKeyId", "No such key"),
        Fault::Unauthorized401 => (403, "InvalidClientTokenId", "No such key"),
        Fault::Forbidden403 => (403, "AccessDenied", "Access Denied"),
        Fault::NotFound404 if s3 => (404, "NoSuchBucket", "No such bucket"),
        Fault::NotFound404 => (404, "NoSuchEntity", "No such entity"),
        Fault::Conflict409 if s3 => (
            409,
            "OperationAborted",
            "A conflicting operation is in progress",
        ),
        Fault::Conflict409 if line(call).ends_with(":DeleteUser") => (
            409,
            "DeleteConflict",
            "Cannot delete entity, must delete access keys first",
        ),
        Fault::Conflict409 => (409, "ConcurrentModification", "Try again"),
        Fault::RateLimited429 { .. } if s3 => (503, "SlowDown", "Reduce your request rate"),
        Fault::RateLimited429 { .. } => (400, "Throttling", "Rate exceeded"),
        Fault::ServerError500 | Fault::ServerErrorAfter500 if s3 => {
            (500, "InternalError", "We encountered an internal error")
        }
        Fault::ServerError500 | Fault::ServerErrorAfter500 => {
            (500, "ServiceFailure", "An internal error")
        }
        Fault::BadGateway502 => {
            let page = "<html><h1>502 Bad Gateway</h1></html>";
            let page = Answer::text(502, page).header("content-type", &"text/html");
            return Some(dated(page, now));
        }
        Fault::HtmlPage => {
            let page = Answer::text(200, "<html><h1>One moment, please</h1></html>");
            return Some(dated(page.header("content-type", &"text/html"), now));
        }
        _ => return None,
    };
    let refused = Refused::new(status, code, message.to_owned());
    Some(dated(shaped(call, &refused), now))
}
