//! `POST /api/webhooks/flutterwave/payout_status`
//!
//! Guarantee: what is answered 200 is in the inbox. A webhook is a hint; nothing in it moves a payout, it only makes us look.

use bytes::Bytes;
use gateway::webhook::{SIGNATURE_HEADER, parse, verify};
use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, OpenApi,
    registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, MetaSecurityScheme, Registry},
};
use std::sync::Arc;
use store::inbox::Disposition;

use crate::{
    app::{App, TheApp},
    document::Tag,
    limits::MAX_BODY_BYTES,
    problem::{Code, Problem},
    refused::{Refused, Refuses},
};

/// The raw bytes of a webhook that carries our secret. Nothing is read of one that does not.
struct SignedBody(Bytes);

impl<'a> ApiExtractor<'a> for SignedBody {
    const TYPES: &'static [ApiExtractorType] =
        &[ApiExtractorType::RequestObject, ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let scheme = MetaSecurityScheme {
            ty: "apiKey",
            description: Some("The secret hash of Flutterwave's dashboard, as it is."),
            name: Some(SIGNATURE_HEADER),
            key_in: Some("header"),
            scheme: None,
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        };
        registry.create_security_scheme("flutterwave", scheme);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["flutterwave"]
    }

    fn request_meta() -> Option<MetaRequest> {
        let any = MetaSchema {
            description: Some("Whatever Flutterwave sends; kept as it came."),
            ..MetaSchema::new("object")
        };
        let content = vec![MetaMediaType {
            content_type: "application/json",
            schema: MetaSchemaRef::Inline(Box::new(any)),
        }];
        Some(MetaRequest { description: Some("The event, at most 64 KiB."), content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let app = request
            .data::<Arc<App>>()
            .ok_or_else(|| Problem::new(Code::InternalError, "The server is not set up."))?;
        let header = request.headers().get(SIGNATURE_HEADER).map(poem::http::HeaderValue::as_bytes);
        verify(header, app.webhook_secret.expose()).map_err(|_| {
            tracing::warn!("a webhook without our secret was refused");
            Problem::new(Code::WebhookUnsigned, "The verif-hash header is missing or wrong.")
        })?;
        Ok(Self(body.take()?.into_bytes_limit(MAX_BODY_BYTES).await?))
    }
}

#[derive(ApiResponse)]
enum Answer {
    /// It is kept. Also for events nobody knows and for the same event again.
    #[oai(status = 200)]
    Kept,
}

pub(crate) struct FlutterwaveWebhook;

impl Refuses for FlutterwaveWebhook {
    const CODES: &'static [&'static [Code]] =
        &[&[Code::WebhookUnsigned, Code::BodyTooLarge, Code::MalformedJson]];
}

#[OpenApi(tag = "Tag::Webhooks")]
impl FlutterwaveWebhook {
    /// Hear from Flutterwave about a transfer
    ///
    /// Keeps the event and makes us ask Flutterwave about the transfer it names; the event itself is not believed. The same event
    /// again, one for a transfer we do not know and one that cannot be read are kept and answered 200 as well: 200 means "kept",
    /// nothing else.
    #[oai(
        path = "/api/webhooks/flutterwave/payout_status",
        method = "post",
        operation_id = "receiveFlutterwaveWebhook"
    )]
    async fn receive(&self, app: TheApp<'_>, body: SignedBody) -> Result<Answer, Refused<Self>> {
        let reference = parse(&body.0).ok().and_then(|hint| hint.reference);
        match store::inbox::receive(&app.pool, &body.0, reference.as_ref(), app.now()).await? {
            Disposition::Woken { payout } => {
                tracing::info!(payout.id = %payout, "webhook for payout {payout} received");
            }
            Disposition::Finished { payout } => {
                tracing::warn!(payout.id = %payout, "webhook for payout {payout}, which has ended, received");
            }
            Disposition::Unknown => tracing::warn!("webhook for an unknown reference received and kept"),
            Disposition::Unreadable => tracing::warn!("webhook without a reference received and kept"),
            Disposition::Again => tracing::debug!("the same webhook came again"),
        }
        Ok(Answer::Kept)
    }
}
