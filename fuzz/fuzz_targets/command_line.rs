#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::command_line(bytes));
