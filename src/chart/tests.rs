use super::{
    font::{Font, Style, Weight},
    layout::{Area, HEIGHT, Ink, Layout, WIDTH},
    paint::{PAPER, PARTS, rgb},
    *,
};
use slice_core::{chart::Part, ids::ServiceName, money::Money};

fn member(at: usize) -> MemberId {
    MemberId::from_random((at as u128 + 1).to_be_bytes())
}

/// A team of so many, with amounts that no axis likes.
fn team(members: usize, days: usize) -> Chart {
    let amount = |member: usize, day: usize| {
        let cents = (member * 7_919 + day * 104_729) % 4_999;
        Money::from_micros(i64::try_from(cents).expect("an amount") * 10_000)
    };
    let part = |at: usize| Part {
        whose: Whose::Member(member(at)),
        daily: (0..days).map(|day| amount(at, day)).collect(),
    };
    Chart {
        title: "Daily spending".to_owned(),
        first: "2026-10-26".parse().expect("a day"),
        days,
        parts: (0..members).map(part).collect(),
        budget: Some(Money::from_dollars(700)),
        lasts: 30,
        footer: "As of 23 Nov, 09:00 UTC".to_owned(),
    }
}

fn called(members: usize) -> Vec<(MemberId, String)> {
    let name = |at: usize| match at % 3 {
        0 => format!("Maximiliane Featherstonehaugh-Cholmondeley the {at}th of her name"),
        1 => format!("W{}", "W".repeat(at % 60)),
        _ => format!("Ana {at}"),
    };
    (0..members).map(|at| (member(at), name(at))).collect()
}

fn laid_out(chart: &Chart, called: Called<'_>) -> Layout {
    let font = Font::inter().expect("the font opens");
    let chart = chart.clone().gathered();
    let names = labels(&chart, called, |letter| font.has(letter));
    Layout::of(&chart, &names, &font)
}

fn meet(one: Area, other: Area) -> bool {
    one.x < other.right()
        && other.x < one.right()
        && one.y < other.bottom()
        && other.y < one.bottom()
}

fn is_sound(layout: &Layout, what: &str) {
    let labels = &layout.labels;
    for (at, one) in labels.iter().enumerate() {
        let area = one.area;
        let inside = 0 <= area.x && 0 <= area.y && area.right() <= WIDTH && area.bottom() <= HEIGHT;
        assert!(
            inside,
            "{what}: {:?} leaves the picture: {area:?}",
            one.text
        );
        for other in &labels[at + 1..] {
            let (text, more) = (&one.text, &other.text);
            assert!(!meet(area, other.area), "{what}: {text:?} meets {more:?}");
        }
        let drawn = layout.bars.iter().chain(&layout.swatches);
        let drawn = drawn.map(|(area, _)| area).chain(&layout.dashes);
        for thing in drawn {
            assert!(!meet(area, *thing), "{what}: {:?} is drawn over", one.text);
        }
    }
}

#[test]
fn no_label_meets_another_or_is_drawn_over() {
    for members in [0, 1, 2, 8, 9, 40, 2_000] {
        for days in [1, 2, 7, 28, 31, 365] {
            let layout = laid_out(&team(members, days), &called(members));
            is_sound(&layout, &format!("{members} members, {days} days"));
        }
    }
}

#[test]
fn amounts_of_any_size_have_an_axis() {
    let cents = |cents: i64| Money::from_micros(cents * 10_000);
    let amounts = [
        Money::from_micros(1),
        cents(1),
        cents(99),
        cents(12_345),
        Money::from_dollars(999_999_999),
        Money::from_micros(i64::MAX),
    ];
    for spent in amounts {
        for budget in [None, Some(Money::from_micros(30)), Some(spent)] {
            let mut chart = team(3, 28);
            chart.budget = budget;
            for day in chart.parts.iter_mut().flat_map(|part| &mut part.daily) {
                *day = spent;
            }
            let layout = laid_out(&chart, &called(3));
            is_sound(&layout, &format!("{spent} a day, {budget:?}"));
            assert!(!layout.bars.is_empty(), "{spent} is not nothing");
        }
    }
}

