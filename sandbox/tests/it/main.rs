//! The sandbox against plain clients: real HTTP and real sockets.

mod bot;
mod contracts;
mod faults;
mod openrouter;
mod slack;
