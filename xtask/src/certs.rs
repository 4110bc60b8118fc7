//! `cargo xtask certs`: an authority for development, a certificate for each service, and one for the public port.

mod authority;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, value_parser};

pub use self::authority::Authority;

#[derive(Args)]
pub struct Options {
    /// Where they are kept; the authority that is found there signs again
    #[arg(long, default_value = "target/certs")]
    dir: PathBuf,

    /// What the authority vouches for
    #[arg(long, default_value = "joist.local")]
    trust_domain: String,

    /// How many days the certificates are good
    #[arg(long, default_value = "30", value_parser = value_parser!(u32).range(1..=825))]
    days: u32,

    /// Which services are given one
    #[arg(default_values = ["gateway", "users", "orders"])]
    services: Vec<String>,
}

/// Errors: a file cannot be written, or what is there is no authority.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let folder = root.join(&options.dir);
    let authority = Authority::open(&folder, options.days)?;
    for service in &options.services {
        authority.certify(service, &options.trust_domain).with_context(|| format!("a certificate for {service}"))?;
    }
    authority.certify_the_public_port()?;
    let services = options.services.join(", ");
    println!("certs: {services}, public, for {} days, by ca.pem, in {}", options.days, folder.display());
    Ok(())
}
