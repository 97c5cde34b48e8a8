//! What a provider can do. Every operation works on the provider of the token and nobody else: the id is never an argument.

mod add_bank_account;
mod another_account;
mod balance;
mod banks;
mod cancel_payout;
mod earnings;
mod get_payout;
mod list_bank_accounts;
mod list_payouts;
mod notification_settings;
mod notifications;
mod push_subscriptions;
mod quote_payout;
mod read_notifications;
mod remove_bank_account;
mod request_payout;
mod resolve_account;
mod statement;
mod stream;

pub(crate) type ProviderApi = (
    request_payout::RequestPayout,
    quote_payout::QuotePayout,
    list_payouts::ListPayouts,
    get_payout::GetPayout,
    cancel_payout::CancelPayout,
    another_account::GiveAnotherAccount,
    Money,
    list_bank_accounts::ListBankAccounts,
    add_bank_account::AddBankAccount,
    remove_bank_account::RemoveBankAccount,
    resolve_account::ResolveAccount,
    banks::ListBanks,
    notifications::ListNotifications,
    read_notifications::ReadNotifications,
    stream::StreamOwn,
    ProviderWishes,
);

/// What they have, had and earned.
type Money = (balance::GetBalance, statement::GetStatement, earnings::ListEarnings);

type ProviderWishes = (
    notification_settings::GetNotificationSettings,
    notification_settings::SetNotificationSettings,
    push_subscriptions::SubscribeToPush,
);

pub(crate) fn api() -> ProviderApi {
    (
        request_payout::RequestPayout,
        quote_payout::QuotePayout,
        list_payouts::ListPayouts,
        get_payout::GetPayout,
        cancel_payout::CancelPayout,
        another_account::GiveAnotherAccount,
        (balance::GetBalance, statement::GetStatement, earnings::ListEarnings),
        list_bank_accounts::ListBankAccounts,
        add_bank_account::AddBankAccount,
        remove_bank_account::RemoveBankAccount,
        resolve_account::ResolveAccount,
        banks::ListBanks,
        notifications::ListNotifications,
        read_notifications::ReadNotifications,
        stream::StreamOwn,
        (
            notification_settings::GetNotificationSettings,
            notification_settings::SetNotificationSettings,
            push_subscriptions::SubscribeToPush,
        ),
    )
}
