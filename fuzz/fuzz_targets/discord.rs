#![no_main]

#[path = "../../tests/it/loopback.rs"]
mod loopback;
#[path = "../../tests/it/strangers.rs"]
#[allow(dead_code, reason = "each target is one of its functions")]
mod strangers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| strangers::discord(data));
