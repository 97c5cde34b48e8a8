//! `GET /api/provider/statements/{month}`

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use domain::{Money, calendar::Month};
use poem::{Body, IntoResponse, Request, Response, http::header};
use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi, ResponseContent,
    param::{Path, Query},
    payload::{Json, Payload},
    registry::{MetaSchema, MetaSchemaRef},
};
use store::provider_statements::{Kind, Line, MAX_LINES, Made, Statement};
use uuid::Uuid;

use crate::{
    app::{App, TheApp},
    auth::AsProvider,
    csv::cell,
    document::Tag,
    money::Amount,
    pdf::{Font, HEIGHT, Pdf},
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID, WITH_QUERY},
    shapes::Currency,
};

/// How to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum StatementFormat {
    Json,
    Csv,
    Pdf,
}

/// What changed the balance.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct StatementLine {
    /// When it was booked (UTC).
    at: DateTime<Utc>,
    /// `earned`, `adjusted` (a correction), `paid`, `returned` (the bank gave a payout back), `overpaid` (owed back) or `refunded`
    /// (a payout was not made: what had been set aside is free again, the balance is the same).
    kind: String,
    /// The payout it is about.
    payout_id: Option<Uuid>,
    /// The earning it is about.
    earning_id: Option<Uuid>,
    /// What it changes the balance by.
    amount: Amount,
    /// The balance after it.
    balance: Amount,
    /// With `refunded`: how much is free again.
    freed: Option<Amount>,
}

/// One month of a provider's account. The balance is what the marketplace owes: available and reserved, less debt.
#[derive(Debug, Object)]
struct MonthlyStatement {
    /// The month, as `2026-11`.
    month: String,
    /// Its first moment (UTC).
    from: DateTime<Utc>,
    /// The next month's first moment.
    to: DateTime<Utc>,
    /// The time zone in which the month is counted (IANA).
    time_zone: String,
    /// Whether the month is over; a statement of the current one still grows.
    complete: bool,
    /// ISO 4217.
    currency: String,
    /// What was owed when the month began: the closing balance of the month before.
    opening: Amount,
    /// Earnings.
    earned: Amount,
    /// Corrections of earnings, up and down.
    adjusted: Amount,
    /// Payouts that arrived; below zero.
    paid: Amount,
    /// Transfer fees that the provider bears. None: the marketplace bears them.
    fees: Amount,
    /// Payouts that the bank gave back.
    returned: Amount,
    /// What was paid too much and is owed back; below zero.
    overpaid: Amount,
    /// What was owed when the month ended: `opening` and all of the above.
    closing: Amount,
    /// Of that: what could be asked for.
    available: Amount,
    /// Of that: what was set aside for payouts under way.
    reserved: Amount,
    /// Taken off that: what the provider owes.
    debt: Amount,
    /// Everything that changed the balance, oldest first.
    lines: Vec<StatementLine>,
}

#[derive(ResponseContent)]
#[expect(clippy::large_enum_variant, reason = "made once per request and written out at once")]
enum Content {
    #[oai(content_type = "application/json")]
    Statement(Json<MonthlyStatement>),
    #[oai(content_type = "text/csv")]
    Csv(File<AsCsv>),
    #[oai(content_type = "application/pdf")]
    Pdf(File<AsPdf>),
}

#[derive(ApiResponse)]
enum Answer {
    /// The statement.
    #[oai(status = 200)]
    Made(Content),
}

pub(crate) struct GetStatement;

impl Refuses for GetStatement {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_QUERY, &[Code::StatementTooLong]];
}

