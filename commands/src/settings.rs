//! The settings' commands: one shows them all, one per setting changes it.

pub mod change;
pub mod show;
