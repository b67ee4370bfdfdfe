//! The sandbox against plain clients: real HTTP and real sockets.

mod aws;
mod bot;
mod contracts;
mod discord;
mod faults;
mod openrouter;
mod runpod;
mod slack;
