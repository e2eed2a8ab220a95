//! Big letters: five rows of a small bitmap font, wide enough to be read from
//! across a desk and small enough for ten letters in 80 columns.

/// Rows of a letter, five bits each, the left-most the highest.
const FONT: &[(char, [u8; 5])] = &[
    ('A', [0b01110, 0b10001, 0b11111, 0b10001, 0b10001]),
    ('B', [0b11110, 0b10001, 0b11110, 0b10001, 0b11110]),
    ('C', [0b01111, 0b10000, 0b10000, 0b10000, 0b01111]),
    ('D', [0b11110, 0b10001, 0b10001, 0b10001, 0b11110]),
    ('E', [0b11111, 0b10000, 0b11110, 0b10000, 0b11111]),
    ('F', [0b11111, 0b10000, 0b11110, 0b10000, 0b10000]),
    ('G', [0b01111, 0b10000, 0b10011, 0b10001, 0b01111]),
    ('H', [0b10001, 0b10001, 0b11111, 0b10001, 0b10001]),
    ('I', [0b11111, 0b00100, 0b00100, 0b00100, 0b11111]),
    ('J', [0b00111, 0b00010, 0b00010, 0b10010, 0b01100]),
    ('K', [0b10001, 0b10010, 0b11100, 0b10010, 0b10001]),
    ('L', [0b10000, 0b10000, 0b10000, 0b10000, 0b11111]),
    ('M', [0b10001, 0b11011, 0b10101, 0b10001, 0b10001]),
    ('N', [0b10001, 0b11001, 0b10101, 0b10011, 0b10001]),
    ('O', [0b01110, 0b10001, 0b10001, 0b10001, 0b01110]),
    ('P', [0b11110, 0b10001, 0b11110, 0b10000, 0b10000]),
    ('Q', [0b01110, 0b10001, 0b10101, 0b10010, 0b01101]),
    ('R', [0b11110, 0b10001, 0b11110, 0b10010, 0b10001]),
    ('S', [0b01111, 0b10000, 0b01110, 0b00001, 0b11110]),
    ('T', [0b11111, 0b00100, 0b00100, 0b00100, 0b00100]),
    ('U', [0b10001, 0b10001, 0b10001, 0b10001, 0b01110]),
    ('V', [0b10001, 0b10001, 0b10001, 0b01010, 0b00100]),
    ('W', [0b10001, 0b10001, 0b10101, 0b11011, 0b10001]),
    ('X', [0b10001, 0b01010, 0b00100, 0b01010, 0b10001]),
    ('Y', [0b10001, 0b01010, 0b00100, 0b00100, 0b00100]),
    ('Z', [0b11111, 0b00010, 0b00100, 0b01000, 0b11111]),
    ('0', [0b01110, 0b10011, 0b10101, 0b11001, 0b01110]),
    ('1', [0b00100, 0b01100, 0b00100, 0b00100, 0b01110]),
    ('2', [0b11110, 0b00001, 0b01110, 0b10000, 0b11111]),
    ('3', [0b11110, 0b00001, 0b01110, 0b00001, 0b11110]),
    ('4', [0b10010, 0b10010, 0b11111, 0b00010, 0b00010]),
    ('5', [0b11111, 0b10000, 0b11110, 0b00001, 0b11110]),
    ('6', [0b01110, 0b10000, 0b11110, 0b10001, 0b01110]),
    ('7', [0b11111, 0b00001, 0b00010, 0b00100, 0b00100]),
    ('8', [0b01110, 0b10001, 0b01110, 0b10001, 0b01110]),
    ('9', [0b01110, 0b10001, 0b01111, 0b00001, 0b01110]),
    ('-', [0b00000, 0b00000, 0b01110, 0b00000, 0b00000]),
    ('_', [0b00000, 0b00000, 0b00000, 0b00000, 0b11111]),
    ('.', [0b00000, 0b00000, 0b00000, 0b00000, 0b00100]),
    ('/', [0b00001, 0b00010, 0b00100, 0b01000, 0b10000]),
    (' ', [0; 5]),
];

const BITS: u8 = 5;

/// The columns of one letter with the gap after it.
const ADVANCE: usize = 7;

/// `name` in big letters of `ink`, row by row; `None` when it does not fit into
/// `width` columns or has a letter that the font has not.
pub(super) fn big(name: &str, width: usize, ink: char) -> Option<Vec<String>> {
    if name.is_empty() || name.len().checked_mul(ADVANCE)? > width + 1 {
        return None;
    }
    let letters: Option<Vec<&[u8; 5]>> = name
        .chars()
        .map(|letter| FONT.iter().find(|(known, _)| *known == letter).map(|(_, rows)| rows))
        .collect();
    let letters = letters?;
    let rows = (0..5).map(|row| {
        let line: String = letters.iter().flat_map(|rows| pixels(rows[row], ink)).collect();
        line.trim_end().to_owned()
    });
    Some(rows.collect())
}

/// Strokes are two columns wide at the left and right edges: a column is half as
/// wide as a row is high.
fn pixels(row: u8, ink: char) -> impl Iterator<Item = char> {
    let pixel = move |bit: u8| if row >> (BITS - 1 - bit) & 1 == 1 { ink } else { ' ' };
    (0..BITS).map(pixel).chain([' ', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_fits_eighty_columns() {
        let rows = big("PRODUCTION", 80, '#').unwrap();
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().all(|row| row.len() <= 80), "{rows:?}");
        assert_eq!(big("PRODUCTION", 60, '#'), None);
        assert_eq!(big("STAGING-EU-WEST-1-BLUE", 80, '#'), None);
        assert!(big("STAGING-EU-WEST-1-BLUE", 300, '#').is_some());
        assert_eq!(big("本番", 300, '#'), None);
        assert_eq!(big("", 80, '#'), None);
    }

    #[test]
    fn all_letters_differ() {
        for (index, (letter, rows)) in FONT.iter().enumerate() {
            for (other, others) in &FONT[index + 1..] {
                assert!(letter != other && rows != others, "{letter} and {other}");
            }
        }
    }
}
