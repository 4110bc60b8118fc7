//! Compiles the contracts with protox, so that no `protoc` is needed, and keeps their descriptors for reflection.

use std::{env, fs, path::PathBuf};

use prost::Message;

const CONTRACTS: &[&str] = &[
    "money/v1/money.proto",
    "orders/v1/catalog.proto",
    "orders/v1/events.proto",
    "orders/v1/orders.proto",
    "payments/v1/events.proto",
    "users/v1/events.proto",
    "users/v1/users.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for folder in ["money", "orders", "payments", "users"] {
        println!("cargo::rerun-if-changed={folder}");
    }
    let descriptors = protox::compile(CONTRACTS, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let mut config = prost_build::Config::new();
    // An event is known by the full name of its message.
    config.enable_type_names();
    tonic_prost_build::configure().compile_fds_with_config(descriptors, config)?;
    Ok(())
}