#[OpenApi(tag = "Tag::Provider")]
impl GetStatement {
    /// Your statement of a month
    ///
    /// From the ledger: what you were owed when the month began, everything that changed it, and what you were owed when it ended.
    /// A month opens with what the month before closed with. As JSON, as CSV or as PDF: by `format`, or by what `Accept` names
    /// first. A month that has not begun is a 404.
    #[oai(path = "/api/provider/statements/:month", method = "get", operation_id = "getMonthlyStatement")]
    async fn statement(
        &self,
        app: TheApp<'_>,
        caller: AsProvider,
        request: &Request,
        /// The month, as `2026-11`, in the installation's time zone.
        month: Path<String>,
        /// The currency.
        #[oai(default = "naira")]
        currency: Query<Currency>,
        /// `json`, `csv` or `pdf`. Default: what `Accept` names first, else `json`.
        format: Query<Option<StatementFormat>>,
    ) -> Result<Answer, Refused<Self>> {
        let month: Month = month.0.parse().map_err(|_| Problem::not_found())?;
        let (from, to) = (month.start(app.zone), month.end(app.zone));
        if from > app.now() {
            return Err(Problem::not_found().into());
        }
        let unknown = || Problem::new(Code::Forbidden, "This token's provider is not known here.");
        let provider = store::providers::get(&app.pool, caller.0).await?.ok_or_else(unknown)?;
        let made = store::provider_statements::make(&app.pool, caller.0, currency.0.into(), from, to).await?;
        let statement = match made {
            Made::Statement(statement) => tell(&app, month, &statement)?,
            Made::TooLong => {
                let detail = format!("This month has more than {MAX_LINES} lines. Read the lists instead.");
                return Err(Problem::new(Code::StatementTooLong, detail).into());
            }
        };
        let name = format!("statement-{month}-{}", statement.currency);
        Ok(Answer::Made(match wanted(format.0, request) {
            StatementFormat::Json => Content::Statement(Json(statement)),
            StatementFormat::Csv => {
                Content::Csv(File::new(format!("{name}.csv"), csv(&statement).into_bytes()))
            }
            StatementFormat::Pdf => {
                let pdf = pdf(&statement, &provider.display_name, app.zone);
                Content::Pdf(File::new(format!("{name}.pdf"), pdf))
            }
        }))
    }
}

fn naira() -> Currency {
    Currency::Ngn
}

fn wanted(format: Option<StatementFormat>, request: &Request) -> StatementFormat {
    let accepted = request.header("accept").unwrap_or_default().trim_start();
    format.unwrap_or_else(|| {
        if accepted.starts_with("text/csv") {
            StatementFormat::Csv
        } else if accepted.starts_with("application/pdf") {
            StatementFormat::Pdf
        } else {
            StatementFormat::Json
        }
    })
}

fn tell(app: &App, month: Month, statement: &Statement) -> Result<MonthlyStatement, Problem> {
    let sum = |kind: Kind| {
        let mut of_kind = statement.lines.iter().filter(|line| line.kind == kind);
        of_kind.try_fold(Money::zero(statement.currency), |sum, line| sum.checked_add(line.amount))
    };
    let total =
        |kind| sum(kind).map(Amount).map_err(|wrong| Problem::from(store::Error::Corrupt(wrong.to_string())));
    let to = month.end(app.zone);
    Ok(MonthlyStatement {
        month: month.to_string(),
        from: month.start(app.zone),
        to,
        time_zone: app.zone.name().to_owned(),
        complete: to <= app.now(),
        currency: statement.currency.code().to_owned(),
        opening: Amount(statement.opening),
        earned: total(Kind::Earned)?,
        adjusted: total(Kind::Adjusted)?,
        paid: total(Kind::Paid)?,
        fees: Amount(Money::zero(statement.currency)),
        returned: total(Kind::Returned)?,
        overpaid: total(Kind::Overpaid)?,
        closing: Amount(statement.closing),
        available: Amount(statement.available),
        reserved: Amount(statement.reserved),
        debt: Amount(statement.debt),
        lines: statement.lines.iter().map(line).collect(),
    })
}

fn line(line: &Line) -> StatementLine {
    StatementLine {
        at: line.at,
        kind: line.kind.as_str().to_owned(),
        payout_id: line.payout.map(domain::PayoutId::uuid),
        earning_id: line.earning.map(domain::EarningId::uuid),
        amount: Amount(line.amount),
        balance: Amount(line.balance),
        freed: line.freed.map(Amount),
    }
}

fn figure(amount: Amount) -> String {
    amount.0.amount().to_string()
}

fn csv(statement: &MonthlyStatement) -> String {
    let mut out = "at,kind,payout_id,earning_id,amount,balance,currency\r\n".to_owned();
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut row = |cells: [String; 6]| {
        let cells: Vec<_> = cells.into_iter().chain([cell(&statement.currency)]).collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    };
    let bound = |at, kind: &str, balance| {
        [time(at), kind.to_owned(), String::new(), String::new(), String::new(), figure(balance)]
    };
    row(bound(statement.from, "opening", statement.opening));
    for line in &statement.lines {
        let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        row([
            time(line.at),
            cell(&line.kind),
            id(line.payout_id),
            id(line.earning_id),
            figure(line.amount),
            figure(line.balance),
        ]);
    }
    row(bound(statement.to, "closing", statement.closing));
    out
}

/// Lines of a page below its head.
const LINES_PER_PAGE: usize = 52;

