//! Who owns an account: the documented test accounts, and an invented owner for every other.
//!
//! Guarantee: the same bank and number always name the same owner, in every run and release.

use crate::faults::random::{mix, stable_hash};

/// The names of test accounts that samples and the testing page show. <https://developer.flutterwave.com/v3.0.0/docs/testing>
const TEST_ACCOUNTS: [(&str, &str); 3] =
    [("0690000032", "Pastor Bright"), ("0690000036", "Bode George"), ("0690000040", "Alexis Sanchez")];
const TEST_BANK: &str = "044";

const GIVEN_NAMES: [&str; 24] = [
    "Adaeze",
    "Aisha",
    "Amina",
    "Ayodele",
    "Babatunde",
    "Chiamaka",
    "Chinedu",
    "Damilola",
    "Ebuka",
    "Efe",
    "Emeka",
    "Folake",
    "Ibrahim",
    "Ifeoma",
    "Kelechi",
    "Musa",
    "Ngozi",
    "Obinna",
    "Olumide",
    "Segun",
    "Temitope",
    "Uche",
    "Yetunde",
    "Zainab",
];

const FAMILY_NAMES: [&str; 24] = [
    "Abubakar", "Adebayo", "Adeyemi", "Afolabi", "Balogun", "Bello", "Danjuma", "Ekwueme", "Eze", "Ibekwe",
    "Idowu", "Igwe", "Lawal", "Mohammed", "Nnamdi", "Nwosu", "Obi", "Ogunleye", "Okafor", "Okonkwo",
    "Olawale", "Onyeka", "Osagie", "Yakubu",
];

pub(crate) fn owner(bank_code: &str, account_number: &str) -> String {
    if bank_code == TEST_BANK
        && let Some((_, name)) = TEST_ACCOUNTS.iter().find(|(number, _)| *number == account_number)
    {
        return (*name).to_owned();
    }
    let first = mix(stable_hash(format!("{bank_code}/{account_number}").as_bytes()));
    let second = mix(first);
    let third = mix(second);
    let given = pick(&GIVEN_NAMES, first);
    let family = pick(&FAMILY_NAMES, second);
    let middle = pick(&GIVEN_NAMES, third);
    if middle == given { format!("{given} {family}") } else { format!("{given} {middle} {family}") }
}

fn pick(names: &[&'static str], number: u64) -> &'static str {
    let count = u64::try_from(names.len()).unwrap_or(1);
    let index = number.checked_rem(count).and_then(|index| usize::try_from(index).ok()).unwrap_or_default();
    names.get(index).copied().unwrap_or("Ada")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_stable_and_depends_on_bank_and_number() {
        assert_eq!(owner("044", "0690000032"), "Pastor Bright");
        assert_ne!(owner("058", "0690000032"), "Pastor Bright");
        assert_eq!(owner("058", "0123456789"), owner("058", "0123456789"));
        let names: std::collections::BTreeSet<_> =
            (0..200).map(|n| owner("058", &format!("{n:010}"))).collect();
        assert!(names.len() > 150, "{} names", names.len());
    }
}
