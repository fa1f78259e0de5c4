//! Pings (kind 0x05) and pongs (kind 0x06): the round-trip time of one hop.

use super::{Kind, WireError, open, preamble};

/// Asks for a pong with the same token at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// Any number; the sender of the ping recognises its pong by it.
    pub token: u64,
}

/// Answers a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// The ping's token.
    pub token: u64,
}

impl Ping {
    /// Reads a whole datagram.
    ///
    /// # Errors
    ///
    /// Any [`WireError`].
    pub fn parse(datagram: &[u8]) -> Result<Self, WireError> {
        read_token(datagram, Kind::Ping).map(|token| Self { token })
    }

    /// Appends the ping to `out`.
    pub fn encode(self, out: &mut Vec<u8>) {
        write_token(Kind::Ping, self.token, out);
    }
}

impl Pong {
    /// Reads a whole datagram.
    ///
    /// # Errors
    ///
    /// Any [`WireError`].
    pub fn parse(datagram: &[u8]) -> Result<Self, WireError> {
        read_token(datagram, Kind::Pong).map(|token| Self { token })
    }

    /// Appends the pong to `out`.
    pub fn encode(self, out: &mut Vec<u8>) {
        write_token(Kind::Pong, self.token, out);
    }
}

fn read_token(datagram: &[u8], kind: Kind) -> Result<u64, WireError> {
    let (mut reader, _) = open(datagram, kind)?;
    let token = reader.u64()?;
    if reader.is_empty() {
        Ok(token)
    } else {
        Err(WireError::TooLong)
    }
}

fn write_token(kind: Kind, token: u64, out: &mut Vec<u8>) {
    out.extend(preamble(kind, 0));
    out.extend(token.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_and_pongs_round_trip_and_are_not_mixed_up() {
        let token = 0x0102_0304_0506_0708;
        let mut bytes = Vec::new();
        Ping { token }.encode(&mut bytes);
        assert_eq!(bytes, [5, 0x10, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(Ping::parse(&bytes), Ok(Ping { token }));
        assert_eq!(Pong::parse(&bytes), Err(WireError::UnknownKind(5)));
        bytes[0] = 6;
        assert_eq!(Pong::parse(&bytes), Ok(Pong { token }));
        bytes.push(0);
        assert_eq!(Pong::parse(&bytes), Err(WireError::TooLong));
    }
}
