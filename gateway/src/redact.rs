//! Takes private data out of what a gateway said before it is stored, shown or logged.

use std::fmt::Write as _;

/// Longest text kept of what a gateway said; every documented message is shorter.
const MAX_CHARS: usize = 200;
/// Runs of this many digits are taken for account numbers, phones or cards; amounts in messages and bank codes are shorter.
const LEAST_PRIVATE_DIGITS: usize = 7;
/// Shorter words of a name (initials, particles) are too likely to be ordinary words of a message.
const LEAST_NAME_LETTERS: usize = 3;

/// `said` without account numbers, keys and the words of `name`, cut to 200 characters.
pub(crate) fn scrub(said: &str, name: &str) -> String {
    let mut kept = String::new();
    for word in said.split_whitespace() {
        if !kept.is_empty() {
            kept.push(' ');
        }
        // Writing to a String cannot fail.
        let _ = write!(kept, "{}", scrub_word(word, name));
    }
    kept.chars().take(MAX_CHARS).collect()
}

fn scrub_word(word: &str, name: &str) -> String {
    /// What Flutterwave's secret, public and hash keys begin with.
    const KEY: &str = "flw";
    let letters =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let plain = letters(word);
    let is_of_name = |part: &str| part.chars().count() >= LEAST_NAME_LETTERS && part == plain;
    if plain.starts_with(KEY) && plain.len() > LEAST_PRIVATE_DIGITS {
        return "[key]".to_owned();
    }
    if name.split_whitespace().map(letters).any(|part| is_of_name(&part)) {
        return "[name]".to_owned();
    }
    mask_digits(word)
}

/// Replaces each long run of digits, also one that is grouped with dashes, by `[number]`.
fn mask_digits(word: &str) -> String {
    let mut kept = String::new();
    let mut run = String::new();
    for c in word.chars().chain([' ']) {
        if c.is_ascii_digit() || (c == '-' && !run.is_empty()) {
            run.push(c);
            continue;
        }
        let digits = run.chars().filter(char::is_ascii_digit).count();
        kept.push_str(if digits >= LEAST_PRIVATE_DIGITS { "[number]" } else { &run });
        run.clear();
        kept.push(c);
    }
    kept.truncate(kept.trim_end().len());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_out_what_is_private() {
        for (said, kept) in [
            ("account 0690000036 is blacklisted", "account [number] is blacklisted"),
            ("account 0690-000-036, closed", "account [number], closed"),
            ("Name mismatch: OBI, Ada", "Name mismatch: [name] [name]"),
            ("key FLWSECK_TEST-0123abcd-X is wrong", "key [key] is wrong"),
            ("Amount must be at least 100NGN.", "Amount must be at least 100NGN."),
            ("You can only spend EUR 100.00 at once", "You can only spend EUR 100.00 at once"),
            ("Unknown Bank Code 090405", "Unknown Bank Code 090405"),
            ("a\r\n\tb", "a b"),
        ] {
            assert_eq!(scrub(said, "Ada Obi"), kept);
        }
        assert_eq!(scrub(&"é".repeat(500), "").chars().count(), 200);
    }
}
