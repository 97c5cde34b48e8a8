//! The statement of the gateway's wallet, as a CSV file that finance downloads from its dashboard.
//!
//! The columns are found by their names in the first line, in any order and case; others are ignored:
//!
//! | column | what is in it |
//! |---|---|
//! | `date` (or `created_at`) | `2026-11-22T10:15:00Z`, or `2026-11-22 11:15:00` on Lagos' clocks |
//! | `type` (or `direction`) | `debit` or `credit` |
//! | `amount` | `1500.00`: digits and a point, nothing else |
//! | `fee` | optional; the same |
//! | `currency` | `NGN` |
//! | `reference` | the transfer's, or that of the bank transfer that funded the wallet |
//! | `balance` (or `balance_after`) | optional; may be negative |
//!
//! Guarantee: a file is read as a whole or not at all, and what is wrong is named by line and column, never by its contents:
//! a statement holds names and account numbers. Cost: one pass. Limits: [`MAX_LINES`] lines; the receiver bounds the bytes.

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};
use domain::{
    Currency, Money, Reference,
    statement::{Direction, StatementLine},
};
use rust_decimal::Decimal;

/// A busy month of one wallet. More is two files.
pub const MAX_LINES: usize = 20_000;
/// Lagos keeps one hour ahead of UTC all year.
const LAGOS_SECONDS_EAST: i32 = 60 * 60;
/// Ours have 42 characters at most; a bank's are shorter than this.
const MAX_REFERENCE_CHARS: usize = 200;

/// The first thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {why}", column.as_ref().map(|column| format!(", column {column}")).unwrap_or_default())]
pub struct BadStatement {
    pub line: u32,
    pub column: Option<String>,
    pub why: String,
}

impl BadStatement {
    fn at(line: u32, column: Option<&str>, why: impl Into<String>) -> Self {
        Self { line, column: column.map(str::to_owned), why: why.into() }
    }
}

/// Reads a statement.
pub fn parse(file: &[u8]) -> Result<Vec<StatementLine>, BadStatement> {
    let text = std::str::from_utf8(file).map_err(|_| BadStatement::at(1, None, "the file is not UTF-8"))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut records = records(text)?.into_iter();
    let Some((_, header)) = records.next() else {
        return Err(BadStatement::at(1, None, "the file is empty"));
    };
    let columns = Columns::find(&header)?;
    let mut lines = vec![];
    for (line, cells) in records {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if cells.len() != header.len() {
            let why = format!("it has {} columns, the header has {}", cells.len(), header.len());
            return Err(BadStatement::at(line, None, why));
        }
        if lines.len() >= MAX_LINES {
            return Err(BadStatement::at(
                line,
                None,
                format!("more than {MAX_LINES} lines: import it in parts"),
            ));
        }
        lines.push(columns.read(line, &cells)?);
    }
    if lines.is_empty() {
        return Err(BadStatement::at(1, None, "there are no lines after the header"));
    }
    Ok(lines)
}

struct Columns {
    date: usize,
    direction: usize,
    amount: usize,
    fee: Option<usize>,
    currency: usize,
    reference: usize,
    balance: Option<usize>,
}

impl Columns {
    fn find(header: &[String]) -> Result<Self, BadStatement> {
        let names: Vec<String> = header.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        let optional = |accepted: &[&str]| {
            let mut found = names.iter().enumerate().filter(|(_, name)| accepted.contains(&name.as_str()));
            match (found.next(), found.next()) {
                (None, _) => Ok(None),
                (Some((index, _)), None) => Ok(Some(index)),
                (Some(_), Some((_, name))) => Err(BadStatement::at(1, Some(name), "is there more than once")),
            }
        };
        let required = |accepted: &[&str]| {
            let name = accepted.first().copied();
            optional(accepted)?.ok_or_else(|| BadStatement::at(1, name, "is missing in the header"))
        };
        Ok(Self {
            date: required(&["date", "created_at"])?,
            direction: required(&["type", "direction"])?,
            amount: required(&["amount"])?,
            fee: optional(&["fee"])?,
            currency: required(&["currency"])?,
            reference: required(&["reference"])?,
            balance: optional(&["balance", "balance_after"])?,
        })
    }

