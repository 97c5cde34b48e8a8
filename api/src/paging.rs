//! Lists: newest first, a page at a time, from a cursor that only this server reads.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromParameter, ParseResult, ToJSON, Type},
};
use serde_json::Value;
use uuid::Uuid;

/// Fits a screen.
pub(crate) const DEFAULT_LIMIT: u16 = 20;

pub(crate) fn default_limit() -> u16 {
    DEFAULT_LIMIT
}

/// Where the previous page ended. Opaque: it stays valid, but what is in it is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor(pub Uuid);

/// So that a later kind of cursor is told apart from this one.
const KIND: u8 = 1;

impl Cursor {
    pub(crate) fn encode(self) -> String {
        let mut bytes = vec![KIND];
        bytes.extend_from_slice(self.0.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (kind, id) = bytes.split_first()?;
        (*kind == KIND).then(|| Uuid::from_slice(id).ok().map(Self))?
    }
}

/// A place in a list that can be read both ways: the page after it, or the page before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    pub id: Uuid,
    /// Towards the beginning of the list.
    pub back: bool,
}

const BACK_KIND: u8 = 4;

impl Turn {
    pub(crate) fn encode(self) -> String {
        let mut bytes = vec![if self.back { BACK_KIND } else { KIND }];
        bytes.extend_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (kind, id) = bytes.split_first()?;
        let back = match *kind {
            KIND => false,
            BACK_KIND => true,
            _ => return None,
        };
        Uuid::from_slice(id).ok().map(|id| Self { id, back })
    }
}

/// A page, and where the pages beside it are.
pub(crate) struct Sheet<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
    pub previous_cursor: Option<String>,
}

/// Cuts what was fetched, nearest to `from` first, to the page in the list's own order.
pub(crate) fn sheet<T>(
    mut rows: Vec<T>,
    limit: u16,
    from: Option<Turn>,
    id: impl Fn(&T) -> Uuid,
) -> Sheet<T> {
    let more = rows.len() > usize::from(limit);
    rows.truncate(usize::from(limit));
    let back = from.is_some_and(|from| from.back);
    if back {
        rows.reverse();
    }
    // Where one came from there is a page: the row that the cursor names is on it.
    let (after, before) = if back { (true, more) } else { (more, from.is_some()) };
    let turn = |row: Option<&T>, back: bool| row.map(|row| Turn { id: id(row), back }.encode());
    let next_cursor = turn(rows.last().filter(|_| after), false);
    let previous_cursor = turn(rows.first().filter(|_| before), true);
    Sheet { items: rows, next_cursor, previous_cursor }
}

/// The same for a list in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimedCursor {
    pub time: DateTime<Utc>,
    pub id: Uuid,
}

const TIMED_KIND: u8 = 2;

impl TimedCursor {
    pub(crate) fn encode(self) -> String {
        let mut bytes = vec![TIMED_KIND];
        bytes.extend_from_slice(&self.time.timestamp_micros().to_be_bytes());
        bytes.extend_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (kind, rest) = bytes.split_first()?;
        let (time, id) = rest.split_first_chunk()?;
        let time = DateTime::from_timestamp_micros(i64::from_be_bytes(*time))?;
        (*kind == TIMED_KIND).then(|| Uuid::from_slice(id).ok().map(|id| Self { time, id }))?
    }
}

/// The same for a list in the order of a number that counts up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumberCursor(pub i64);

const NUMBER_KIND: u8 = 3;

