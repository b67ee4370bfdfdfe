//! Where everything on a chart stands, in whole pixels. Nothing is drawn here.

use super::font::{Font, Style, Weight};
use slice_core::{
    chart::{Chart, Whose},
    money::Money,
};

pub const WIDTH: i32 = 1_000;
pub const HEIGHT: i32 = 560;
const MARGIN: i32 = 32;
/// The column with the parts' names and sums.
const LEGEND_WIDTH: i32 = 280;
const LEGEND_ROW: i32 = 36;
const SWATCH: i32 = 16;
const PLOT_TOP: i32 = 128;
const PLOT_BOTTOM: i32 = HEIGHT - 92;
/// Space between things that must be told apart.
const GAP: i32 = 10;
/// Space between labels of one axis.
const LABEL_GAP: i32 = 14;
const DASH: i32 = 10;
const DASH_GAP: i32 = 6;
const DASH_HEIGHT: i32 = 3;
/// Paper around each dash, so that it stands out from the bars as well.
const HALO: i32 = 2;

const TITLE: Style = Style {
    weight: Weight::Bold,
    size: 30,
};
const TEXT: Style = Style {
    weight: Weight::Regular,
    size: 21,
};
const SMALL: Style = Style {
    weight: Weight::Regular,
    size: 18,
};

/// What a thing is coloured as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Paper,
    Text,
    Faint,
    Grid,
    Pace,
    /// The part with this number, from 0.
    Part(usize),
    Others,
}

/// An area of the picture; y grows downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

impl Area {
    pub fn right(self) -> i32 {
        self.x + self.width
    }

    pub fn bottom(self) -> i32 {
        self.y + self.height
    }
}

/// A text and the box that it takes.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub text: String,
    pub style: Style,
    pub ink: Ink,
    pub area: Area,
    /// The line on which its letters stand.
    pub baseline: i32,
}

/// A chart, laid out. Later things stand over earlier ones.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub grid: Vec<Area>,
    pub bars: Vec<(Area, Ink)>,
    pub dashes: Vec<Area>,
    /// What lies under the dashes.
    pub halos: Vec<Area>,
    pub swatches: Vec<(Area, Ink)>,
    pub labels: Vec<Label>,
}

/// What the layout is made with.
struct Draft<'a> {
    chart: &'a Chart,
    font: &'a Font,
    /// The amount at the top of the plot, and between two lines of its grid.
    top: Money,
    step: Money,
    plot: Area,
    layout: Layout,
}

impl Layout {
    /// `names`: what stands beside each part's colour.
    pub fn of(chart: &Chart, names: &[String], font: &Font) -> Self {
        let (top, step) = axis(chart);
        let mut draft = Draft {
            chart,
            font,
            top,
            step,
            plot: Area {
                x: MARGIN,
                y: PLOT_TOP,
                width: WIDTH - 2 * MARGIN - LEGEND_WIDTH - MARGIN,
                height: PLOT_BOTTOM - PLOT_TOP,
            },
            layout: Self::default(),
        };
        draft.heading();
        draft.grid();
        draft.bars();
        draft.pace();
        draft.days();
        draft.legend(names);
        draft.footer();
        draft.layout
    }
}

