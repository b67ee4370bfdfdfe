//! Chat platforms: each speaks its own wire protocol and hands people's words to the edge.

pub mod discord;
pub mod slack;
mod text;
