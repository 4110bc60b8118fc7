//! Cargo sees neither a migration that is added nor a changed statement that returns nothing.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=src/outbox/lease.sql");
    println!("cargo::rerun-if-changed=src/outbox/mark.sql");
}
