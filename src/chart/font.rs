//! The font that charts are written in, which the program brings along. Widths are whole pixels.

use ttf_parser::Face;

/// Which weight of the font.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// A text's size and weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub weight: Weight,
    pub size: i32,
}

pub(super) struct Font {
    regular: Face<'static>,
    bold: Face<'static>,
}

impl Font {
    /// Inter, cut down to Latin, Greek and Cyrillic letters. `None`: the program is broken.
    pub fn inter() -> Option<Self> {
        let regular = Face::parse(include_bytes!("fonts/Inter-Regular.otf"), 0).ok()?;
        let bold = Face::parse(include_bytes!("fonts/Inter-SemiBold.otf"), 0).ok()?;
        Some(Self { regular, bold })
    }

    pub fn face(&self, weight: Weight) -> &Face<'static> {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// Whether the letter can be drawn in the text's weight.
    pub fn has(&self, letter: char) -> bool {
        self.regular.glyph_index(letter).is_some()
    }

    /// How wide the text is, rounded up.
    pub fn width(&self, text: &str, style: Style) -> i32 {
        let face = self.face(style.weight);
        let advance = |letter| {
            let glyph = face.glyph_index(letter).unwrap_or_default();
            i32::from(face.glyph_hor_advance(glyph).unwrap_or(0))
        };
        let units: i32 = text.chars().map(advance).sum();
        rounded_up(units * style.size, i32::from(face.units_per_em()))
    }

    /// From the top of the highest letter down to the line on which letters stand.
    pub fn ascent(&self, style: Style) -> i32 {
        let face = self.face(style.weight);
        rounded_up(
            i32::from(face.ascender()) * style.size,
            i32::from(face.units_per_em()),
        )
    }

    /// From that line down to the end of the lowest letter.
    pub fn descent(&self, style: Style) -> i32 {
        let face = self.face(style.weight);
        rounded_up(
            -i32::from(face.descender()) * style.size,
            i32::from(face.units_per_em()),
        )
    }

    /// As much of the text as fits, with `…` where something is missing.
    pub fn fitted(&self, text: &str, style: Style, room: i32) -> String {
        if self.width(text, style) <= room {
            return text.to_owned();
        }
        let mut letters: Vec<char> = text.chars().collect();
        while letters.pop().is_some() {
            let shorter: String = letters.iter().collect();
            let shorter = format!("{}…", shorter.trim_end());
            if self.width(&shorter, style) <= room {
                return shorter;
            }
        }
        String::new()
    }
}

fn rounded_up(value: i32, by: i32) -> i32 {
    (value + by - 1).div_euclid(by.max(1))
}
