//! Conversations between people and a minimal bot on Discord.

mod answers;
mod client;
