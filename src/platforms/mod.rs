//! Chat platforms: each speaks its own wire protocol and hands people's words to the edge.

pub mod discord;
mod replays;
pub mod slack;
mod text;
