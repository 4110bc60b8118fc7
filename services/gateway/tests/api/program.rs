//! The program itself, and settings that do not go together.

use std::process::Command;

#[test]
fn a_certificate_is_nothing_without_its_key() {
    for (setting, other) in [("TLS_CERTIFICATE_FILE", "--tls-key-file"), ("TLS_KEY_FILE", "--tls-certificate-file")] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_gateway"));
        let output = program.env_clear().env(setting, "/nowhere").output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), complaint.lines().count()), (Some(2), 1), "{setting}: {complaint}");
        assert!(complaint.contains(other), "{setting}: {complaint}");
    }
}

#[test]
fn a_service_that_is_only_a_name_needs_a_registry() {
    for (setting, peer) in [
        ("USERS_URL", "consul:///users"),
        ("ORDERS_URL", "consul:///orders"),
        ("USERS_HTTP_URL", "consul:///users"),
        ("TOKEN_JWKS_URL", "consul:///users/.well-known/jwks.json"),
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_gateway"));
        let ports = [("HTTP_ADDR", "127.0.0.1:0"), ("OPS_ADDR", "127.0.0.1:0")];
        let output = program.env_clear().envs(ports).env(setting, peer).output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), complaint.lines().count()), (Some(1), 1), "{setting}: {complaint}");
        assert!(complaint.contains("CONSUL_URL"), "{setting}: {complaint}");
    }
}
