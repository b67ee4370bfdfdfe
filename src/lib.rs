//! The bot: everything of Slice that touches the world. The rules are in `slice-core`, the language
//! in `slice-commands`.

pub mod bot;
pub mod chart;
pub mod cli;
pub mod clock;
pub mod config;
pub mod edge;
pub mod http;
pub mod log;
pub mod platforms;
pub mod services;
pub mod store;
mod timetable;
pub mod vault;
pub mod work;
