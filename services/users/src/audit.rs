//! The audit log: who was let in, and who was not. Never an e-mail address, a password, a token or a code.

use std::net::IpAddr;

use crate::domain::{ClientId, UserId};

macro_rules! record {
    ($event:literal $(, $field:ident = $value:expr)*) => {
        tracing::info!(target: "audit", event = $event $(, $field = %$value)*, "audit")
    };
}

pub fn sign_up(user: UserId) {
    record!("sign_up", user_id = user);
}

pub fn account_deleted(user: UserId) {
    record!("account_deleted", user_id = user);
}

pub fn outside_account_added(user: UserId) {
    record!("outside_account_added", user_id = user);
}

pub fn sign_in(user: UserId, client: &ClientId) {
    record!("sign_in", user_id = user, client_id = client);
}

/// `user` is whose account it was tried for, if it is anybody's.
pub fn sign_in_failed(user: Option<UserId>, address: IpAddr) {
    match user {
        Some(user) => record!("sign_in_failed", user_id = user, address = address),
        None => record!("sign_in_failed", address = address),
    }
}

pub fn sign_in_limited(address: IpAddr) {
    record!("sign_in_limited", address = address);
}

pub fn token_revoked(user: UserId, client: &ClientId) {
    record!("token_revoked", user_id = user, client_id = client);
}

pub fn refresh_reused(user: UserId, client: &ClientId) {
    record!("refresh_reused", user_id = user, client_id = client);
}

pub fn code_reused(user: UserId, client: &ClientId) {
    record!("code_reused", user_id = user, client_id = client);
}

pub fn client_authentication_failed(client: &ClientId) {
    record!("client_authentication_failed", client_id = client);
}

pub fn client_signed_in(client: &ClientId) {
    record!("client_signed_in", client_id = client);
}

pub fn key_rotated(key: &str) {
    record!("key_rotated", key_id = key);
}

pub fn admin_granted(user: UserId) {
    record!("admin_granted", user_id = user);
}

pub fn client_added(client: &ClientId) {
    record!("client_added", client_id = client);
}
