//! Numbers that wrap on the wire, made to count on.

/// Turns 16-bit sequence numbers into 64-bit ones that do not wrap.
///
/// Each number is taken as the one nearest to the newest seen so far, so reordering of up to 32,767
/// is told from wrapping. The first number is placed one whole turn above zero, so that an older
/// one after it does not underflow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper16 {
    newest: Option<u64>,
}

impl Unwrapper16 {
    /// The 64-bit number of `wrapped`; remembers it if it is the newest.
    pub fn unwrap(&mut self, wrapped: u16) -> u64 {
        let number = self.peek(wrapped);
        if self.newest.is_none_or(|newest| number > newest) {
            self.newest = Some(number);
        }
        number
    }

    /// As [`Self::unwrap`], remembering nothing.
    pub fn peek(&self, wrapped: u16) -> u64 {
        match self.newest {
            None => (1 << 16) + u64::from(wrapped),
            Some(newest) => {
                let step = wrapped.wrapping_sub(newest as u16) as i16;
                newest.saturating_add_signed(i64::from(step))
            }
        }
    }
}

/// As [`Unwrapper16`] for 32-bit numbers: frame ids.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper32 {
    newest: Option<u64>,
}

impl Unwrapper32 {
    /// The 64-bit number of `wrapped`; remembers it if it is the newest.
    pub fn unwrap(&mut self, wrapped: u32) -> u64 {
        let number = self.peek(wrapped);
        if self.newest.is_none_or(|newest| number > newest) {
            self.newest = Some(number);
        }
        number
    }

    /// As [`Self::unwrap`], remembering nothing.
    pub fn peek(&self, wrapped: u32) -> u64 {
        match self.newest {
            None => (1 << 32) + u64::from(wrapped),
            Some(newest) => {
                let step = wrapped.wrapping_sub(newest as u32) as i32;
                newest.saturating_add_signed(i64::from(step))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_across_the_wrap_and_back() {
        let mut unwrapper = Unwrapper16::default();
        let start = unwrapper.unwrap(65_534);
        assert_eq!(unwrapper.unwrap(1), start + 3);
        assert_eq!(unwrapper.unwrap(65_535), start + 1);
        assert_eq!(unwrapper.unwrap(2), start + 4);
        let mut first_is_zero = Unwrapper16::default();
        let zero = first_is_zero.unwrap(0);
        assert_eq!(first_is_zero.unwrap(65_535), zero - 1);
    }

    #[test]
    fn frame_ids_go_on_across_the_wrap() {
        let mut unwrapper = Unwrapper32::default();
        let start = unwrapper.unwrap(u32::MAX);
        assert_eq!(unwrapper.unwrap(0), start + 1);
        assert_eq!(unwrapper.peek(u32::MAX - 1), start - 1);
    }
}
