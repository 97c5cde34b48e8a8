//! `GET /api/admin/batches/windows`

use chrono::{DateTime, Utc};
use domain::{Limit, Schedule};
use poem_openapi::{Object, OpenApi, param::Query, payload::Json};

use super::{batch_limits::BatchLimit, batch_schedule::ScheduleKind};
use crate::{
    app::TheApp,
    auth::AsAdmin,
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_QUERY},
};

fn default_count() -> u16 {
    12
}

/// When batches leave, how much may leave at once, and the next windows.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct BatchRules {
    /// How windows come about.
    kind: ScheduleKind,
    /// Whether an admin has set it; `false`: the installation's settings (`BATCH_WINDOW`) are in force.
    set_by_people: bool,
    /// Minutes between two windows, where they come at intervals.
    every_minutes: Option<u32>,
    /// The moment that intervals are counted from; absent where it is each local midnight.
    anchor: Option<DateTime<Utc>>,
    /// The calendar's local times of day.
    times: Option<Vec<String>>,
    /// The calendar's days of the week: 1 is Monday, 7 is Sunday.
    days: Option<Vec<u8>>,
    /// The time zone of the times, the days and the holidays.
    time_zone: Option<String>,
    /// Days without windows.
    holidays: Option<Vec<String>>,
    /// How much may leave in one batch; no entry: as much as there is.
    batch_limits: Vec<BatchLimit>,
    /// How much may leave on one day.
    day_limits: Vec<BatchLimit>,
    /// Where days begin, for the limits of a day.
    limits_time_zone: String,
    /// Who changed any of this last: `admin:<name>`.
    changed_by: Option<String>,
    /// When (UTC).
    changed_at: Option<DateTime<Utc>>,
    /// The next windows (UTC); empty where payouts are instant.
    windows: Vec<DateTime<Utc>>,
}

pub(crate) struct ListWindows;

impl Refuses for ListWindows {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListWindows {
    /// When batches leave
    ///
    /// The schedule in force, the limits, and the next windows. A paused system has windows too: their batches take nothing.
    #[oai(path = "/api/admin/batches/windows", method = "get", operation_id = "listWindows")]
    async fn list(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// How many windows.
        #[oai(default = "default_count", validator(minimum(value = "1"), maximum(value = "100")))]
        count: Query<u16>,
    ) -> Result<Json<BatchRules>, Refused<Self>> {
        Ok(Json(in_force(&app, count.0).await?))
    }
}

/// What is in force now, with so many windows.
pub(super) async fn in_force(app: &crate::app::App, count: u16) -> store::Result<BatchRules> {
    let rules = store::batches::rules::get(&app.pool).await?;
    let set_by_people = rules.schedule.is_some();
    let schedule = rules.schedule.unwrap_or_else(|| app.schedule_of_settings());
    let windows = schedule.next(app.now(), count.into());
    let (changed_by, changed_at) = rules.changed.unzip();
    let limits = |limits: &[Limit]| limits.iter().map(BatchLimit::from).collect();
    let mut shown = BatchRules {
        kind: ScheduleKind::from(&schedule),
        set_by_people,
        every_minutes: None,
        anchor: None,
        times: None,
        days: None,
        time_zone: None,
        holidays: None,
        batch_limits: limits(&rules.limits.batch),
        day_limits: limits(&rules.limits.day),
        limits_time_zone: rules.limits.zone.name().to_owned(),
        changed_by,
        changed_at,
        windows,
    };
    match schedule {
        Schedule::Instant => {}
        Schedule::Aligned { every_seconds, zone } => {
            shown.every_minutes =
                every_seconds.checked_div(60).and_then(|minutes| u32::try_from(minutes).ok());
            shown.time_zone = Some(zone.name().to_owned());
        }
        Schedule::Interval { every_minutes, anchor } => {
            shown.every_minutes = Some(every_minutes);
            shown.anchor = Some(anchor);
        }
        Schedule::Calendar(calendar) => {
            shown.times = Some(calendar.times.iter().map(|time| time.format("%H:%M").to_string()).collect());
            shown.days = Some(calendar.days);
            shown.time_zone = Some(calendar.zone.name().to_owned());
            shown.holidays = Some(calendar.holidays.iter().map(ToString::to_string).collect());
        }
    }
    Ok(shown)
}
