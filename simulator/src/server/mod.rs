//! Connections: HTTP/1.1 over TCP, and the reset that a fault asks for.
//!
//! Guarantees: a client that goes away does not undo what its request has done (whatever changes the books is
//! done in one step, without waiting); a stop ends every connection.
//! Limits: [`MOST_CONNECTIONS`], further ones wait; request bodies of 1 MiB.

mod answer;
mod request;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

pub(crate) use answer::Answer;
pub(crate) use request::Request;

use crate::world::World;
use crate::{api, control};

/// Beyond a load test's needs, within the usual limit of open files.
const MOST_CONNECTIONS: usize = 900;
/// Answers that are ready when the stop comes still go out; stalls do not.
const STOP_GRACE: Duration = Duration::from_millis(200);
/// After a failed accept (out of file descriptors) the listener rests instead of spinning.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Serves until the stop, then waits for the connections to end.
pub(crate) async fn serve(listener: TcpListener, world: Arc<World>, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    let for_connections = stop.clone();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = stopped(&mut stop) => break,
        };
        if let Some((stream, permit)) = accepted {
            connections.spawn(connection(stream, permit, Arc::clone(&world), for_connections.clone()));
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(ACCEPT_REST).await;
            None
        }
    }
}

async fn connection(
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
    world: Arc<World>,
    mut stop: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot turn off delays");
    }
    let reset = Arc::new(Notify::new());
    let ring = Arc::clone(&reset);
    let service = service_fn(move |request| {
        let (world, reset) = (Arc::clone(&world), Arc::clone(&ring));
        async move {
            let Some(response) = answer(&world, request).await.into_response() else {
                reset.notify_one();
                // The connection is dropped, and this future with it.
                return std::future::pending().await;
            };
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        ended = &mut connection => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
        }
        () = reset.notified() => {
            let stream = connection.into_parts().io.into_inner();
            // With a linger of zero, dropping the socket sends RST instead of FIN.
            if let Err(error) = stream.set_zero_linger() {
                tracing::warn!(%error, "cannot reset a connection, closing it instead");
            }
        }
        () = stopped(&mut stop) => {
            Pin::new(&mut connection).graceful_shutdown();
            // What does not end in time is dropped.
            let _ = tokio::time::timeout(STOP_GRACE, &mut connection).await;
        }
    }
}

/// Ends when the simulator stops, or is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    drop(stop.wait_for(|stop| *stop).await);
}

async fn answer(world: &Arc<World>, request: hyper::Request<hyper::body::Incoming>) -> Answer {
    let request = match Request::read(request).await {
        Ok(request) => request,
        Err(answer) => return answer,
    };
    let segments = request.segments();
    // Boxed, so that a connection is not as large as the largest route.
    let route: Pin<Box<dyn Future<Output = Answer> + Send + '_>> = match segments.as_slice() {
        ["v3", path @ ..] => Box::pin(api::route(world, &request, path)),
        ["_sim", path @ ..] => Box::pin(control::route(world, &request, path)),
        [] => Box::pin(std::future::ready(control::page())),
        _ => Box::pin(std::future::ready(Answer::error(404, "Not found"))),
    };
    route.await
}
