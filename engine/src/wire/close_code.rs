//! The numbers a session is closed with.

/// Why a session was closed; the same numbers on WebTransport and WebSocket.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// The participant left, or the other one of its two sessions ended.
    Left = 4000,
    /// The control stream does not parse, or a text message or unknown channel was used.
    Malformed = 4400,
    /// The token is missing, malformed or wrongly signed.
    TokenInvalid = 4401,
    /// The token has expired or is not valid yet.
    TokenExpired = 4402,
    /// The page's origin is not allowed.
    OriginNotAllowed = 4403,
    /// The attach ticket is unknown, used or expired.
    TicketInvalid = 4404,
    /// No Join in time, or no sign of life.
    TimedOut = 4408,
    /// The same user joined this room again elsewhere.
    Replaced = 4409,
    /// A control message was longer than 65,536 bytes.
    MessageTooLong = 4413,
    /// Too many malformed datagrams or requests.
    TooMany = 4429,
    /// The gateway failed.
    Internal = 4500,
    /// The gateway is shutting down or full.
    Unavailable = 4503,
}

impl CloseCode {
    /// Every code of this version, in ascending order.
    pub const ALL: [Self; 12] = [
        Self::Left,
        Self::Malformed,
        Self::TokenInvalid,
        Self::TokenExpired,
        Self::OriginNotAllowed,
        Self::TicketInvalid,
        Self::TimedOut,
        Self::Replaced,
        Self::MessageTooLong,
        Self::TooMany,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The number on the wire.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The code for a number, `None` if this version knows no such number.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|known| u32::from(known.code()) == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_number() {
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::from_code(u32::from(code.code())), Some(code));
        }
        assert!(CloseCode::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(CloseCode::from_code(1000), None);
        assert_eq!(CloseCode::from_code(4000 + 65_536), None);
    }
}
