//! The rules, one row per case.

use super::*;

#[test]
fn the_default_verdict_refuses() {
    assert_eq!(Verdict::default().outcome, Outcome::Refuse);
    assert_eq!(join([]).outcome, Outcome::Refuse);
}
