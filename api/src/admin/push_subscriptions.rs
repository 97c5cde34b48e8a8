//! `POST` and `DELETE /api/admin/push-subscriptions`

use poem_openapi::{ApiResponse, OpenApi, payload::Json};
use store::wishes;

use crate::{
    app::TheApp,
    auth::AsAdmin,
    body::Body,
    document::Tag,
    problem::Code,
    refused::{Refused, Refuses, SIGNED_IN, WITH_BODY},
    shapes::push::{BrowserEndpoint, BrowserSubscription, PushKey, Subscribed, checked, public_key},
};

#[derive(ApiResponse)]
enum Forgotten {
    /// Nothing is pushed there any more.
    #[oai(status = 204)]
    Done,
}

pub(crate) struct SubscribeAdminToPush;

impl Refuses for SubscribeAdminToPush {
    const CODES: &'static [&'static [Code]] = &[SIGNED_IN, WITH_BODY, &[Code::PushUnavailable]];
}

#[OpenApi(tag = "Tag::Admin")]
impl SubscribeAdminToPush {
    /// The key to ask for push with
    ///
    /// `applicationServerKey` of the browser's `pushManager.subscribe`.
    #[oai(path = "/api/admin/push-subscriptions/key", method = "get", operation_id = "getAdminPushKey")]
    async fn key(&self, app: TheApp<'_>, _caller: AsAdmin) -> Result<Json<PushKey>, Refused<Self>> {
        Ok(Json(public_key(&app)?))
    }

    /// Push to this browser
    ///
    /// What `pushManager.subscribe` answered. Safe to repeat: a browser is known by its endpoint, and whoever signed in there
    /// last is told. At most ten browsers; the one that asked longest ago makes room.
    #[oai(path = "/api/admin/push-subscriptions", method = "post", operation_id = "subscribeAdminToPush")]
    async fn subscribe(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        body: Body<BrowserSubscription>,
    ) -> Result<Json<Subscribed>, Refused<Self>> {
        let browser = checked(&app, body.0)?;
        let id = wishes::subscribe(&app.pool, caller.0.owner(), &browser, app.now()).await?;
        Ok(Json(Subscribed { id }))
    }

    /// Push to this browser no more
    ///
    /// Safe to repeat.
    #[oai(
        path = "/api/admin/push-subscriptions",
        method = "delete",
        operation_id = "unsubscribeAdminFromPush"
    )]
    async fn unsubscribe(
        &self,
        app: TheApp<'_>,
        caller: AsAdmin,
        body: Body<BrowserEndpoint>,
    ) -> Result<Forgotten, Refused<Self>> {
        wishes::unsubscribe(&app.pool, caller.0.owner(), &body.0).await?;
        Ok(Forgotten::Done)
    }
}
