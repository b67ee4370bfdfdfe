//! The rules of Slice: pure, without input or output. Everything that touches the world is a port in [`ports`].

pub mod action;
pub mod audit;
pub mod books;
pub mod budget;
pub mod calendar;
pub mod chart;
pub mod day;
pub mod desk;
pub mod drift;
pub mod event;
pub mod grant;
pub mod ids;
pub mod inbound;
pub mod install;
pub mod leaving;
pub mod life;
pub mod linking;
pub mod money;
pub mod month;
pub mod page;
pub mod pauses;
pub mod ports;
pub mod presence;
pub mod refusal;
pub mod reply;
pub mod requests;
pub mod role;
pub mod secret;
pub mod sentences;
mod service;
pub mod settings;
pub mod steps;
pub mod time;
pub mod trail;
pub mod vault;

pub use futures::future::BoxFuture;