    fn read(&self, line: u32, cells: &[String]) -> Result<StatementLine, BadStatement> {
        let cell = |index: usize| cells.get(index).map(|cell| cell.trim()).unwrap_or_default();
        let wrong = |column: &str, why: &str| BadStatement::at(line, Some(column), why);
        let currency: Currency =
            cell(self.currency).parse().map_err(|_| wrong("currency", "is not a currency of ours"))?;
        let number = |index: usize, column: &str, signed: bool| {
            let text = cell(index);
            decimal(text, signed)
                .and_then(|number| Money::exact(number, currency).ok().map(|_| number))
                .ok_or_else(|| wrong(column, "is not an amount such as 1500.00"))
        };
        let optional = |index: Option<usize>, column: &str, signed: bool| {
            let index = index.filter(|index| !cell(*index).is_empty());
            index.map(|index| number(index, column, signed)).transpose()
        };
        let reference = cell(self.reference);
        if reference.chars().count() > MAX_REFERENCE_CHARS || reference.contains('\0') {
            return Err(wrong("reference", "is no reference"));
        }
        let amount = Money::exact(number(self.amount, "amount", false)?, currency)
            .map_err(|_| wrong("amount", "is not an amount such as 1500.00"))?;
        Ok(StatementLine {
            line,
            at: moment(cell(self.date))
                .ok_or_else(|| wrong("date", "is not a time such as 2026-11-22T10:15:00Z"))?,
            direction: Direction::parse(&cell(self.direction).to_ascii_lowercase())
                .ok_or_else(|| wrong("type", "is neither debit nor credit"))?,
            amount,
            fee: optional(self.fee, "fee", false)?,
            reference: Reference::from_stored(reference),
            balance: optional(self.balance, "balance", true)?,
        })
    }
}

/// Digits and a point: a grouping comma, an exponent or a currency's sign could be read in two ways.
fn decimal(text: &str, signed: bool) -> Option<Decimal> {
    let unsigned = if signed { text.strip_prefix('-').unwrap_or(text) } else { text };
    let plain = unsigned.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let whole = !unsigned.is_empty() && !unsigned.starts_with('.') && !unsigned.ends_with('.');
    (plain && whole).then(|| Decimal::from_str_exact(text).ok())?
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.with_timezone(&Utc));
    }
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?;
    let lagos = FixedOffset::east_opt(LAGOS_SECONDS_EAST)?;
    local.and_local_timezone(lagos).single().map(|moment| moment.with_timezone(&Utc))
}

