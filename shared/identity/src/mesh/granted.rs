//! Certificates by the registry's authority.

use discovery::{Certificates, Registry};
use tokio::{select, sync::watch};

use super::{
    certified::Pem,
    current::{Current, Renewal},
};

/// Takes what the registry grants, now and whenever there is something new.
pub(super) fn open(service: &str, registry: &Registry) -> anyhow::Result<Current> {
    let granted = registry.certificates(service)?;
    let (renewal, current) = Renewal::of(service);
    tokio::spawn(follow(granted, renewal, registry.clone()));
    Ok(current)
}

/// The registry grants for as long as somebody has a copy of it.
async fn follow(mut granted: watch::Receiver<Option<Certificates>>, mut renewal: Renewal, _registry: Registry) {
    loop {
        select! {
            changed = granted.changed() => if changed.is_err() { return },
            () = renewal.unwanted() => return,
        }
        let certificates = granted.borrow_and_update().clone();
        if let Some(certificates) = certificates
            && let Err(error) = take(&certificates, &mut renewal)
        {
            renewal.refuse(&error);
        }
    }
}

fn take(certificates: &Certificates, renewal: &mut Renewal) -> anyhow::Result<()> {
    let Certificates { certificate, private_key, authorities, .. } = certificates;
    let pem = Pem {
        certificate: certificate.as_bytes(),
        private_key: private_key.expose().as_bytes(),
        authorities: authorities.as_bytes(),
    };
    Ok(renewal.take(&pem)?)
}
