//! What a bot writes behind each frame of its video before it is sealed: who sent it, which frame
//! it is, and when.
//!
//! Decoders of VP8 ignore bytes behind a frame, so that the same video is real for browsers. A
//! receiver reads the stamp after opening, and thus knows the delay, what is missing, and that
//! nothing came from another room. All bots of a process share the clock.

use super::role;

/// Who sent a frame, which one it is, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The room, from 1.
    pub(crate) room: u32,
    /// The sender among its people, from 1.
    pub(crate) person: u32,
    /// The number of the frame among the sender's, from 1.
    pub(crate) frame: u32,
    /// Microseconds on the bots' clock when the frame was handed to the sender's engine.
    pub(crate) sent_micros: u64,
}

impl Stamp {
    /// Fills a frame up to `frame_bytes` with bytes that do not compress, and appends the stamp.
    pub(crate) fn append(self, frame: &mut Vec<u8>, frame_bytes: usize) {
        let mut state = self.frame | 1;
        while frame.len() + STAMP_BYTES < frame_bytes {
            // A multiplicative generator: no more than that is asked of padding.
            state = state.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
            frame.push((state >> 24) as u8);
        }
        frame.extend(self.room.to_be_bytes());
        frame.extend(self.person.to_be_bytes());
        frame.extend(self.frame.to_be_bytes());
        frame.extend(self.sent_micros.to_be_bytes());
        frame.extend(MAGIC);
    }

    /// The user that the sender's join token names.
    pub(crate) fn user(self) -> String {
        role::user(self.room, self.person)
    }

    /// The stamp of a frame; none if no bot sent it.
    pub(crate) fn read(frame: &[u8]) -> Option<Self> {
        let (_, stamp) = frame.split_last_chunk::<STAMP_BYTES>()?;
        let (fields, magic) = stamp.split_last_chunk::<8>()?;
        if *magic != MAGIC {
            return None;
        }
        let (room, rest) = fields.split_first_chunk()?;
        let (person, rest) = rest.split_first_chunk()?;
        let (frame, rest) = rest.split_first_chunk()?;
        Some(Self {
            room: u32::from_be_bytes(*room),
            person: u32::from_be_bytes(*person),
            frame: u32::from_be_bytes(*frame),
            sent_micros: u64::from_be_bytes(*rest.first_chunk()?),
        })
    }
}

const STAMP_BYTES: usize = 28;
/// No encoder ends a frame so by chance.
const MAGIC: [u8; 8] = *b"smrtcbot";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_behind_a_frame_of_the_wanted_size_and_nowhere_else() {
        let stamp = Stamp {
            room: 2,
            person: 3,
            frame: 4,
            sent_micros: 5,
        };
        for (frame_bytes, length) in [(0, 31), (31, 31), (500, 500)] {
            let mut frame = vec![1, 2, 3];
            stamp.append(&mut frame, frame_bytes);
            assert_eq!(frame.len(), length);
            assert_eq!(frame[..3], [1, 2, 3]);
            assert_eq!(Stamp::read(&frame), Some(stamp));
            assert_eq!(Stamp::read(&frame[..length - 1]), None);
        }
        assert_eq!(Stamp::read(&[]), None);
    }
}
