//! Charts of teams that never were: the same seed gives the same team.

use slice_core::{
    chart::{Chart, Part, Whose},
    ids::MemberId,
    money::Money,
};

const SEED: u64 = 0x51_1c_e5;
const DAYS: usize = 28;
const NAMES: [&str; 10] = [
    "Ana",
    "Ben",
    "Chloé",
    "Dmytro",
    "Eleni",
    "Farah",
    "Göran",
    "Hanna Lindqvist-Oyelaran",
    "Iris",
    "João",
];

/// How many members, and the file that shows them.
pub const SHOWN: [(usize, &str); 3] = [
    (1, "docs/charts/1-member.png"),
    (8, "docs/charts/8-members.png"),
    (40, "docs/charts/40-members.png"),
];

/// A month of a team of this size, and what its members are called.
pub fn team(members: usize) -> (Chart, Vec<(MemberId, String)>) {
    let mut chance = Chance(SEED ^ members as u64);
    let people: Vec<_> = (0..members)
        .map(|at| (MemberId::from_random(chance.bytes()), name(at)))
        .collect();
    let parts = people.iter().map(|(member, _)| Part {
        whose: Whose::Member(*member),
        daily: daily(&mut chance),
    });
    let chart = Chart {
        title: "Daily spending".to_owned(),
        first: "2026-10-26".parse().expect("a day"),
        days: DAYS,
        parts: parts.collect(),
        budget: Some(Money::from_dollars(
            i64::try_from(members * 62).expect("a budget"),
        )),
        lasts: 30,
        footer: "As of 23 Nov, 09:00 UTC".to_owned(),
    };
    (chart.gathered(), people)
}

fn name(at: usize) -> String {
    match at / NAMES.len() {
        0 => NAMES[at].to_owned(),
        round => format!("{} {}", NAMES[at % NAMES.len()], round + 1),
    }
}

/// Somebody's month: a usual day, quiet weekends, and now and then a big one.
fn daily(chance: &mut Chance) -> Vec<Money> {
    let usual = 40 + chance.below(280);
    let day = |day: usize| {
        let cents = match (day % 7, chance.below(12)) {
            (5 | 6, 0..9) => 0,
            (_, 11) => usual * 3,
            (_, luck) => usual / 2 + usual * luck / 10,
        };
        Money::from_micros(i64::try_from(cents).expect("an amount") * 10_000)
    };
    (0..DAYS).map(day).collect()
}

/// `SplitMix64`: small, and the same on every machine.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn bytes(&mut self) -> [u8; 16] {
        let (high, low) = (self.next(), self.next());
        (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
    }
}