impl Draft<'_> {
    /// Puts a text with its left upper corner there, cut to the room it has.
    fn write(&mut self, text: &str, (style, ink): (Style, Ink), (x, y): (i32, i32), room: i32) {
        let text = self.font.fitted(text, style, room);
        if text.is_empty() {
            return;
        }
        let (ascent, descent) = (self.font.ascent(style), self.font.descent(style));
        let area = Area {
            x,
            y,
            width: self.font.width(&text, style),
            height: ascent + descent,
        };
        self.layout.labels.push(Label {
            text,
            style,
            ink,
            area,
            baseline: y + ascent,
        });
    }

    fn line(&self, style: Style) -> i32 {
        self.font.ascent(style) + self.font.descent(style)
    }

    fn heading(&mut self) {
        let room = WIDTH - 2 * MARGIN;
        let title = self.chart.title.clone();
        self.write(&title, (TITLE, Ink::Text), (MARGIN, MARGIN - 8), room);
        let y = MARGIN - 8 + self.line(TITLE) + 4;
        let said = self.summary();
        self.write(&said, (TEXT, Ink::Faint), (MARGIN, y), room);
    }

    fn summary(&self) -> String {
        let chart = self.chart;
        let (first, last) = (chart.first.short(), chart.last().short());
        let most = chart.highest().map_or_else(String::new, |(most, day)| {
            let (most, day) = (most.up_to_cents(), day.short());
            format!(" · most on {day}: {most}")
        });
        let sum = chart.sum().up_to_cents();
        format!("{first} to {last} · {sum} spent{most}")
    }

    /// The amounts at the left, and their lines.
    fn grid(&mut self) {
        let mut amounts = vec![];
        let mut amount = Money::ZERO;
        while amount <= self.top {
            amounts.push(amount);
            amount = amount + self.step;
        }
        let said = amounts.iter().map(|amount| match *amount {
            Money::ZERO => "$0".to_owned(),
            amount => amount.brief(),
        });
        let said: Vec<_> = said.collect();
        let widths = said.iter().map(|said| self.font.width(said, SMALL));
        let widest = widths.max().unwrap_or(0);
        self.plot.x = MARGIN + widest + GAP;
        self.plot.width -= widest + GAP;
        let half = self.line(SMALL) / 2;
        for (amount, said) in amounts.into_iter().zip(said) {
            let y = self.y(amount);
            let x = self.plot.x - GAP - self.font.width(&said, SMALL);
            self.write(&said, (SMALL, Ink::Faint), (x, y - half), widest);
            let (x, width) = (self.plot.x, self.plot.width);
            self.layout.grid.push(Area {
                x,
                y,
                width,
                height: 1,
            });
        }
    }

    /// The pixel at which an amount ends. The only place where money becomes pixels.
    fn y(&self, amount: Money) -> i32 {
        let (amount, top) = (i128::from(amount.micros()), i128::from(self.top.micros()));
        let height = i128::from(self.plot.height);
        let up = (amount * height + top / 2).div_euclid(top.max(1));
        self.plot.bottom() - i32::try_from(up.clamp(0, height)).unwrap_or(0)
    }

    /// Where a day's column begins.
    fn x(&self, day: usize) -> i32 {
        let days = i64::try_from(self.chart.days.max(1)).unwrap_or(i64::MAX);
        let day = i64::try_from(day).unwrap_or(days).min(days);
        let along = i64::from(self.plot.width) * day / days;
        self.plot.x + i32::try_from(along).unwrap_or(0)
    }

    fn bars(&mut self) {
        for day in 0..self.chart.days {
            let (left, right) = (self.x(day), self.x(day + 1));
            let gap = (right - left) / 5;
            let (x, width) = (left + gap / 2, (right - left - gap).max(1));
            let mut below = Money::ZERO;
            for (at, part) in self.chart.parts.iter().enumerate() {
                let amount = part.daily.get(day).copied().unwrap_or_default().or_zero();
                let (bottom, top) = (self.y(below), self.y(below + amount));
                below = below + amount;
                if amount.is_zero() || bottom <= top {
                    continue;
                }
                // A hair of paper tells parts apart for who does not see their colours.
                let hair = i32::from(3 < bottom - top);
                let area = Area {
                    x,
                    y: top + hair,
                    width,
                    height: bottom - top - hair,
                };
                self.layout.bars.push((area, ink(at, &part.whose)));
            }
            if !below.is_zero() && self.y(below) == self.plot.bottom() {
                // Too little for a pixel is still not nothing.
                let (y, height) = (self.plot.bottom() - 1, 1);
                let area = Area {
                    x,
                    y,
                    width,
                    height,
                };
                self.layout.bars.push((area, Ink::Faint));
            }
        }
    }

    fn pace(&mut self) {
        let pace = self.chart.pace().filter(|pace| *pace <= self.top);
        let Some(y) = pace.map(|pace| self.y(pace)) else {
            return;
        };
        self.dashes(self.plot.x, self.plot.right(), y - 1);
    }

    fn dashes(&mut self, mut x: i32, end: i32, y: i32) {
        while x < end {
            let dash = Area {
                x,
                y,
                width: DASH.min(end - x),
                height: DASH_HEIGHT,
            };
            self.layout.dashes.push(dash);
            self.layout.halos.push(Area {
                y: y - HALO,
                height: DASH_HEIGHT + 2 * HALO,
                ..dash
            });
            x += DASH + DASH_GAP;
        }
    }

    /// As many days as have room, in equal steps from the first.
    fn days(&mut self) {
        let days = self.chart.days;
        let said: Vec<_> = (0..days)
            .map(|day| self.chart.first.plus(day as u64).short())
            .collect();
        let widths = said.iter().map(|said| self.font.width(said, SMALL));
        let widest = widths.max().unwrap_or(0) + LABEL_GAP;
        let fits = |step: &usize| widest <= self.x(*step) - self.x(0);
        let step = (1..days).find(fits).unwrap_or(days.max(1));
        let y = self.plot.bottom() + GAP;
        for day in (0..days).step_by(step) {
            let width = self.font.width(&said[day], SMALL);
            let middle = i32::midpoint(self.x(day), self.x(day + 1));
            let x = (middle - width / 2).clamp(self.plot.x - GAP, WIDTH - width);
            self.write(&said[day], (SMALL, Ink::Faint), (x, y), width);
        }
    }

    fn legend(&mut self, names: &[String]) {
        let x = WIDTH - MARGIN - LEGEND_WIDTH;
        let mut y = PLOT_TOP - 8;
        let chart = self.chart;
        for (at, (part, name)) in chart.parts.iter().zip(names).enumerate() {
            self.swatch((x, y), ink(at, &part.whose));
            let sum = part.sum().up_to_cents().to_string();
            self.row((x, y), name, &sum);
            y += LEGEND_ROW;
        }
        if chart.parts.is_empty() {
            let nothing = ("Nothing was spent yet.", (TEXT, Ink::Faint));
            self.write(nothing.0, nothing.1, (x, y), LEGEND_WIDTH);
            y += LEGEND_ROW;
        }
        let Some(pace) = chart.pace() else {
            return;
        };
        let middle = y + self.line(TEXT) / 2;
        self.dashes(x, x + DASH * 2 + DASH_GAP, middle - 1);
        let said = format!("{} a day", pace.up_to_cents());
        let x = x + GAP;
        self.row((x, y), "Pace", &said);
        let whole = chart.budget.unwrap_or_default().up_to_cents();
        let shown = if pace <= self.top {
            format!("of {whole} a month")
        } else {
            "above this chart".to_owned()
        };
        let (x, room) = (x + SWATCH + GAP, LEGEND_WIDTH - SWATCH - 2 * GAP);
        let y = y + self.line(TEXT) + 2;
        self.write(&shown, (SMALL, Ink::Faint), (x, y), room);
    }

    fn swatch(&mut self, (x, y): (i32, i32), ink: Ink) {
        let y = y + (self.line(TEXT) - SWATCH) / 2;
        let (width, height) = (SWATCH, SWATCH);
        let area = Area {
            x,
            y,
            width,
            height,
        };
        self.layout.swatches.push((area, ink));
    }

    /// A name with an amount at the right edge.
    fn row(&mut self, (x, y): (i32, i32), name: &str, amount: &str) {
        let left = x + SWATCH + GAP;
        let amount = self.font.fitted(amount, TEXT, WIDTH - MARGIN - left);
        let width = self.font.width(&amount, TEXT);
        let right = WIDTH - MARGIN - width;
        self.write(&amount, (TEXT, Ink::Text), (right, y), width);
        self.write(name, (TEXT, Ink::Text), (left, y), right - GAP - left);
    }

    fn footer(&mut self) {
        let y = HEIGHT - MARGIN - self.line(SMALL) / 2;
        let footer = self.chart.footer.clone();
        let room = WIDTH - 2 * MARGIN;
        self.write(&footer, (SMALL, Ink::Faint), (MARGIN, y), room);
    }
}

