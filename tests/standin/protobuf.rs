//! Protobuf's outer form: numbered fields that are numbers or bytes. What they
//! mean is written in `openapi` (which sends them) and in `schema` (for what
//! kubectl sends).

/// A message under construction.
#[derive(Debug, Default, Clone)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// Adds a string field.
    pub(crate) fn text(mut self, number: u8, text: &str) -> Self {
        self.push(number, text.as_bytes());
        self
    }

    /// Adds a field that is a message itself.
    pub(crate) fn message(mut self, number: u8, message: &Self) -> Self {
        self.push(number, &message.0);
        self
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A tag (wire type 2), a length and the bytes. Numbers below 16 fit into
    /// one byte, and the messages written here have no others.
    fn push(&mut self, number: u8, bytes: &[u8]) {
        self.0.push(number << 3 | 2);
        let mut length = bytes.len();
        while length >= 0x80 {
            self.0.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        self.0.push(length as u8);
        self.0.extend_from_slice(bytes);
    }
}

/// The value of a field that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl Field<'_> {
    /// Kubernetes sends fields that have no value, as the empty value.
    pub(crate) fn is_empty(self) -> bool {
        matches!(self, Self::Number(0) | Self::Bytes([]))
    }
}

/// Splits a message into its fields; `None` when it is not well-formed. Fixed
/// width numbers do not occur in Kubernetes' types.
pub(crate) fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (content, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Field::Bytes(content)
            }
            _ => return None,
        };
        fields.push((tag >> 3, field));
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
