//! The program `slice`: see `slice help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    slice::cli::run()
}
