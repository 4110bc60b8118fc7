//! The authority: a key that is kept, and what it signs.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Ten years: whoever believes it has to be told of another.
const AUTHORITY_DAYS: u32 = 3650;

/// Clocks of different machines differ by less.
const LEEWAY: Duration = Duration::from_secs(60);

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
    days: u32,
}

impl Authority {
    /// The one in this folder, or a new one; what it signs is good for so many days.
    pub fn open(folder: &Path, days: u32) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let (certificate, key) = (folder.join("ca.pem"), folder.join("ca-key.pem"));
        let params = params()?;
        let key_pair = match fs::read_to_string(&key) {
            Ok(pem) => KeyPair::from_pem(&pem).with_context(|| format!("{} is no key", key.display()))?,
            Err(_) => {
                let key_pair = KeyPair::generate()?;
                write(&key, &key_pair.serialize_pem(), 0o600)?;
                write(&certificate, &params.self_signed(&key_pair)?.pem(), 0o644)?;
                key_pair
            }
        };
        Ok(Self { issuer: Issuer::new(params, key_pair), folder: folder.to_owned(), days })
    }

    /// Writes `<service>.pem` and `<service>-key.pem`: who the service is, towards the others.
    pub fn certify(&self, service: &str, trust_domain: &str) -> anyhow::Result<()> {
        let id = format!("spiffe://{trust_domain}/ns/default/svc/{service}");
        let names = vec![SanType::URI(id.as_str().try_into()?)];
        self.sign(service, names, &[ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth])
    }

    /// Writes `public.pem` and `public-key.pem`, for who comes to this machine by HTTPS.
    pub fn certify_the_public_port(&self) -> anyhow::Result<()> {
        let here = [[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()].map(SanType::IpAddress);
        let names = here.into_iter().chain([SanType::DnsName("localhost".try_into()?)]).collect();
        self.sign("public", names, &[ExtendedKeyUsagePurpose::ServerAuth])
    }

    fn sign(&self, name: &str, names: Vec<SanType>, usages: &[ExtendedKeyUsagePurpose]) -> anyhow::Result<()> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages.to_vec();
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = period(self.days);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        write(&self.folder.join(format!("{name}-key.pem")), &key.serialize_pem(), 0o600)?;
        write(&self.folder.join(format!("{name}.pem")), &certificate.pem(), 0o644)
    }
}

/// The same each time: what is signed names its authority by this name.
fn params() -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new([])?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Joist development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = period(AUTHORITY_DAYS);
    Ok(params)
}

fn period<T: From<SystemTime>>(days: u32) -> (T, T) {
    let now = SystemTime::now();
    ((now - LEEWAY).into(), (now + DAY * days).into())
}

/// At once: nobody sees half of it, or somebody else's key.
fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        // The mode is that of a file that is made, not of one that is there.
        let _ = fs::remove_file(&new);
        let mut file = File::options().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&new, path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}
