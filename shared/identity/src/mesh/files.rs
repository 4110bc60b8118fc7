//! Certificates from files, which somebody else renews.

use std::{fs, io, path::PathBuf, time::Duration};

use anyhow::Context;
use aws_lc_rs::digest::{Digest, SHA256, digest};
use tokio::{
    select,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use super::{
    MeshConfig,
    certified::Pem,
    current::{Current, Renewal},
};

/// The files are looked at so often. Kubernetes replaces a folder that they are linked from: nothing happens to the files
/// themselves that a system could tell of.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    authorities: PathBuf,
}

/// What was in them.
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authorities: Vec<u8>,
}

impl Files {
    fn of(config: &MeshConfig) -> anyhow::Result<Self> {
        let path =
            |setting: &Option<PathBuf>, name| setting.clone().with_context(|| format!("PEER_TLS=files needs {name}"));
        Ok(Self {
            certificate: path(&config.peer_tls_certificate_file, "PEER_TLS_CERTIFICATE_FILE")?,
            key: path(&config.peer_tls_key_file, "PEER_TLS_KEY_FILE")?,
            authorities: path(&config.peer_tls_ca_file, "PEER_TLS_CA_FILE")?,
        })
    }

    fn read(&self) -> anyhow::Result<Contents> {
        let read = |path: &PathBuf, name| -> anyhow::Result<Vec<u8>> {
            fs::read(path).with_context(|| format!("{name} {} cannot be read", path.display()))
        };
        Ok(Contents {
            certificate: read(&self.certificate, "PEER_TLS_CERTIFICATE_FILE")?,
            key: read(&self.key, "PEER_TLS_KEY_FILE")?,
            authorities: read(&self.authorities, "PEER_TLS_CA_FILE")?,
        })
    }
}

impl Contents {
    fn pem(&self) -> Pem<'_> {
        Pem { certificate: &self.certificate, private_key: &self.key, authorities: &self.authorities }
    }

    /// To be compared without keeping the key. What moves from one file to the next is found unfit, not unchanged.
    fn print(&self) -> [Digest; 3] {
        [&self.certificate, &self.key, &self.authorities].map(|content| digest(&SHA256, content))
    }
}

/// Reads them now, and again whenever they change.
pub(super) fn open(config: &MeshConfig, service: &str) -> anyhow::Result<Current> {
    let files = Files::of(config)?;
    let contents = files.read()?;
    let (mut renewal, current) = Renewal::of(service);
    renewal.take(&contents.pem()).with_context(|| format!("{} is not fit to be used", files.certificate.display()))?;
    tokio::spawn(follow(files, contents.print(), renewal));
    Ok(current)
}

async fn follow(files: Files, first: [Digest; 3], mut renewal: Renewal) {
    let mut used = first;
    let mut looks = interval(BETWEEN_LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        select! {
            _ = looks.tick() => {}
            () = renewal.unwanted() => return,
        }
        let reading = files.clone();
        let read = spawn_blocking(move || reading.read()).await;
        match read.map_err(io::Error::other).map_err(Into::into).flatten() {
            Ok(contents) => look(&contents, &mut used, &mut renewal),
            Err(error) => renewal.refuse(&error),
        }
    }
}

/// What is not fit is tried again: it may be half of what is being written, or begin to be good in a moment.
fn look(contents: &Contents, used: &mut [Digest; 3], renewal: &mut Renewal) {
    let now = contents.print();
    if now.iter().map(Digest::as_ref).eq(used.iter().map(Digest::as_ref)) {
        return;
    }
    match renewal.take(&contents.pem()) {
        Ok(()) => *used = now,
        Err(unfit) => renewal.refuse(&unfit.into()),
    }
}
