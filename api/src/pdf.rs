//! Plain pages of text as PDF 1.4: two of the fonts that every reader has, no compression, nothing to load.
//!
//! Guarantee: the text can be selected, searched and read aloud. Limit: Latin letters. Letters of Nigerian languages that the
//! standard encoding lacks are written without their dots (ẹ as e), any other unknown one as a question mark. Lengths are whole
//! points from the lower left corner of an A4 page.

use std::fmt::Write as _;

/// A4.
const WIDTH: u32 = 595;
pub(crate) const HEIGHT: u32 = 842;

/// Fixed width, so that columns of figures line up without measuring: every character is 6/10 of the size wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Font {
    Plain,
    Bold,
}

/// Pages under way.
#[derive(Debug, Default)]
pub(crate) struct Pdf {
    pages: Vec<String>,
}

impl Pdf {
    pub(crate) fn page(&mut self) {
        self.pages.push(String::new());
    }

    /// Writes on the latest page.
    pub(crate) fn text(&mut self, x: u32, y: u32, size: u32, font: Font, text: &str) {
        let name = match font {
            Font::Plain => "F1",
            Font::Bold => "F2",
        };
        if let Some(page) = self.pages.last_mut() {
            // Writing to a string does not fail.
            let _ = writeln!(page, "BT /{name} {size} Tf {x} {y} Td ({}) Tj ET", escaped(text));
        }
    }

    /// Writes so that the text ends at `right`.
    pub(crate) fn text_to(&mut self, right: u32, y: u32, size: u32, font: Font, text: &str) {
        let chars = u32::try_from(text.chars().count()).unwrap_or(0);
        let width = chars.saturating_mul(size).saturating_mul(6).div_ceil(10);
        self.text(right.saturating_sub(width), y, size, font, text);
    }

    pub(crate) fn into_bytes(self, title: &str) -> Vec<u8> {
        /// Catalog, page tree, two fonts and the title come first.
        const FIRST_PAGE: usize = 6;
        let page_id = |at: usize| FIRST_PAGE.saturating_add(at.saturating_mul(2));
        let kids: Vec<_> = (0..self.pages.len()).map(|at| format!("{} 0 R", page_id(at))).collect();
        let font = |name: &str| {
            format!("<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>")
        };
        let mut objects = vec![
            "<< /Type /Catalog /Pages 2 0 R /Lang (en) >>".to_owned(),
            format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), kids.len()),
            font("Courier"),
            font("Courier-Bold"),
            format!("<< /Title ({}) >>", escaped(title)),
        ];
        for (at, content) in self.pages.iter().enumerate() {
            let stream = page_id(at).saturating_add(1);
            objects.push(format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents {stream} 0 R \
                 /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>"
            ));
            objects.push(format!("<< /Length {} >>\nstream\n{content}endstream", content.len()));
        }
        let mut file = "%PDF-1.4\n".to_owned();
        let mut places = vec![];
        for (at, object) in objects.iter().enumerate() {
            places.push(file.len());
            let _ = writeln!(file, "{} 0 obj\n{object}\nendobj", at.saturating_add(1));
        }
        let (table, count) = (file.len(), objects.len().saturating_add(1));
        let _ = writeln!(file, "xref\n0 {count}\n0000000000 65535 f ");
        for place in places {
            let _ = writeln!(file, "{place:010} 00000 n ");
        }
        let _ =
            writeln!(file, "trailer\n<< /Size {count} /Root 1 0 R /Info 5 0 R >>\nstartxref\n{table}\n%%EOF");
        file.into_bytes()
    }
}

/// A string of the file, in ASCII: what is beyond is written by its number.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().map(plain) {
        match letter {
            '(' | ')' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            ' '..='~' => out.push(letter),
            _ => {
                let _ = write!(out, "\\{:03o}", u32::from(letter));
            }
        }
    }
    out
}

/// The letter as the encoding has it.
fn plain(letter: char) -> char {
    match letter {
        ' '..='~' | '\u{a1}'..='\u{ff}' => letter,
        'ẹ' | 'ẽ' | 'ē' => 'e',
        'Ẹ' => 'E',
        'ọ' | 'ō' => 'o',
        'Ọ' => 'O',
        'ṣ' => 's',
        'Ṣ' => 'S',
        'ị' => 'i',
        'Ị' => 'I',
        'ụ' | 'ū' => 'u',
        'Ụ' => 'U',
        'ṅ' | 'ń' => 'n',
        'Ṅ' | 'Ń' => 'N',
        'ɓ' => 'b',
        'Ɓ' => 'B',
        'ɗ' => 'd',
        'Ɗ' => 'D',
        'ƙ' => 'k',
        'Ƙ' => 'K',
        'ƴ' => 'y',
        '’' | '‘' => '\'',
        '–' | '—' | '−' => '-',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_is_where_the_table_says() {
        let mut pdf = Pdf::default();
        for name in ["first", "second (of 2)"] {
            pdf.page();
            pdf.text(50, 800, 10, Font::Bold, name);
            pdf.text_to(545, 780, 9, Font::Plain, "1,500.00");
        }
        let file = String::from_utf8(pdf.into_bytes("A title")).unwrap();
        let table = file.split("startxref\n").nth(1).unwrap().lines().next().unwrap();
        let table: usize = table.parse().unwrap();
        let lines: Vec<_> = file[table..].lines().collect();
        assert_eq!((lines[0], lines[1]), ("xref", "0 10"));
        for (number, entry) in lines[3..12].iter().enumerate() {
            let place: usize = entry[..10].parse().unwrap();
            assert!(file[place..].starts_with(&format!("{} 0 obj\n", number + 1)), "{entry}");
            assert_eq!(entry.len(), 19, "an entry is 20 bytes with its line break");
        }
        for stream in file.match_indices("/Length ") {
            let rest = &file[stream.0 + 8..];
            let length: usize = rest.split(' ').next().unwrap().parse().unwrap();
            let begin = rest.find("stream\n").unwrap() + 7;
            assert!(rest[begin + length..].starts_with("endstream"));
        }
        assert!(file.contains("(second \\(of 2\\)) Tj") && file.is_ascii());
    }

    #[test]
    fn names_keep_what_the_encoding_has() {
        assert_eq!(escaped("Adé Ọlá ₦"), "Ad\\351 Ol\\341 ?");
        assert_eq!(escaped("a\\b\n"), "a\\\\b?");
    }
}
