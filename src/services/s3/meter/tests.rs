//! Nothing is charged twice, nothing is lost, and what is corrected stays so.

use super::*;

const GIB: i64 = 1 << 30;

fn span(now: i64) -> Span<'static> {
    Span {
        bucket: "b",
        region: "us-east-1",
        since: 0,
        stopped: None,
        stores: true,
        now,
        spent: Money::ZERO,
    }
}

fn look(cursor: &Cursor, came: Came, bytes: i64) -> Look {
    let mut listing = cursor.listing();
    listing.bytes = bytes;
    let pages = 1;
    Look {
        listing,
        came,
        pages,
    }
}

/// A reading at which nothing passed.
fn reads(cursor: &Cursor, now: i64, (came, bytes): (Came, i64)) -> (Cursor, Picos) {
    let look = look(cursor, came, bytes);
    let prices = Prices::built_in();
    let spent = cursor.told.map_or(Money::ZERO, Money::from_micros);
    let span = Span { spent, ..span(now) };
    let read = cursor.clone();
    let (read, usage) = read.read(&prices, &span, (&look, &BTreeMap::new()));
    let open = i64::from(read.listing.is_some());
    let picos = read.picos;
    (read, picos.max(open * usage.micros() * 1_000_000))
}

#[test]
fn minutes_are_charged_once_however_often_they_are_read() {
    let prices = Prices::built_in();
    let read = |cursor: Cursor, now: i64, minutes: &BTreeMap<i64, Traffic>| {
        let nothing = look(&cursor, Came::ToItsEnd, 0);
        let spent = cursor.told.map_or(Money::ZERO, Money::from_micros);
        let span = Span { spent, ..span(now) };
        cursor.read(&prices, &span, (&nothing, minutes))
    };
    let down = Traffic {
        bytes_out: GIB,
        ..Traffic::default()
    };
    let mut minutes = BTreeMap::from([(0, down), (60, down)]);
    let (early, first) = read(Cursor::new(0), 300, &minutes);
    assert_eq!(early.settled, 0);
    // One of them is revised.
    minutes.insert(
        60,
        Traffic {
            bytes_out: 2 * GIB,
            ..down
        },
    );
    let (later, second) = read(early, TAIL + 600, &minutes);
    assert_eq!(later.settled, 600);
    let watched = |hours: i64, rounds: i64| prices.metrics(hours) + prices.reads(6 * rounds);
    let cents = |picos: Picos| money(picos);
    assert_eq!(first, cents(watched(1, 1) + 180_000 * 1_000_000));
    let gap = second - cents(watched(4, 2) + 270_000 * 1_000_000);
    assert!(
        Money::ZERO <= gap && gap <= Money::from_micros(2),
        "{gap:?}"
    );
    // Nothing before the settled minute comes again.
    let (_, third) = read(later, TAIL + 600, &BTreeMap::new());
    assert!(second <= third && third - second <= Money::from_micros(61));
}

#[test]
fn storage_is_what_lay_there_at_the_worse_end_of_a_pause() {
    let prices = Prices::built_in();
    let (full, _) = reads(&Cursor::new(0), 3600, (Came::ToItsEnd, 100 * GIB));
    let (empty, _) = reads(&full, 7200, (Came::ToItsEnd, 0));
    let (after, _) = reads(&empty, 10_800, (Came::ToItsEnd, 0));
    let hour = prices.of("us-east-1").storage(100 * GIB, 3600);
    let watched = prices.metrics(1) + prices.reads(6);
    assert_eq!(full.picos, hour + watched + prices.metrics(1));
    assert_eq!(empty.picos, full.picos + hour + watched);
    assert_eq!(after.picos, empty.picos + watched);
}

/// However many readings a listing takes: each charges what is known, and the last one all of it, since
/// the beginning.
#[test]
fn what_takes_several_readings_to_be_listed_is_charged_from_their_beginning_on() {
    let prices = Prices::built_in();
    let storage = |bytes, seconds| prices.of("us-east-1").storage(bytes, seconds);
    let at_once = reads(&Cursor::new(0), 10_800, (Came::ToItsEnd, 100 * GIB)).0;
    let watched = |hours: i64, rounds: i64| prices.metrics(hours) + prices.reads(6) * rounds;
    let (first, known) = reads(&Cursor::new(0), 3600, (Came::PartOfTheWay, 40 * GIB));
    assert_eq!(first.picos, watched(2, 1), "nothing for good");
    let owed = first.picos + storage(40 * GIB, 3600);
    assert!((0..1_000_000).contains(&(known - owed)), "{known} {owed}");
    let (second, known) = reads(&first, 7200, (Came::PartOfTheWay, 70 * GIB));
    let owed = second.picos + storage(70 * GIB, 7200);
    assert!((0..1_000_000).contains(&(known - owed)), "{known} {owed}");
    let kept = serde_json::to_string(&second).expect("JSON");
    let second: Cursor = serde_json::from_str(&kept).expect("a cursor");
    let (whole, _) = reads(&second, 10_800, (Came::ToItsEnd, 100 * GIB));
    assert_eq!((&whole.listing, whole.bytes), (&None, 100 * GIB));
    assert_eq!(whole.picos, at_once.picos + 2 * prices.reads(6));
    // What is still to be found of the next one is not forgotten meanwhile.
    let (next, known) = reads(&whole, 14_400, (Came::PartOfTheWay, GIB));
    let owed = next.picos + storage(100 * GIB, 3600);
    assert!((0..1_000_000).contains(&(known - owed)), "{known} {owed}");
    // The bucket is gone in the middle of that.
    let (gone, _) = reads(&next, 18_000, (Came::Nowhere, GIB));
    assert_eq!((&gone.listing, gone.bytes), (&None, 0));
    let until_then = whole.picos + watched(2, 2) + storage(100 * GIB, 7200);
    assert_eq!(gone.picos, until_then);
}

