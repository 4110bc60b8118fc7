//! Tokens made by hand, with keys of every kind, so that they can be wrong in every way.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::JwkSet;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A private key.
pub enum Key {
    Es256(Box<EcdsaKeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
    Rs256(Box<RsaKeyPair>),
}

impl Key {
    pub fn es256() -> Self {
        Self::Es256(Box::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()))
    }

    pub fn ed_dsa() -> Self {
        Self::EdDsa(Box::new(Ed25519KeyPair::generate().unwrap()))
    }

    pub fn rs256() -> Self {
        Self::Rs256(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
            Self::Rs256(_) => "RS256",
        }
    }

    /// The public half, under this id.
    pub fn jwk(&self, id: &str) -> Value {
        let public = self.public();
        let mut jwk = match self {
            Self::Es256(_) => {
                json!({"kty": "EC", "crv": "P-256", "x": base64(&public[1..33]), "y": base64(&public[33..])})
            }
            Self::EdDsa(_) => json!({"kty": "OKP", "crv": "Ed25519", "x": base64(public)}),
            // Behind the heads of a sequence and of a number: 2048 bits, then the exponent, which is always the same.
            Self::Rs256(_) => json!({"kty": "RSA", "n": base64(&public[9..265]), "e": "AQAB"}),
        };
        jwk["kid"] = json!(id);
        jwk
    }

    pub fn public(&self) -> &[u8] {
        match self {
            Self::Es256(key) => key.public_key().as_ref(),
            Self::EdDsa(key) => key.public_key().as_ref(),
            Self::Rs256(key) => key.public_key().as_ref(),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Es256(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            Self::Rs256(key) => {
                let mut signature = vec![0; 256];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
        }
    }

    /// A token with this header and these claims, whatever they say.
    pub fn token(&self, header: &Value, claims: &Value) -> String {
        self.token_of(header, &claims.to_string())
    }

    /// The same, of claims that are not even JSON.
    pub fn token_of(&self, header: &Value, claims: &str) -> String {
        let message = format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.as_bytes()));
        let signature = base64(&self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

/// The same with a secret that both sides know.
pub fn token_with_secret(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.to_string().as_bytes()));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", base64(signature.as_ref()))
}

/// With some members changed; those that become null go.
pub fn but(value: &Value, changes: Value) -> Value {
    let mut changed = value.clone();
    let members = changed.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    changed
}

pub fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn set(keys: &[Value]) -> JwkSet {
    serde_json::from_value(json!({ "keys": keys })).unwrap()
}

/// In seconds since 1970.
pub fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}
