//! Moments as servers write them (RFC 3339, UTC), as milliseconds since 1970.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY_SECONDS: i64 = 86_400;
const MILLIS: i64 = 1_000;

/// The clock of this machine, which the local servers share.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Reads `2026-11-22T19:14:48.123456Z`; nothing for any other form.
pub fn parse(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let in_day = hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?.checked_add(second)?;
    let seconds = days(year, month, day)?.checked_mul(DAY_SECONDS)?.checked_add(in_day)?;
    seconds.checked_mul(MILLIS)?.checked_add(millis)
}

/// Days from 1970-01-01 (Howard Hinnant's `days_from_civil`): years begin in March, so that a leap day comes last.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let month = if month > 2 { month.checked_sub(3)? } else { month.checked_add(9)? };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = month.checked_mul(153)?.checked_add(2)?.div_euclid(5).checked_add(day)?.checked_sub(1)?;
    let leap = of_era.div_euclid(4).checked_sub(of_era.div_euclid(100))?;
    let in_era = of_era.checked_mul(365)?.checked_add(leap)?.checked_add(of_year)?;
    era.checked_mul(146_097)?.checked_add(in_era)?.checked_sub(719_468)
}

/// `0.4 s` for a difference of moments.
pub fn seconds(millis: i64) -> String {
    let tenths = millis.div_euclid(100);
    format!("{}.{} s", tenths.div_euclid(10), tenths.rem_euclid(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_servers_write() {
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
        // date -u -d 2026-11-22T19:14:48 +%s
        assert_eq!(parse("2026-11-22T19:14:48.123456789Z"), Some(1_795_374_888_123));
        assert_eq!(parse("2024-02-29T23:59:59.5Z"), Some(1_709_251_199_500));
        assert_eq!(parse("yesterday"), None);
    }
}
