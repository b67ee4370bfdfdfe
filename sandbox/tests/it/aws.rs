//! The sandbox's AWS against the official clients.

mod buckets;
mod clients;
mod faults;
mod users;
