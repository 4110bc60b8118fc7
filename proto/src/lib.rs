//! The contracts: what the `.proto` files beside this crate's source say, as Rust.

#![expect(clippy::excessive_nesting, clippy::too_many_lines, reason = "what tonic generates is not for reading")]

/// Money, the one shape of it in every contract.
pub mod money {
    pub mod v1 {
        tonic::include_proto!("money.v1");
    }
}

/// The catalogue, the orders, and what happens to them.
pub mod orders {
    pub mod v1 {
        tonic::include_proto!("orders.v1");
    }
}

/// What is paid for orders.
pub mod payments {
    pub mod v1 {
        tonic::include_proto!("payments.v1");
    }
}

/// Accounts and signing in.
pub mod users {
    pub mod v1 {
        tonic::include_proto!("users.v1");
    }
}

/// Every contract with its comments left out, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
