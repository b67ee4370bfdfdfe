//! Puts a layout on paper. It knows pixels and letters, and no money.

use super::{
    font::Font,
    layout::{Area, HEIGHT, Ink, Label, Layout, WIDTH},
};
use tiny_skia::{Color, FillRule, Paint, Path, PathBuilder, Pixmap, Rect, Transform};
use ttf_parser::OutlineBuilder;

/// The background is part of the picture, so that it reads alike in light and in dark clients.
pub(super) const PAPER: [u8; 3] = [0xff, 0xff, 0xff];
/// Told apart by who sees red and green alike, and by their lightness; each stands out from paper.
pub(super) const PARTS: [[u8; 3]; 8] = [
    [0x00, 0x72, 0xb2],
    [0xd5, 0x5e, 0x00],
    [0x00, 0x6d, 0x4f],
    [0xb8, 0x3b, 0x8f],
    [0x33, 0x22, 0x88],
    [0x8a, 0x73, 0x00],
    [0x7f, 0x1d, 0x3a],
    [0x1f, 0x8a, 0x9e],
];

pub(super) fn rgb(ink: Ink) -> [u8; 3] {
    match ink {
        Ink::Paper => PAPER,
        Ink::Text | Ink::Pace => [0x1f, 0x23, 0x28],
        Ink::Faint => [0x57, 0x60, 0x6a],
        Ink::Grid => [0xe3, 0xe6, 0xea],
        Ink::Part(at) => PARTS[at % PARTS.len()],
        Ink::Others => [0x80, 0x86, 0x8d],
    }
}

/// `None`: the library refused a size or a shape.
pub(super) fn png(layout: &Layout, font: &Font) -> Option<Vec<u8>> {
    let size = (u32::try_from(WIDTH).ok()?, u32::try_from(HEIGHT).ok()?);
    let mut paper = Pixmap::new(size.0, size.1)?;
    let [red, green, blue] = rgb(Ink::Paper);
    paper.fill(Color::from_rgba8(red, green, blue, 0xff));
    for area in &layout.grid {
        fill(&mut paper, *area, Ink::Grid)?;
    }
    for (area, ink) in layout.bars.iter().chain(&layout.swatches) {
        fill(&mut paper, *area, *ink)?;
    }
    for area in &layout.halos {
        fill(&mut paper, *area, Ink::Paper)?;
    }
    for area in &layout.dashes {
        fill(&mut paper, *area, Ink::Pace)?;
    }
    for label in &layout.labels {
        write(&mut paper, label, font);
    }
    paper.encode_png().ok()
}

fn paint(ink: Ink) -> Paint<'static> {
    let [red, green, blue] = rgb(ink);
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, 0xff);
    paint
}

fn fill(paper: &mut Pixmap, area: Area, ink: Ink) -> Option<()> {
    let rect = Rect::from_xywh(
        pixels(area.x),
        pixels(area.y),
        pixels(area.width),
        pixels(area.height),
    )?;
    paper.fill_rect(rect, &paint(ink), Transform::identity(), None);
    Some(())
}

fn write(paper: &mut Pixmap, label: &Label, font: &Font) {
    let face = font.face(label.style.weight);
    let scale = pixels(label.style.size) / f32::from(face.units_per_em());
    let mut x = pixels(label.area.x);
    for letter in label.text.chars() {
        let glyph = face.glyph_index(letter).unwrap_or_default();
        let mut outline = Outline(PathBuilder::new());
        face.outline_glyph(glyph, &mut outline);
        if let Some(path) = outline.0.finish() {
            draw(paper, &path, label.ink, (x, pixels(label.baseline), scale));
        }
        x += f32::from(face.glyph_hor_advance(glyph).unwrap_or(0)) * scale;
    }
}

/// A letter's y grows upwards from the line that it stands on.
fn draw(paper: &mut Pixmap, path: &Path, ink: Ink, (x, y, scale): (f32, f32, f32)) {
    let place = Transform::from_row(scale, 0.0, 0.0, -scale, x, y);
    paper.fill_path(path, &paint(ink), FillRule::Winding, place, None);
}

/// A picture is far smaller than what would be rounded here.
#[expect(clippy::cast_precision_loss, reason = "pixels of one picture")]
fn pixels(count: i32) -> f32 {
    count as f32
}

struct Outline(PathBuilder);

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }

    fn quad_to(&mut self, over_x: f32, over_y: f32, x: f32, y: f32) {
        self.0.quad_to(over_x, over_y, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
