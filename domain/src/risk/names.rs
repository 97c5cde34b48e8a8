//! Whether the name on an account is the provider's.
//!
//! Banks write names as they please: `OBI, ADAEZE CHIOMA (MRS)` is `Adaeze Obi`. Names are compared as sets of words. Before
//! that: letters lose their marks (`Ṣọlá` is `sola`) and their case; an apostrophe inside a word is dropped (`O'Neil` is
//! `oneil`) and every other sign separates words; titles and forms of companies are left out.
//!
//! * [`NameMatch::Same`]: the same words in any order, or the same letters written together (`Oluwa Seun`, `Oluwaseun`).
//! * [`NameMatch::Similar`]: every word of the shorter name has a word of its own in the longer one: the same, or an initial of
//!   it. At least one whole word must be the same.
//! * [`NameMatch::Differs`]: anything else; spelling is not guessed at. So is a name in which no word is left.

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// How two names compare. What was compared is not kept: facts are stored, and names are personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameMatch {
    Differs,
    Similar,
    Same,
}

/// Names have fewer words; what comes after is not looked at.
const MAX_WORDS: usize = 16;

/// In front of or behind a name, and no part of it.
const LEFT_OUT: [&str; 26] = [
    "mr",
    "mrs",
    "ms",
    "miss",
    "dr",
    "prof",
    "chief",
    "alhaji",
    "alhaja",
    "engr",
    "barr",
    "rev",
    "pastor",
    "sir",
    "hajia",
    "mallam",
    "ltd",
    "limited",
    "plc",
    "inc",
    "llc",
    "nig",
    "nigeria",
    "co",
    "company",
    "enterprises",
];

pub fn compare_names(one: &str, other: &str) -> NameMatch {
    let (one, other) = (words(one), words(other));
    if one.is_empty() || other.is_empty() {
        return NameMatch::Differs;
    }
    let (short, mut long) =
        if one.len() <= other.len() { (&one, other.clone()) } else { (&other, one.clone()) };
    let mut unmet: Vec<&String> = vec![];
    for word in short {
        match long.iter().position(|candidate| candidate == word) {
            Some(at) => drop(long.swap_remove(at)),
            None => unmet.push(word),
        }
    }
    if unmet.is_empty() && long.is_empty() || one.concat() == other.concat() {
        return NameMatch::Same;
    }
    let whole_words = short.iter().filter(|word| !is_initial(word)).count();
    let whole_unmet = unmet.iter().filter(|word| !is_initial(word)).count();
    let met_whole = whole_words > whole_unmet;
    let initials = unmet.iter().all(|word| {
        let meant = long.iter().position(|candidate| stands_for(word, candidate));
        meant.map(|at| long.swap_remove(at)).is_some()
    });
    if met_whole && initials { NameMatch::Similar } else { NameMatch::Differs }
}

fn words(name: &str) -> Vec<String> {
    let plain = name.nfkd().filter(|c| !is_combining_mark(*c) && !matches!(c, '\'' | '’' | 'ʼ' | '`'));
    let folded: String = plain.flat_map(char::to_lowercase).collect();
    let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.filter(|word| !LEFT_OUT.contains(word)).take(MAX_WORDS).map(str::to_owned).collect()
}

fn is_initial(word: &str) -> bool {
    word.chars().nth(1).is_none()
}

fn stands_for(one: &str, other: &str) -> bool {
    (is_initial(one) && other.starts_with(one)) || (is_initial(other) && one.starts_with(other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_person_however_the_bank_writes_it() {
        for (provider, bank) in [
            ("Ada Obi", "ADA OBI"),
            ("Ada Obi", "OBI, ADA (MRS)"),
            ("Ṣọlá Adé", "SOLA ADE"),
            ("Zoë Müller", "MULLER ZOE"),
            ("Sean O'Neil", "ONEIL SEAN"),
            ("Oluwa Seun Bello", "OLUWASEUN BELLO"),
            ("Lagos Foods Ltd.", "LAGOS FOODS LIMITED"),
            ("Mary-Jane Eze", "EZE MARY JANE"),
        ] {
            assert_eq!(compare_names(provider, bank), NameMatch::Same, "{provider} / {bank}");
        }
    }

    #[test]
    fn more_names_and_initials_are_similar() {
        for (provider, bank) in [
            ("Ada Obi", "ADA CHIOMA OBI"),
            ("Ada C. Obi", "OBI ADA CHIOMA"),
            ("A. Obi", "ADA OBI"),
            ("Ada", "ADA OBI"),
            ("Ada Chioma Obi", "OBI A C"),
        ] {
            assert_eq!(compare_names(provider, bank), NameMatch::Similar, "{provider} / {bank}");
        }
    }

    #[test]
    fn others_are_others() {
        for (provider, bank) in [
            ("Ada Obi", "ADA EZE"),
            ("Ada Obi", "BAYO OBI"),
            ("A. O.", "ADA OBI"),
            ("Ada Obi", "A O"),
            ("Ada Ada", "ADA OBI"),
            ("Adaeze Obi", "ADA OBI"),
            ("Mr.", "MR"),
            ("", ""),
            ("…", "ADA OBI"),
        ] {
            assert_eq!(compare_names(provider, bank), NameMatch::Differs, "{provider} / {bank}");
        }
    }

    proptest! {
        #[test]
        fn any_two_texts_compare_the_same_both_ways(one in ".{0,60}", other in ".{0,60}") {
            prop_assert_eq!(compare_names(&one, &other), compare_names(&other, &one));
        }

        #[test]
        fn order_and_case_do_not_matter(mut words in prop::collection::vec("[a-z]{2,8}", 1..6)) {
            let name = words.join(" ");
            words.reverse();
            let same = compare_names(&name, &words.join(", ").to_uppercase());
            prop_assert!(same == NameMatch::Same || words.iter().all(|word| LEFT_OUT.contains(&word.as_str())));
        }
    }
}
