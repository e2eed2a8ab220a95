//! EC2's instance metadata service, version 2 only: a token first, then the tag, then
//! the identity document (Amazon EC2 User Guide, "How Instance Metadata Service Version
//! 2 works").

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::http::{Answer, Service};
use crate::judge::Machine;

/// For everything together: a person waits.
const LIMIT: Duration = Duration::from_millis(300);

/// A token for these few requests; 1 to 21600 seconds are permitted.
const TOKEN_LASTS: &str = "X-aws-ec2-metadata-token-ttl-seconds: 60";

/// The tag that names the environment. It is seen where the instance's metadata options
/// show tags (`InstanceMetadataTags=enabled`).
const TAG: &str = "/latest/meta-data/tags/instance/envguard:environment";

const DOCUMENT: &str = "/latest/dynamic/instance-identity/document";

/// The part of the identity document that counts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    account_id: String,
    instance_id: String,
}

/// Asks the service at `address`.
pub(super) fn ask(address: SocketAddr) -> Machine {
    let service = Service { address, end: Instant::now() + LIMIT, limit: LIMIT };
    learned(&service).unwrap_or_else(|why| Machine::Unknown(format!("{why:#}")))
}

fn learned(service: &Service) -> Result<Machine> {
    let mut token = token(service)?;
    let tag = get(service, TAG, &mut token)?;
    match tag.status {
        200 => return Ok(Machine::Tagged(plain(tag.body.trim(), 256)?)),
        404 => {}
        status => bail!("the metadata service answers {status} about the tag"),
    }
    let document = get(service, DOCUMENT, &mut token)?;
    if document.status != 200 {
        bail!("the metadata service answers {} about the instance", document.status);
    }
    let Document { account_id, instance_id } =
        serde_json::from_str(&document.body).context("the identity document cannot be read")?;
    Ok(Machine::Known { account: plain(&account_id, 64)?, id: plain(&instance_id, 64)? })
}

fn token(service: &Service) -> Result<String> {
    let answer = service.ask("PUT", "/latest/api/token", TOKEN_LASTS)?;
    match answer.status {
        200 => plain(answer.body.trim(), 1024),
        403 => bail!("the metadata service is switched off, or denied (403)"),
        status => bail!("the metadata service gives no token ({status})"),
    }
}

/// Asks with the token. One that is no longer valid is replaced once.
fn get(service: &Service, path: &str, token: &mut String) -> Result<Answer> {
    let with = |token: &str| format!("X-aws-ec2-metadata-token: {token}");
    let answer = service.ask("GET", path, &with(token))?;
    if answer.status != 401 {
        return Ok(answer);
    }
    *token = self::token(service)?;
    service.ask("GET", path, &with(token))
}

/// `text` when it is one short line.
fn plain(text: &str, most: usize) -> Result<String> {
    if text.is_empty() || text.len() > most || text.chars().any(char::is_control) {
        bail!("the metadata service answers something unintelligible");
    }
    Ok(text.to_owned())
}
