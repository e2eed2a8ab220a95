//! A moment in UTC, as records and names carry it.

use jiff::Timestamp;

/// Now, to the millisecond.
pub(super) fn now() -> Timestamp {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap_or_default()
}

/// `2026-11-25T15:22:06Z`
pub(super) fn rfc3339(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `20261125-152206`, and the milliseconds.
pub(super) fn compact(moment: Timestamp) -> (String, u32) {
    let millisecond = moment.subsec_nanosecond().unsigned_abs() / 1_000_000;
    (moment.strftime("%Y%m%d-%H%M%S").to_string(), millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_what_date_says() {
        let moment = Timestamp::from_millisecond(1_764_084_126_042).unwrap();
        assert_eq!(rfc3339(moment), "2025-11-25T15:22:06Z");
        assert_eq!(compact(moment), ("20251125-152206".to_owned(), 42));
        assert_eq!(now().subsec_nanosecond() % 1_000_000, 0);
    }
}