fn pdf(statement: &MonthlyStatement, provider: &str, zone: Tz) -> Vec<u8> {
    const LEFT: u32 = 50;
    const RIGHT: u32 = 545;
    const SIZE: u32 = 9;
    const LEADING: u32 = 13;
    let mut pdf = Pdf::default();
    let mut rows: Vec<(Font, String, String, String)> = vec![];
    let word = |kind: &str| match kind {
        "earned" => "Earning",
        "adjusted" => "Correction",
        "paid" => "Payout",
        "returned" => "Payout returned by the bank",
        "overpaid" => "Paid too much, owed back",
        "refunded" => "Payout not made, money free again",
        _ => "Other",
    };
    let total = |words: &str, amount| (Font::Plain, words.to_owned(), String::new(), figure(amount));
    rows.push((Font::Bold, "Opening balance".to_owned(), String::new(), figure(statement.opening)));
    rows.push(total("Earnings", statement.earned));
    rows.push(total("Corrections", statement.adjusted));
    rows.push(total("Payouts", statement.paid));
    rows.push(total("Fees borne by you", statement.fees));
    rows.push(total("Payouts returned by the bank", statement.returned));
    rows.push(total("Paid too much, owed back", statement.overpaid));
    rows.push((Font::Bold, "Closing balance".to_owned(), String::new(), figure(statement.closing)));
    rows.push(total("  of which available", statement.available));
    rows.push(total("  of which set aside for payouts", statement.reserved));
    rows.push(total("  less what you owe", statement.debt));
    rows.push((Font::Plain, String::new(), String::new(), String::new()));
    rows.push((Font::Bold, "Date        What".to_owned(), "Amount".to_owned(), "Balance".to_owned()));
    for line in &statement.lines {
        let day = line.at.with_timezone(&zone).format("%Y-%m-%d");
        let words = format!("{day}  {}", word(&line.kind));
        rows.push((Font::Plain, words, figure(line.amount), figure(line.balance)));
    }
    let pages = rows.len().div_ceil(LINES_PER_PAGE);
    for (number, rows) in rows.chunks(LINES_PER_PAGE).enumerate() {
        pdf.page();
        let mut y = HEIGHT.saturating_sub(60);
        pdf.text(LEFT, y, 14, Font::Bold, &format!("Statement {} ({})", statement.month, statement.currency));
        pdf.text_to(RIGHT, y, SIZE, Font::Plain, &format!("Page {} of {pages}", number.saturating_add(1)));
        y = y.saturating_sub(18);
        let mut head = provider.chars().take(60).collect::<String>();
        let _ = write!(head, " - days in {}", statement.time_zone);
        if !statement.complete {
            head.push_str(" - month not over");
        }
        pdf.text(LEFT, y, SIZE, Font::Plain, &head);
        y = y.saturating_sub(24);
        for (font, words, amount, balance) in rows {
            pdf.text(LEFT, y, SIZE, *font, words);
            pdf.text_to(430, y, SIZE, *font, amount);
            pdf.text_to(RIGHT, y, SIZE, *font, balance);
            y = y.saturating_sub(LEADING);
        }
    }
    pdf.into_bytes(&format!("Statement {}", statement.month))
}

/// What kind of file.
trait Format: Send + 'static {
    const CONTENT_TYPE: &'static str;
    const DESCRIPTION: &'static str;
}

struct AsCsv;

impl Format for AsCsv {
    const CONTENT_TYPE: &'static str = "text/csv";
    const DESCRIPTION: &'static str = "The opening balance, one line for each change, and the closing balance, after a line of column names.";
}

struct AsPdf;

impl Format for AsPdf {
    const CONTENT_TYPE: &'static str = "application/pdf";
    const DESCRIPTION: &'static str = "The same on A4 pages; its text can be selected.";
}

/// A file to keep.
struct File<F> {
    name: String,
    bytes: Vec<u8>,
    format: std::marker::PhantomData<F>,
}

impl<F> File<F> {
    fn new(name: String, bytes: Vec<u8>) -> Self {
        Self { name, bytes, format: std::marker::PhantomData }
    }
}

impl<F: Format> Payload for File<F> {
    const CONTENT_TYPE: &'static str = F::CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some(F::DESCRIPTION),
            format: Some("binary"),
            ..MetaSchema::new("string")
        }))
    }
}

impl<F: Format> IntoResponse for File<F> {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type(F::CONTENT_TYPE)
            .header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", self.name))
            .header(header::CACHE_CONTROL, "no-store")
            .body(Body::from(self.bytes))
    }
}