#[test]
fn a_cursor_of_an_earlier_slice_goes_on() {
    let earlier = r#"{"picos":7,"settled":60,"at":90,"bytes":5,"began":true}"#;
    let cursor: Cursor = serde_json::from_str(earlier).expect("a cursor");
    assert_eq!((cursor.picos, cursor.settled, cursor.bytes), (7, 60, 5));
    assert_eq!(cursor.listing(), Listing::new(90));
}

#[test]
fn looking_at_what_stays_is_charged() {
    let prices = Prices::built_in();
    let cursor = Cursor::new(0);
    let look = look(&cursor, Came::ToItsEnd, 0);
    let region = prices.of("us-east-1");
    let (kept, usage) = cursor.keep(region, (3600, &look), Money::ZERO);
    assert_eq!(kept.picos, region.lists(1));
    assert_eq!(usage, Money::from_micros(5));
    // Of a stopped key too, whose metrics are not read.
    let cursor = Cursor::new(0);
    let stopped = Span {
        stopped: Some(0),
        ..span(3600)
    };
    let (read, _) = cursor.read(&prices, &stopped, (&look, &BTreeMap::new()));
    let watched = prices.metrics(2) + prices.reads(6);
    assert_eq!(read.picos, region.lists(1) + watched);
}

/// What passed last is told while it may still change, and is not forgotten when its key has gone.
#[test]
fn what_passed_last_is_charged_beside_what_stays() {
    let prices = Prices::built_in();
    let region = prices.of("us-east-1");
    let down = Traffic {
        bytes_out: GIB,
        ..Traffic::default()
    };
    let cursor = Cursor::new(0);
    let nothing = look(&cursor, Came::ToItsEnd, 0);
    let minutes = BTreeMap::from([(0, down)]);
    let (cursor, usage) = cursor.read(&prices, &span(300), (&nothing, &minutes));
    let at = 300 + 3600;
    let stays = look(&cursor, Came::ToItsEnd, 1000 * GIB);
    let (cursor, later) = cursor.keep(region, (at, &stays), usage);
    let hour = money(region.storage(1000 * GIB, 3600) + region.lists(1));
    assert!(later - usage - hour <= Money::from_micros(1), "{later}");
    assert!(hour - (later - usage) <= Money::from_micros(1), "{later}");
    assert_eq!(cursor.passing, 0);
}

#[test]
fn what_an_owner_corrected_stays_corrected() {
    let region = Prices::built_in().of("us-east-1");
    let looks = |cursor: Cursor, now: i64, before: Money| {
        let look = look(&cursor, Came::ToItsEnd, 1000 * GIB);
        cursor.keep(region, (now, &look), before)
    };
    let (cursor, usage) = looks(Cursor::new(0), 360_000, Money::ZERO);
    assert!(Money::from_dollars(3) < usage, "{usage}");
    for before in [Money::ZERO, Money::from_dollars(20)] {
        let (later, after) = looks(cursor.clone(), 360_000 + 3600, before);
        let hour = money(region.storage(1000 * GIB, 3600) + region.lists(1));
        let gap = after - before - hour;
        assert!(gap <= Money::from_micros(1), "{gap}");
        assert_eq!(later.told, Some((usage + after - before).micros()));
    }
    let earlier = Cursor {
        told: None,
        ..cursor
    };
    let (_, same) = looks(earlier, 360_000, usage);
    assert!(same - usage <= Money::from_micros(6), "{same}");
}

#[test]
fn a_metric_that_is_not_told_is_no_zero() {
    let said = |status| {
        let result = MetricDataResult::builder().id("all");
        answered(&result.status_code(status).build()).is_ok()
    };
    assert!(said(StatusCode::Complete) && said(StatusCode::PartialData));
    assert!(!said(StatusCode::InternalError) && !said(StatusCode::Forbidden));
}

#[test]
fn a_table_of_ones_own_changes_what_is_charged() {
    let built_in = include_str!("../../../../prices/s3.json");
    let (none, gib) = (BTreeMap::new(), 100 * GIB);
    let charged = |prices: &Prices| {
        let cursor = Cursor::new(0);
        let look = look(&cursor, Came::ToItsEnd, gib);
        let (cursor, _) = cursor.read(prices, &span(3600), (&look, &none));
        let watched = prices.metrics(2) + prices.reads(6);
        cursor.picos - watched
    };
    let usual = charged(&Prices::built_in());
    let own = Prices::parse(&built_in.replace("\"0.023\"", "\"0.046\"")).expect("a table");
    // Each sum is rounded up by itself.
    assert!((2 * usual - charged(&own)).abs() <= 2, "twice as dear");
}

#[test]
fn a_number_too_large_is_as_much_as_can_be() {
    assert_eq!(count(&"12.0"), 12);
    assert_eq!(count(&"1e300"), i64::MAX);
    assert_eq!(count(&"NaN"), i64::MAX);
}
