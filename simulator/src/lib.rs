//! A faithful Flutterwave v3: its transfers API, wallet, test accounts and webhooks, with faults on demand.
//!
//! Guarantees: amounts are exact decimals throughout; a reference is taken once however many requests race for it;
//! nothing is answered or announced that the journal (if there is one) does not hold, so after SIGKILL the books
//! still witness exactly what money moved.
//! Cost: one listening task, one agenda task, one journal thread; a few megabytes and a kilobyte per transfer.
//! Limits: naira only, bank transfers only, one merchant. What the documentation leaves open is a setting
//! ([`Settings`]), its default the likeliest answer.
//!
//! Architecture invariant: it depends on none of the other crates here. It must not share their mistakes.

mod accounts;
mod agenda;
mod api;
mod banks;
mod books;
mod clock;
mod control;
mod delivery;
mod faults;
mod money;
mod running;
mod server;
mod settings;
mod span;
mod status;
mod webhook;
mod world;

pub use books::{Arrival, LONGEST_TIMELINE, MOST_TRANSFERS, Movement, MovementKind, Verdict, WebhookTry};
pub use clock::FASTEST_CLOCK;
pub use control::{
    ClockView, Control, ControlError, LARGEST_PAGE, PostsView, ReferenceView, TransferPage, TransferView,
    WalletView, WebhookOrder, WebhookSent,
};
pub use faults::{Endpoint, Fault, Final, MOST_FAULTS, Match, Money, Plan, Planted};
pub use running::{Config, DEFAULT_SECRET_KEY, DEFAULT_WALLET, Running, Simulator};
pub use settings::{
    AfterFailed, CallbackUrl, DEFAULT_SETTLE_AFTER, DuplicateStatus, InsufficientFunds, Mode, NotFoundById,
    NotFoundByReference, Random, ReferenceFilter, Settings, WebhookShape,
};
pub use span::Span;
pub use status::Status;
