//! The program itself, and settings that do not go together.

use std::process::Command;

#[test]
fn a_service_that_is_only_a_name_needs_a_registry() {
    for (setting, peer) in
        [("USERS_URL", "consul:///users"), ("TOKEN_JWKS_URL", "consul:///users/.well-known/jwks.json")]
    {
        let mut program = Command::new(env!("CARGO_BIN_EXE_orders"));
        program.env_clear().envs([("GRPC_ADDR", "127.0.0.1:0"), ("OPS_ADDR", "127.0.0.1:0"), (setting, peer)]);
        // Nobody is there: it must not come to that.
        let output = program.env("DATABASE_URL", "postgres://orders@127.0.0.1:1/orders").output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), complaint.lines().count()), (Some(1), 1), "{setting}: {complaint}");
        assert!(complaint.contains("CONSUL_URL"), "{setting}: {complaint}");
    }
}
