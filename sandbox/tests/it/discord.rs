//! Conversations between people and a minimal bot on Discord.

mod answers;
mod client;
mod delivery;
mod gateway;
mod guilds;
mod lines;
mod messages;
mod refusals;
