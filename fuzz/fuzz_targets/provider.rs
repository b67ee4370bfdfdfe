#![no_main]

#[path = "../../tests/it/loopback.rs"]
mod loopback;
#[path = "../../tests/it/garbled.rs"]
mod garbled;

libfuzzer_sys::fuzz_target!(|data: &[u8]| garbled::provider(data));