/// The stack of a day is as high as the day's sum, whatever it is made of.
#[test]
fn a_stack_is_as_high_as_its_sum() {
    let tops = |layout: &Layout| {
        let tops = layout.bars.iter().map(|(area, _)| (area.x, area.y));
        let mut highest = std::collections::BTreeMap::new();
        for (x, y) in tops {
            let top = highest.entry(x).or_insert(y);
            *top = y.min(*top);
        }
        highest
    };
    let many = team(40, 28);
    let daily = (0..28).map(|day| many.parts.iter().map(|part| part.daily[day]).sum());
    let one = Chart {
        parts: vec![Part {
            whose: Whose::Service(ServiceName::new("s")),
            daily: daily.collect(),
        }],
        ..many.clone()
    };
    assert_eq!(
        tops(&laid_out(&many, &[])),
        tops(&laid_out(&one, &[])),
        "40 parts and one of the same sum"
    );
}

/// WCAG's contrast of two colours, from 1 to 21.
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let light = |rgb: [u8; 3]| {
        let linear = rgb.map(|part| match f64::from(part) / 255.0 {
            low if low <= 0.04045 => low / 12.92,
            high => ((high + 0.055) / 1.055).powf(2.4),
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05
    };
    let (one, other) = (light(one), light(other));
    one.max(other) / one.min(other)
}

#[test]
fn everything_stands_out_from_the_paper() {
    for ink in [Ink::Text, Ink::Faint, Ink::Pace] {
        assert!(4.5 <= contrast(rgb(ink), PAPER), "{ink:?}");
    }
    for (at, part) in PARTS.into_iter().enumerate() {
        assert!(3.0 <= contrast(part, PAPER), "part {at}");
        assert!(
            !PARTS[..at].contains(&part),
            "part {at} has a colour of its own"
        );
    }
    assert!(3.0 <= contrast(rgb(Ink::Others), PAPER));
    assert_eq!(PARTS.len(), Chart::PARTS_MAX);
}

/// Names are others' text: nothing of them leaves its line, hides or turns what stands beside it.
#[test]
fn names_are_only_letters_on_a_chart() {
    let chart = team(4, 7);
    let called = [
        (
            member(0),
            "Eve\n\u{202e}$0.00\u{200b}  <!channel>\u{7}".to_owned(),
        ),
        (member(1), "\u{1f680}".to_owned()),
        (member(2), "x".repeat(10_000)),
    ];
    let font = Font::inter().expect("the font opens");
    let names = labels(&chart, &called, |letter| font.has(letter));
    assert_eq!(names[0], "Eve $0.00 <!channel>");
    assert_eq!(names[1], "Member 2", "nothing of it can be drawn");
    assert_eq!(names[2], "x".repeat(NAME_MAX));
    assert_eq!(names[3], "Member 4", "nobody knows who it is");
    let style = Style {
        weight: Weight::Regular,
        size: 20,
    };
    assert!(font.width(&names[2], style) > font.width("x", style));
    is_sound(&laid_out(&chart, &called), "hostile names");
    draw(&chart, &called).expect("a picture");
}

#[test]
fn the_same_chart_is_the_same_picture() {
    let (chart, called) = (team(2_000, 28), called(2_000));
    let png = draw(&chart, &called).expect("a picture");
    assert!(png.starts_with(b"\x89PNG\r\n"));
    assert!(png.len() < 100_000, "{} bytes", png.len());
    assert_eq!(png, draw(&chart, &called).expect("a picture"));
    let alt = alt(&chart, &called);
    assert!(alt.chars().count() <= ALT_MAX + 1);
    assert!(alt.contains("1993 others"), "{alt}");
}
