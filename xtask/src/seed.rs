//! A few providers, bank accounts and earnings for a new stack, pushed through the API as a marketplace would.
//!
//! Idempotent by external id: seeding twice changes nothing. The accounts resolve at the simulator, which invents a holder.

use anyhow::Result;

use crate::marketplace::{Marketplace, NewPerson, email_of};
use crate::naira::Naira;
use crate::stack::settings::Surroundings;

/// Someone to try the API as.
#[derive(Clone, Debug)]
pub struct SeededProvider {
    pub name: &'static str,
    pub email: String,
    pub token: String,
    pub bank_account: String,
    /// What is known about them.
    pub who: &'static str,
    pub available: Naira,
}

/// Someone to be seeded.
struct Planned {
    external_id: &'static str,
    name: &'static str,
    who: &'static str,
    verified: bool,
    bank_code: &'static str,
    account_number: &'static str,
    /// Of each earning, oldest first.
    earned: &'static [(i64, &'static str)],
}

const PLANNED: [Planned; 4] = [
    Planned {
        external_id: "provider-amina",
        name: "Amina Yusuf",
        who: "verified; three approved payouts from now on make her trusted",
        verified: true,
        bank_code: "058",
        account_number: "0123456789",
        earned: &[(45_000, "Wedding photography"), (30_000, "Portraits"), (120_000, "Product shoot")],
    },
    Planned {
        external_id: "provider-chidi",
        name: "Chidi Okonkwo",
        who: "verified, with a large balance: above ₦50,000 an admin decides",
        verified: true,
        bank_code: "044",
        account_number: "0690000040",
        earned: &[(850_000, "Kitchen renovation"), (400_000, "Roof repair")],
    },
    Planned {
        external_id: "provider-bisi",
        name: "Bisi Adewale",
        who: "not verified: an admin decides every payout",
        verified: false,
        bank_code: "011",
        account_number: "3012345678",
        earned: &[(18_500, "Braiding"), (7_250, "Home visit")],
    },
    Planned {
        external_id: "provider-tunde",
        name: "Tunde Bakare",
        who: "new, nothing earned yet: every request is refused",
        verified: false,
        bank_code: "033",
        account_number: "2098765432",
        earned: &[],
    },
];

pub fn seed(around: &Surroundings) -> Result<Vec<SeededProvider>> {
    let marketplace = Marketplace::new(around)?;
    PLANNED.iter().map(|planned| push(&marketplace, planned)).collect()
}

fn push(marketplace: &Marketplace, planned: &Planned) -> Result<SeededProvider> {
    let Planned { external_id, name, verified, .. } = *planned;
    let new = NewPerson { external_id, name, verified };
    let person = marketplace.person(new, planned.bank_code, planned.account_number)?;
    for (number, (amount, for_what)) in planned.earned.iter().enumerate() {
        let earning = format!("{external_id}-{number}");
        marketplace.earning(&earning, external_id, Naira::whole(*amount), for_what)?;
    }
    let available = person.balance()?.available;
    Ok(SeededProvider {
        name,
        email: email_of(external_id),
        token: person.token,
        bank_account: person.bank_account,
        who: planned.who,
        available,
    })
}
