//! Compiles the contracts with protox, so that no `protoc` is needed, and keeps their descriptors for reflection.

use std::{env, fs, path::PathBuf};

use prost::Message;

const CONTRACTS: &[&str] =
    &["money/v1/money.proto", "orders/v1/catalog.proto", "orders/v1/orders.proto", "users/v1/users.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for folder in ["money", "orders", "users"] {
        println!("cargo::rerun-if-changed={folder}");
    }
    let descriptors = protox::compile(CONTRACTS, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
