//! `PUT /api/admin/batches/schedule`

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use domain::{Calendar, Schedule};
use poem_openapi::{Enum, Object, OpenApi, payload::Json};
use serde_json::Value;

use super::batch_windows::{BatchRules, in_force};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    body::{Body, Fields, FromFields},
    document::Tag,
    problem::{Code, FieldCode, FieldError, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY},
};

/// Windows that the answer lists.
const WINDOWS_SHOWN: u16 = 12;

/// How windows come about: `instant` (every approval starts a batch), `interval` (every so many minutes from an anchor), `calendar`
/// (times of day on days of the week, without holidays), `settings` (as `BATCH_WINDOW` says: counted from each local midnight).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub(super) enum ScheduleKind {
    Instant,
    Interval,
    Calendar,
    Settings,
}

impl From<&Schedule> for ScheduleKind {
    fn from(schedule: &Schedule) -> Self {
        match schedule {
            Schedule::Instant => Self::Instant,
            Schedule::Aligned { .. } => Self::Settings,
            Schedule::Interval { .. } => Self::Interval,
            Schedule::Calendar(_) => Self::Calendar,
        }
    }
}

/// When batches are to leave from now on.
#[derive(Debug, Object)]
pub(super) struct ScheduleOrder {
    /// How windows come about. `settings` takes back what people have set.
    kind: ScheduleKind,
    /// For `interval`: minutes between two windows, 1 to 10080.
    #[oai(validator(minimum(value = "1"), maximum(value = "10080")))]
    every_minutes: Option<u32>,
    /// For `interval`: the moment that windows are counted from, and the first one.
    anchor: Option<DateTime<Utc>>,
    /// For `calendar`: local times of day such as `09:00`; at most 96.
    #[oai(validator(max_items = 96))]
    times: Option<Vec<String>>,
    /// For `calendar`: days of the week, 1 (Monday) to 7 (Sunday).
    #[oai(validator(max_items = 7))]
    days: Option<Vec<u8>>,
    /// For `calendar`: an IANA time zone such as `Africa/Lagos`.
    #[oai(validator(max_length = 100))]
    time_zone: Option<String>,
    /// For `calendar`: days without windows, such as `2026-12-25`; at most 1000.
    #[oai(validator(max_items = 1000))]
    holidays: Option<Vec<String>>,
}

/// `None`: as the installation's settings say.
impl FromFields for ScheduleOrder {
    type Checked = Option<Schedule>;

    fn from_fields(fields: &mut Fields) -> Option<Option<Schedule>> {
        let kind = fields.parsed("kind", FieldCode::InvalidValue, |text| match text {
            "instant" => Ok(ScheduleKind::Instant),
            "interval" => Ok(ScheduleKind::Interval),
            "calendar" => Ok(ScheduleKind::Calendar),
            "settings" => Ok(ScheduleKind::Settings),
            _ => Err("must be instant, interval, calendar or settings".to_owned()),
        });
        let every_minutes = fields.optional("every_minutes", |value| {
            let minutes = value.as_u64().and_then(|minutes| u32::try_from(minutes).ok());
            minutes.ok_or("must be a whole number of minutes")
        });
        let anchor = fields.optional("anchor", |value| {
            let moment = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
            moment
                .and_then(|moment| DateTime::from_timestamp(moment.timestamp(), 0))
                .ok_or("must be an RFC 3339 time such as 2026-11-22T09:00:00Z")
        });
        let times = fields.optional("times", |value| {
            each(value, |item| NaiveTime::parse_from_str(item.as_str()?, "%H:%M").ok())
                .ok_or("must be a list of times such as 09:00")
        });
        let days = fields.optional("days", |value| {
            each(value, |item| u8::try_from(item.as_u64()?).ok())
                .ok_or("must be a list of days, 1 (Monday) to 7 (Sunday)")
        });
        let time_zone = fields.optional("time_zone", |value| {
            let zone = value.as_str().and_then(|name| name.parse::<Tz>().ok());
            zone.ok_or("must be an IANA time zone such as Africa/Lagos")
        });
        let holidays = fields.optional("holidays", |value| {
            each(value, |item| item.as_str()?.parse::<NaiveDate>().ok())
                .ok_or("must be a list of days such as 2026-12-25")
        });
        match kind? {
            ScheduleKind::Instant => Some(Some(Schedule::Instant)),
            ScheduleKind::Settings => Some(None),
            ScheduleKind::Interval => {
                let every_minutes = needed(fields, "every_minutes", every_minutes);
                let anchor = needed(fields, "anchor", anchor);
                Some(Some(Schedule::Interval { every_minutes: every_minutes?, anchor: anchor? }))
            }
            ScheduleKind::Calendar => {
                let times = needed(fields, "times", times);
                let days = needed(fields, "days", days);
                let zone = needed(fields, "time_zone", time_zone);
                let holidays = holidays.unwrap_or_default();
                Some(Some(Schedule::Calendar(Calendar { times: times?, days: days?, zone: zone?, holidays })))
            }
        }
    }
}

