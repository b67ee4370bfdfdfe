//! Draws the three charts that the README shows: `cargo run --example charts`.

mod seeded;

use std::{fs, path::Path};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (members, file) in seeded::SHOWN {
        let (chart, called) = seeded::team(members);
        let png = slice::chart::draw(&chart, &called).map_err(|why| why.to_string())?;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, &png)?;
        println!(
            "{file}: {} bytes. {}",
            png.len(),
            slice::chart::alt(&chart, &called)
        );
    }
    Ok(())
}
