#![no_main]

#[path = "../../tests/it/garbled.rs"]
mod garbled;

libfuzzer_sys::fuzz_target!(|data: &[u8]| garbled::provider(data));
