//! `POST /api/admin/wallet-statements`, `GET /api/admin/wallet-statements` and `GET /api/admin/wallet-statements/{id}`

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::StatementId;
use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, Object, OpenApi,
    error::ContentTypeError,
    param::{Path, Query},
    payload::Json,
    registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry},
};
use store::statements::{self, Imported, MAX_UNMATCHED};
use uuid::Uuid;

use crate::{
    app::TheApp,
    auth::{AsAdmin, AsFinance},
    document::Tag,
    limits::MAX_STATEMENT_BYTES,
    money::Amount,
    paging::{self, Cursor, default_limit},
    problem::{Code, Problem},
    refused::{Refused, Refuses, SIGNED_IN, WITH_ID, WITH_QUERY},
};

/// Lines of a statement that one page shows at most.
const MOST_LINES: u16 = 1000;

const FORMAT: &str = "The statement as CSV in UTF-8, at most 4 MiB and 20,000 lines. The columns are found by their names in the first \
line, in any order: `date` (RFC 3339, or `2026-11-22 11:15:00` on Lagos' clocks), `type` (`debit` or `credit`), `amount` and, \
optional, `fee` (digits and a point, no grouping), `currency`, `reference`, and, optional, `balance`; other columns are ignored.";
const EXAMPLE: &str = "date,type,amount,fee,currency,reference,balance\n\
2026-11-22T10:15:00Z,debit,1500.00,10.75,NGN,dev-0192f0c12a3b7c4d8e5f001122334455-1,98489.25\n\
2026-11-22T12:00:00Z,credit,50000.00,,NGN,bank-transfer-7,148489.25\n";

/// A CSV file.
struct Csv(Bytes);

impl<'a> ApiExtractor<'a> for Csv {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let file = MetaSchema {
            description: Some(FORMAT),
            example: Some(EXAMPLE.into()),
            ..MetaSchema::new("string")
        };
        let content =
            vec![MetaMediaType { content_type: "text/csv", schema: MetaSchemaRef::Inline(Box::new(file)) }];
        Some(MetaRequest { description: Some("The statement, at most 4 MiB."), content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let content_type = request.content_type().ok_or(ContentTypeError::ExpectContentType)?;
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence != "text/csv" {
            let detail = "Send the statement as text/csv.";
            return Err(Problem::new(Code::UnsupportedMediaType, detail).into());
        }
        Ok(Self(body.take()?.into_bytes_limit(MAX_STATEMENT_BYTES).await?))
    }
}

/// An imported statement of the gateway's wallet.
#[derive(Debug, Object)]
#[oai(rename = "WalletStatement")]
struct Statement {
    /// Names the statement.
    id: Uuid,
    /// Who imported it.
    imported_by: String,
    /// When (UTC).
    imported_at: DateTime<Utc>,
    /// The moment of its first line.
    from: DateTime<Utc>,
    /// The moment of its last line.
    to: DateTime<Utc>,
    /// How many lines it has.
    lines: u32,
    /// Of those: they are what we know.
    matched: u32,
    /// Of those: nothing of ours explained them when it was imported. Each is a case.
    unmatched: u32,
    /// Movements of ours in that time that are in no line: transfers, their fees, funding. Each is a case.
    missing: u32,
}

impl From<&statements::Statement> for Statement {
    fn from(statement: &statements::Statement) -> Self {
        Self {
            id: statement.id.uuid(),
            imported_by: statement.imported_by.clone(),
            imported_at: statement.imported_at,
            from: statement.from,
            to: statement.to,
            lines: statement.lines,
            matched: statement.matched,
            unmatched: statement.unmatched,
            missing: statement.missing,
        }
    }
}

/// A line of a statement, and what it is.
#[derive(Debug, Object)]
#[oai(rename = "WalletStatementLine", skip_serializing_if_is_none)]
struct StatementLine {
    /// Its number in the file, where the header is line 1.
    line: u32,
    /// When the wallet booked it.
    at: DateTime<Utc>,
    /// `debit` (out of the wallet) or `credit` (into it).
    #[oai(rename = "type")]
    kind: String,
    /// How much.
    amount: Amount,
    /// The fee in the same line.
    fee: Amount,
    /// As it stands in the file.
    reference: String,
    /// `transfer`, `fee`, `funding`, `reversal` (money that we count as paid came back: a case), `returned` (what had not been
    /// paid came back), `elsewhere` (another installation's), `differs` or `unmatched` (each a case).
    result: String,
    /// The payout that it is about.
    payout_id: Option<Uuid>,
    /// Why it does not match.
    note: Option<String>,
}

impl From<&statements::ReadLine> for StatementLine {
    fn from(line: &statements::ReadLine) -> Self {
        Self {
            line: line.line,
            at: line.at,
            kind: line.direction.as_str().to_owned(),
            amount: Amount(line.amount),
            fee: Amount(line.fee),
            reference: line.reference.clone(),
            result: line.result.as_str().to_owned(),
            payout_id: line.payout.map(domain::PayoutId::uuid),
            note: (!line.note.is_empty()).then(|| line.note.clone()),
        }
    }
}

/// A statement with some of its lines.
#[derive(Debug, Object)]
#[oai(rename = "WalletStatementLines", skip_serializing_if_is_none)]
struct StatementWithLines {
    /// The statement.
    statement: Statement,
    /// Its lines, in order.
    items: Vec<StatementLine>,
    /// Ask with this `after` for the next lines. Absent with the last ones.
    next_after: Option<u32>,
}

/// Statements, newest first.
#[derive(Debug, Object)]
#[oai(rename = "WalletStatements", skip_serializing_if_is_none)]
struct Statements {
    /// This page.
    items: Vec<Statement>,
    /// Ask with this `cursor` for the next page. Absent on the last one.
    next_cursor: Option<String>,
}

#[derive(ApiResponse)]
enum Answer {
    /// It was imported, and every line is matched or a case.
    #[oai(status = 201)]
    Imported(Json<Statement>),
    /// The same file was imported before; nothing was changed.
    #[oai(status = 200)]
    Before(Json<Statement>),
}

pub(crate) struct ImportStatement;

impl Refuses for ImportStatement {
    const CODES: &'static [&'static [Code]] =
        &[SIGNED_IN, &[Code::StatementUnreadable, Code::BodyTooLarge, Code::UnsupportedMediaType]];
}

