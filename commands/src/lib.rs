//! The language of Slice: every command as one value, from which parsing, help, forms, both platforms' manifests and the role checks follow.

mod all;
mod announce;
mod args;
pub mod discord;
pub mod export;
mod filled;
mod forms;
mod grammar;
mod meant;
mod offers;
mod param;
mod people;
mod reader;
pub mod slack;
mod words;

mod adopt;
mod allocate;
mod approve;
mod ask;
mod audit;
mod budget;
mod cap;
mod dashboard;
mod deny;
mod digest;

mod extend;
pub mod help;
pub mod home;
mod keep;
mod keys;

mod link;
mod members;
mod provision;
mod reveal;
mod revoke;
mod roles;
mod rotate;
mod settings;
mod settle;
mod topup;
mod transfer;
mod trim;
pub mod vault;
mod withdraw;

pub use all::ALL;
pub use args::{Args, Flag, GroupMention, Kind, Shape, Value};
pub use filled::filled;
pub use grammar::{Call, Command, MakeForm, Parsed, Run, View, parse};
pub use param::{Param, Read};
