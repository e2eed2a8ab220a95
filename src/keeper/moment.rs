//! A moment in UTC, as records and names carry it.

use jiff::Timestamp;

/// Now, to the second.
pub(super) fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default()
}

/// `2026-11-25T15:22:06Z`
pub(super) fn rfc3339(moment: Timestamp) -> String {
    moment.to_string()
}

/// `20261125-152206`
pub(super) fn compact(moment: Timestamp) -> String {
    moment.to_string().replace(['-', ':', 'Z'], "").replace('T', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_what_date_says() {
        let moment = Timestamp::from_second(1_764_084_126).unwrap();
        assert_eq!(rfc3339(moment), "2025-11-25T15:22:06Z");
        assert_eq!(compact(moment), "20251125-152206");
        assert_eq!(now().subsec_nanosecond(), 0);
    }
}