/// The records of a CSV file (RFC 4180) with the number of the line each begins on.
fn records(text: &str) -> Result<Vec<(u32, Vec<String>)>, BadStatement> {
    let mut records = vec![];
    let mut cells: Vec<String> = vec![];
    let mut cell = String::new();
    let (mut line, mut begins) = (1_u32, 1_u32);
    let (mut quoted, mut was_quoted) = (false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if quoted {
            match c {
                '"' if chars.peek() == Some(&'"') => {
                    chars.next();
                    cell.push('"');
                }
                '"' => quoted = false,
                '\n' => {
                    line = line.saturating_add(1);
                    cell.push('\n');
                }
                other => cell.push(other),
            }
            continue;
        }
        match c {
            '"' if cell.is_empty() && !was_quoted => (quoted, was_quoted) = (true, true),
            '"' => return Err(BadStatement::at(line, None, "a quote stands in the middle of a cell")),
            ',' => {
                cells.push(std::mem::take(&mut cell));
                was_quoted = false;
            }
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                cells.push(std::mem::take(&mut cell));
                was_quoted = false;
                records.push((begins, std::mem::take(&mut cells)));
                line = line.saturating_add(1);
                begins = line;
            }
            _ if was_quoted => {
                return Err(BadStatement::at(line, None, "something follows a cell's closing quote"));
            }
            other => cell.push(other),
        }
    }
    if quoted {
        return Err(BadStatement::at(begins, None, "a quote is not closed"));
    }
    if !cell.is_empty() || !cells.is_empty() || was_quoted {
        cells.push(cell);
        records.push((begins, cells));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Date,Type,Amount,Fee,Currency,Reference,Balance,Remarks";

    fn one(row: &str) -> Result<StatementLine, String> {
        parse(format!("{HEADER}\n{row}\n").as_bytes())
            .map(|mut lines| lines.remove(0))
            .map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn a_line_is_read() {
        let line =
            one(r#"2026-11-22T10:15:00Z,debit,1500.00,10.75,NGN,dev-1,-3.5,"rent, ""March""""#).unwrap();
        assert_eq!((line.line, line.at.to_rfc3339().as_str()), (2, "2026-11-22T10:15:00+00:00"));
        assert_eq!((line.direction, line.amount.to_string().as_str()), (Direction::Debit, "1500.00 NGN"));
        assert_eq!(
            (line.fee.unwrap().to_string(), line.balance.unwrap().to_string()),
            ("10.75".into(), "-3.5".into())
        );
        assert_eq!(line.reference.as_str(), "dev-1");
        let lagos = one("2026-11-22 11:15:00, CREDIT ,0.5,,NGN, x ,,").unwrap();
        assert_eq!((lagos.at, lagos.direction), (line.at, Direction::Credit));
        assert_eq!((lagos.fee, lagos.balance, lagos.reference.as_str()), (None, None, "x"));
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        for (row, said) in [
            ("yesterday,debit,1,,NGN,a,,", "line 2, column date: is not a time such as 2026-11-22T10:15:00Z"),
            ("2026-11-22T10:15:00Z,out,1,,NGN,a,,", "line 2, column type: is neither debit nor credit"),
            (
                "2026-11-22T10:15:00Z,debit,\"1,500\",,NGN,a,,",
                "line 2, column amount: is not an amount such as 1500.00",
            ),
            (
                "2026-11-22T10:15:00Z,debit,-1,,NGN,a,,",
                "line 2, column amount: is not an amount such as 1500.00",
            ),
            (
                "2026-11-22T10:15:00Z,debit,1e3,,NGN,a,,",
                "line 2, column amount: is not an amount such as 1500.00",
            ),
            (
                "2026-11-22T10:15:00Z,debit,0.00001,,NGN,a,,",
                "line 2, column amount: is not an amount such as 1500.00",
            ),
            (
                "2026-11-22T10:15:00Z,debit,1,free,NGN,a,,",
                "line 2, column fee: is not an amount such as 1500.00",
            ),
            ("2026-11-22T10:15:00Z,debit,1,,XXX,a,,", "line 2, column currency: is not a currency of ours"),
            ("2026-11-22T10:15:00Z,debit,1,,NGN,a", "line 2: it has 6 columns, the header has 8"),
            ("\"open", "line 2: a quote is not closed"),
            ("a\"b", "line 2: a quote stands in the middle of a cell"),
            ("\"a\"b", "line 2: something follows a cell's closing quote"),
        ] {
            assert_eq!(one(row).unwrap_err(), said, "{row}");
        }
    }

    #[test]
    fn the_header_is_checked() {
        let said = |file: &str| parse(file.as_bytes()).unwrap_err().to_string();
        assert_eq!(said(""), "line 1: the file is empty");
        assert_eq!(said("date,type\n"), "line 1, column amount: is missing in the header");
        assert_eq!(
            said("date,amount,Amount,type,currency,reference\n"),
            "line 1, column amount: is there more than once"
        );
        assert_eq!(said(&format!("{HEADER}\n\n")), "line 1: there are no lines after the header");
        assert_eq!(parse(&[0xff]).unwrap_err().why, "the file is not UTF-8");
    }

    #[test]
    fn lines_are_counted_as_an_editor_does() {
        let row = "2026-11-22T10:15:00Z,debit,1,,NGN,a,,";
        let file = format!("\u{FEFF}{HEADER}\r\n{row}\"two\nlines\"\r\n\r\n{row}\r\n{row}x,\r\n");
        assert_eq!(parse(file.as_bytes()).unwrap_err().line, 6);
        let file = "created_at,direction,amount,currency,reference\n2026-11-22 10:15:00,debit,1,NGN,a";
        assert_eq!(parse(file.as_bytes()).unwrap().len(), 1);
    }

    #[test]
    fn a_file_has_a_limit() {
        let row = "2026-11-22T10:15:00Z,debit,1,,NGN,a,,\n";
        let file = format!("{HEADER}\n{}", row.repeat(MAX_LINES + 1));
        let wrong = parse(file.as_bytes()).unwrap_err();
        assert_eq!(wrong.line, u32::try_from(MAX_LINES).unwrap() + 2);
    }
}