impl NumberCursor {
    pub(crate) fn encode(self) -> String {
        let mut bytes = vec![NUMBER_KIND];
        bytes.extend_from_slice(&self.0.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (kind, number) = bytes.split_first()?;
        (*kind == NUMBER_KIND).then(|| number.try_into().ok().map(i64::from_be_bytes).map(Self))?
    }
}

/// How many rows to fetch for a page of `limit`: one more tells whether there is a next page.
pub(crate) fn fetch(limit: u16) -> i64 {
    i64::from(limit).saturating_add(1)
}

/// Cuts what was fetched to the page, and says where the next one starts.
pub(crate) fn cut<T>(mut rows: Vec<T>, limit: u16, id: impl Fn(&T) -> Uuid) -> (Vec<T>, Option<String>) {
    let limit = usize::from(limit);
    if rows.len() <= limit {
        return (rows, None);
    }
    rows.truncate(limit);
    let next = rows.last().map(|last| Cursor(id(last)).encode());
    (rows, next)
}

/// The same for [`TimedCursor`].
pub(crate) fn cut_timed<T>(
    mut rows: Vec<T>,
    limit: u16,
    place: impl Fn(&T) -> TimedCursor,
) -> (Vec<T>, Option<String>) {
    let limit = usize::from(limit);
    if rows.len() <= limit {
        return (rows, None);
    }
    rows.truncate(limit);
    let next = rows.last().map(|last| place(last).encode());
    (rows, next)
}

/// The same for [`NumberCursor`].
pub(crate) fn cut_numbered<T>(
    mut rows: Vec<T>,
    limit: u16,
    number: impl Fn(&T) -> i64,
) -> (Vec<T>, Option<String>) {
    let limit = usize::from(limit);
    if rows.len() <= limit {
        return (rows, None);
    }
    rows.truncate(limit);
    let next = rows.last().map(|last| NumberCursor(number(last)).encode());
    (rows, next)
}

macro_rules! parameter {
    ($cursor:ty) => {
        impl Type for $cursor {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                "cursor".into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new(MetaSchema {
                    max_length: Some(64),
                    ..MetaSchema::new("string")
                }))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl ParseFromParameter for $cursor {
            fn parse_from_parameter(value: &str) -> ParseResult<Self> {
                Self::decode(value).ok_or_else(|| ParseError::custom("not a cursor of this list"))
            }
        }

        impl ToJSON for $cursor {
            fn to_json(&self) -> Option<Value> {
                Some(Value::String(self.encode()))
            }
        }
    };
}

parameter!(Cursor);
parameter!(Turn);
parameter!(TimedCursor);
parameter!(NumberCursor);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_cursors_only() {
        let cursor = Cursor(Uuid::now_v7());
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        let timed = TimedCursor { time: DateTime::UNIX_EPOCH, id: cursor.0 };
        assert_eq!(TimedCursor::decode(&timed.encode()), Some(timed));
        assert_eq!((Cursor::decode(&timed.encode()), TimedCursor::decode(&cursor.encode())), (None, None));
        let number = NumberCursor(7);
        assert_eq!(NumberCursor::decode(&number.encode()), Some(number));
        assert_eq!((NumberCursor::decode(&timed.encode()), Cursor::decode(&number.encode())), (None, None));
        for wrong in ["", "x", "AQ", "Ag", "!!!", &Uuid::now_v7().to_string()] {
            assert_eq!((Cursor::decode(wrong), TimedCursor::decode(wrong)), (None, None), "{wrong}");
        }
    }

    #[test]
    fn a_list_is_read_forth_and_back() {
        let all: Vec<Uuid> = (0..5).map(|_| Uuid::now_v7()).collect();
        // What a store answers: at most three, nearest to the place first.
        let fetch = |from: Option<Turn>| -> Vec<Uuid> {
            let place = from.map(|from| all.iter().position(|id| *id == from.id).unwrap());
            match (from, place) {
                (Some(Turn { back: true, .. }), Some(place)) => {
                    all[..place].iter().rev().take(3).copied().collect()
                }
                (_, Some(place)) => all[place + 1..].iter().take(3).copied().collect(),
                (_, None) => all.iter().take(3).copied().collect(),
            }
        };
        let read = |cursor: Option<&str>| {
            let from = cursor.map(|text| Turn::decode(text).unwrap());
            sheet(fetch(from), 2, from, |id| *id)
        };
        let first = read(None);
        assert_eq!((first.items.as_slice(), &first.previous_cursor), (&all[..2], &None));
        let second = read(first.next_cursor.as_deref());
        assert_eq!(second.items, all[2..4]);
        let third = read(second.next_cursor.as_deref());
        assert_eq!((third.items.as_slice(), &third.next_cursor), (&all[4..], &None));
        let back = read(third.previous_cursor.as_deref());
        assert_eq!(back.items, all[2..4]);
        let begin = read(back.previous_cursor.as_deref());
        assert_eq!((begin.items.as_slice(), &begin.previous_cursor), (&all[..2], &None));
        assert_eq!(read(begin.next_cursor.as_deref()).items, all[2..4]);
        assert_eq!(Turn::decode(&TimedCursor { time: DateTime::UNIX_EPOCH, id: all[0] }.encode()), None);
    }

    #[test]
    fn the_extra_row_is_not_shown() {
        let ids: Vec<Uuid> = (0..3).map(|_| Uuid::now_v7()).collect();
        assert_eq!(cut(ids.clone(), 3, |id| *id), (ids.clone(), None));
        let (page, next) = cut(ids.clone(), 2, |id| *id);
        assert_eq!((page.len(), next), (2, Some(Cursor(ids[1]).encode())));
    }
}
