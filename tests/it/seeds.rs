//! Plays the fuzz targets' seeds: what they begin with, and what once broke something.

use crate::{garbled, strangers};
use std::{fs, path::Path};

pub const ALL: &[(&str, fn())] = &[
    ("seeds::command_line", || {
        plays("command_line", strangers::command_line);
    }),
    ("seeds::slack", || plays("slack", strangers::slack)),
    ("seeds::discord", || plays("discord", strangers::discord)),
    ("seeds::provider", || plays("provider", garbled::provider)),
];

fn plays(target: &str, play: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let files = fs::read_dir(folder).expect("the target has seeds");
    let mut played = 0;
    for file in files {
        let path = file.expect("a file").path();
        eprintln!("{}", path.display());
        play(&fs::read(path).expect("a seed"));
        played += 1;
    }
    assert!(0 < played, "{target} has seeds");
}