fn each<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(read).collect()
}

fn needed<T>(fields: &mut Fields, name: &str, value: Option<T>) -> Option<T> {
    if value.is_none() {
        fields.refuse(name, FieldCode::Required, "is required for this kind");
    }
    value
}

pub(crate) struct SetSchedule;

impl Refuses for SetSchedule {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_BODY];
}

#[OpenApi(tag = "Tag::Admin")]
impl SetSchedule {
    /// Set when batches leave
    ///
    /// In force at once, in every process: windows before this moment are not made up for. A local time that a clock change skips is
    /// the first moment after it; one that comes twice is the first of the two. The whole schedule is replaced. It is kept in the
    /// audit trail.
    #[oai(path = "/api/admin/batches/schedule", method = "put", operation_id = "setBatchSchedule")]
    async fn set(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        body: Body<ScheduleOrder>,
    ) -> Result<Json<BatchRules>, Refused<Self>> {
        let now = app.now();
        let checked = body.0.map(|schedule| schedule.checked(now)).transpose();
        let schedule = checked.map_err(|wrong| {
            Problem::invalid(vec![FieldError::new("kind", FieldCode::InvalidValue, wrong.to_string())])
        })?;
        store::batches::rules::set_schedule(&app.pool, schedule.as_ref(), &caller.0, now).await?;
        Ok(Json(in_force(&app, WINDOWS_SHOWN).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{assert_reads_what_is_documented, parse};

    #[test]
    fn reads_what_is_documented() {
        assert_reads_what_is_documented::<ScheduleOrder>();
    }

    #[test]
    fn each_kind_needs_its_own_fields() {
        let read = |body: &str| parse::<ScheduleOrder>(body.as_bytes());
        assert_eq!(read(r#"{"kind":"settings"}"#).unwrap(), None);
        assert_eq!(read(r#"{"kind":"instant"}"#).unwrap(), Some(Schedule::Instant));
        assert!(read(r#"{"kind":"interval","every_minutes":30,"anchor":"2026-11-22T00:00:00Z"}"#).is_ok());
        let calendar = r#"{"kind":"calendar","times":["09:00"],"days":[1],"time_zone":"Africa/Lagos","holidays":["2026-12-25"]}"#;
        assert!(read(calendar).is_ok());
        for (body, wrong) in [
            (r#"{"kind":"interval"}"#, vec!["every_minutes", "anchor"]),
            (r#"{"kind":"interval","every_minutes":-1,"anchor":"now"}"#, vec!["every_minutes", "anchor"]),
            (
                r#"{"kind":"calendar","times":["9"],"days":["mon"],"time_zone":"Mars"}"#,
                vec!["times", "days", "time_zone"],
            ),
        ] {
            let problem = read(body).unwrap_err();
            for field in wrong {
                assert!(problem.errors().iter().any(|error| error.field == field), "{field} in {body}");
            }
        }
    }
}