fn ink(at: usize, whose: &Whose) -> Ink {
    match whose {
        Whose::Others(_) => Ink::Others,
        Whose::Member(_) | Whose::Service(_) => Ink::Part(at),
    }
}

/// The amount at the top, and the round step of the grid: 1, 2, 2.5 or 5 with zeros. A pace far above
/// all spending would press the bars flat, so it is only told then.
fn axis(chart: &Chart) -> (Money, Money) {
    const LINES: i64 = 5;
    const CENT: i64 = 10_000;
    let highest = chart.highest().map_or(0, |(highest, _)| highest.micros());
    let pace = chart.pace().map_or(0, Money::micros);
    let shown = if highest == 0 || pace <= highest.saturating_mul(3) {
        pace.max(highest)
    } else {
        highest
    };
    let mut ten = CENT;
    let step = loop {
        let round = [ten, 2 * ten, ten / 10 * 25, 5 * ten];
        let fits = |step: &i64| shown <= step.saturating_mul(LINES);
        if let Some(step) = round.into_iter().find(fits) {
            break step;
        }
        // The largest step that there is room for.
        match ten.checked_mul(10).filter(|ten| *ten <= i64::MAX / 50) {
            Some(more) => ten = more,
            None => break i64::MAX / LINES,
        }
    };
    let lines = (shown.saturating_add(step - 1) / step).clamp(1, LINES);
    let step = Money::from_micros(step);
    (
        Money::from_micros(step.micros().saturating_mul(lines)),
        step,
    )
}
