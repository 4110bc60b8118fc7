//! What a client of PostgreSQL sends: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

use std::collections::HashMap;

/// One that was executed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    pub sql: String,
    /// The types of its parameters, as `pg_type` numbers them.
    pub types: Vec<u32>,
    /// As they were sent: by sqlx, all in binary.
    pub values: Vec<Option<Vec<u8>>>,
}

/// A connection, as far as it has been read.
#[derive(Default)]
pub struct Session {
    unread: Vec<u8>,
    /// Before that, messages have no letter.
    is_open: bool,
    prepared: HashMap<Vec<u8>, Statement>,
}

/// The version that a client asks for first, or anything that it asks before, such as for encryption.
const VERSION: u32 = 196_608;

impl Session {
    /// Returns what is executed by what was sent.
    pub fn read(&mut self, bytes: &[u8]) -> Vec<Statement> {
        self.unread.extend_from_slice(bytes);
        let mut executed = Vec::new();
        while let Some((letter, body)) = self.message() {
            executed.extend(self.understand(letter, &body));
        }
        executed
    }

    fn message(&mut self) -> Option<(u8, Vec<u8>)> {
        let lettered = usize::from(self.is_open);
        let length = u32::from_be_bytes(self.unread.get(lettered..lettered + 4)?.try_into().ok()?) as usize;
        let message: Vec<u8> = self.unread.get(..lettered + length)?.to_vec();
        self.unread.drain(..lettered + length);
        let body = message[lettered + 4..].to_vec();
        Some((if lettered == 1 { message[0] } else { 0 }, body))
    }

    fn understand(&mut self, letter: u8, body: &[u8]) -> Option<Statement> {
        let mut body = Reader(body);
        match letter {
            0 => {
                self.is_open = body.u32() == Some(VERSION);
                None
            }
            b'Q' => Some(Statement { sql: text(body.name()?), ..Statement::default() }),
            b'P' => {
                let (name, sql) = (body.name()?.to_vec(), text(body.name()?));
                let types = (0..body.u16()?).map(|_| body.u32()).collect::<Option<_>>()?;
                self.prepared.insert(name, Statement { sql, types, values: Vec::new() });
                None
            }
            b'B' => {
                let (_portal, name) = (body.name()?, body.name()?);
                let statement = self.prepared.get(name)?.clone();
                let formats = body.u16()?;
                body.take(2 * usize::from(formats))?;
                let values = (0..body.u16()?).map(|_| body.value()).collect::<Option<_>>()?;
                Some(Statement { values, ..statement })
            }
            _ => None,
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Nothing comes out where there is too little.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    pub fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// With its length before it, which is -1 for null.
    pub fn value(&mut self) -> Option<Option<Vec<u8>>> {
        match self.u32()? {
            u32::MAX => Some(None),
            length => Some(Some(self.take(length as usize)?.to_vec())),
        }
    }

    fn name(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let name = self.take(end)?;
        self.take(1)?;
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(letter: &[u8], body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [letter, &length.to_be_bytes(), body].concat()
    }

    fn open() -> Session {
        let mut session = Session::default();
        session.read(&message(b"", &80_877_103u32.to_be_bytes()));
        session.read(&message(b"", &[&VERSION.to_be_bytes()[..], b"user\0orders\0\0"].concat()));
        session
    }

    #[test]
    fn a_statement_is_executed_when_it_is_bound_and_not_when_it_is_prepared() {
        let mut session = open();
        let parse = message(b"P", b"s1\0select $1\0\x00\x01\x00\x00\x00\x14");
        assert_eq!(session.read(&[parse, message(b"S", b"")].concat()), []);
        let bind = message(b"B", b"\0s1\0\x00\x01\x00\x01\x00\x01\x00\x00\x00\x02hi\x00\x00");
        let executed = session.read(&[bind, message(b"E", b"\0\0\0\0\0"), message(b"S", b"")].concat());
        let statement = Statement { sql: "select $1".to_owned(), types: vec![20], values: vec![Some(b"hi".to_vec())] };
        assert_eq!(executed, [statement]);
    }

    #[test]
    fn a_message_may_come_in_pieces() {
        let (mut session, query) = (open(), message(b"Q", b"begin\0"));
        assert_eq!(session.read(&query[..7]), []);
        assert_eq!(session.read(&query[7..])[0].sql, "begin");
    }

    #[test]
    fn null_is_a_value() {
        let mut session = open();
        session.read(&message(b"P", b"\0select $1\0\x00\x00"));
        let executed = session.read(&message(b"B", b"\0\0\x00\x00\x00\x01\xff\xff\xff\xff\x00\x00"));
        assert_eq!(executed[0].values, [None]);
    }
}
