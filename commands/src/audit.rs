//! The audit trail's commands.

pub mod download;
pub mod show;
