//! A small fleet with every test run, and what makes its word worth something: nothing goes unprovoked, and a world is its seed.

use simulation::{Plan, Setting, failure, run, sail, seed_of, smallest};

/// A few seconds; `cargo xtask simulate` runs more.
const PAYOUTS: u64 = 20_000;

#[test]
fn twenty_thousand_payouts_end_once_and_everything_was_provoked() {
    let fleet = sail(Plan { payouts: PAYOUTS, seed: 7, threads: 2 });
    if let Some(broken) = &fleet.broken {
        panic!("{}", failure(&smallest(broken.setting), 200));
    }
    assert_eq!(fleet.coverage.missing(fleet.payouts), Vec::<&str>::new());
    assert_eq!(fleet.paid_twice, fleet.found, "what a gateway paid twice is found");
}

#[test]
fn a_world_is_its_seed_on_any_number_of_threads() {
    let [one, four] = [1, 4].map(|threads| sail(Plan { payouts: 500, seed: 3, threads }));
    assert_eq!((one.payouts, one.events, one.postings), (four.payouts, four.events, four.postings));
    assert_eq!(one.ends, four.ends);
    let setting = Setting { traced: true, ..Setting::of(seed_of(3, 5)) };
    assert_eq!(run(setting).trace, run(setting).trace);
}
