//! Tokens that are good, and every way in which one is not.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod attacks;
mod fetching;
mod forge;
mod key_ids;
mod our_own;
mod outside;
mod published;
mod remembered;