#[OpenApi(tag = "Tag::Admin")]
impl ImportStatement {
    /// Import a statement of the gateway's wallet
    ///
    /// Finance only. Every line is matched with our transfers, their fees and what finance put in; what does not match is a case, and
    /// so is what should be in the statement and is not. A credit under a transfer that we count as paid opens a case `reversal`:
    /// with this gateway a reversal may show nowhere else. A file with a bad line is refused as a whole and nothing is stored; the
    /// same file again changes nothing.
    #[oai(path = "/api/admin/wallet-statements", method = "post", operation_id = "importWalletStatement")]
    async fn import(&self, app: TheApp<'_>, caller: AsFinance, file: Csv) -> Result<Answer, Refused<Self>> {
        let lines = gateway::statement::parse(&file.0)
            .map_err(|bad| Problem::new(Code::StatementUnreadable, format!("In {bad}.")))?;
        let imported =
            statements::import(&app.pool, &file.0, &lines, &app.prefix, &caller.0, app.now()).await?;
        match imported {
            Imported::New(statement) => Ok(Answer::Imported(Json(Statement::from(&statement)))),
            Imported::Before(statement) => Ok(Answer::Before(Json(Statement::from(&statement)))),
            Imported::NotOurs { unmatched, lines } => {
                let detail = format!(
                    "{unmatched} of {lines} lines are nothing of ours, more than {MAX_UNMATCHED}: this is another wallet's statement."
                );
                Err(Problem::new(Code::StatementUnreadable, detail).into())
            }
        }
    }
}

pub(crate) struct ListStatements;

impl Refuses for ListStatements {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl ListStatements {
    /// Imported statements
    ///
    /// Newest first.
    #[oai(path = "/api/admin/wallet-statements", method = "get", operation_id = "listWalletStatements")]
    async fn list(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// `next_cursor` of the page before.
        cursor: Query<Option<Cursor>>,
        /// How many per page.
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u16>,
    ) -> Result<Json<Statements>, Refused<Self>> {
        let before = cursor.0.map(|cursor| StatementId::from_uuid(cursor.0));
        let rows = statements::list(&app.pool, before, paging::fetch(limit.0)).await?;
        let (rows, next_cursor) = paging::cut(rows, limit.0, |row| row.id.uuid());
        Ok(Json(Statements { items: rows.iter().map(Statement::from).collect(), next_cursor }))
    }
}

fn most_lines() -> u16 {
    MOST_LINES
}

pub(crate) struct GetStatement;

impl Refuses for GetStatement {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_ID, WITH_QUERY];
}

#[OpenApi(tag = "Tag::Admin")]
impl GetStatement {
    /// One statement, line by line
    ///
    /// What each line is of ours, a thousand lines at a time.
    #[oai(path = "/api/admin/wallet-statements/:id", method = "get", operation_id = "getWalletStatement")]
    async fn get(
        &self,
        app: TheApp<'_>,
        _caller: AsAdmin,
        /// The statement.
        id: Path<Uuid>,
        /// Only the lines that do not match.
        #[oai(default)]
        unmatched: Query<bool>,
        /// Lines after this one.
        #[oai(default)]
        after: Query<u32>,
        /// How many lines.
        #[oai(default = "most_lines", validator(minimum(value = "1"), maximum(value = "1000")))]
        limit: Query<u16>,
    ) -> Result<Json<StatementWithLines>, Refused<Self>> {
        let id = StatementId::from_uuid(id.0);
        let statement = statements::get(&app.pool, id).await?.ok_or_else(Problem::not_found)?;
        let fetch = paging::fetch(limit.0);
        let mut rows = statements::lines(&app.pool, id, unmatched.0, after.0, fetch).await?;
        let more = rows.len() > usize::from(limit.0);
        rows.truncate(usize::from(limit.0));
        let next_after = rows.last().filter(|_| more).map(|line| line.line);
        let items = rows.iter().map(StatementLine::from).collect();
        Ok(Json(StatementWithLines { statement: Statement::from(&statement), items, next_after }))
    }
}
