//! What stays at a provider after a grant's end, and what owners do about it.

pub mod delete;
pub mod take;
