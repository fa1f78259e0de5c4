//! Doors for tests: records media that comes in, and spoils media that goes out, on purpose.
//!
//! Exists only with the feature `_test_support`. A gateway that forwards sealed frames shows with the first that it sees no
//! plaintext, and with the second that receivers notice.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use crate::{
    forward::Datagram,
    hub::{Member, Side},
};

/// First byte of a media datagram.
const MEDIA: u8 = 1;

/// How many datagrams later one is replayed: inside every replay window, outside every reordering.
const REPLAY_AFTER: u64 = 10;

/// How media is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Flips the lowest bit of this byte in every n-th datagram that has it. Counted from the front; negative from the end.
    Flip {
        /// Which byte.
        byte: i32,
        /// Every how many datagrams.
        every: u64,
    },
    /// Sends every n-th datagram once more, ten datagrams later.
    Replay {
        /// Every how many datagrams.
        every: u64,
    },
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no rule; use flip=BYTE/N or replay=N");
        let count = |text: &str| {
            text.parse()
                .ok()
                .filter(|count| *count > 0)
                .ok_or_else(wrong)
        };
        match text.split_once('=') {
            Some(("flip", rest)) => {
                let (byte, every) = rest.split_once('/').unwrap_or((rest, "1"));
                Ok(Self::Flip {
                    byte: byte.parse().map_err(|_| wrong())?,
                    every: count(every)?,
                })
            }
            Some(("replay", every)) => Ok(Self::Replay {
                every: count(every)?,
            }),
            _ => Err(wrong()),
        }
    }
}

/// The tap of a gateway; does nothing by default.
#[derive(Debug, Default)]
pub struct Tap {
    record: Option<Mutex<File>>,
    rules: Vec<Rule>,
    state: Mutex<BTreeMap<Member, State>>,
}

#[derive(Debug, Default)]
struct State {
    passed: u64,
    replays: VecDeque<(u64, Datagram)>,
}

impl Tap {
    /// A tap that appends to a file, and spoils by rules.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub fn open(record: Option<&Path>, rules: Vec<Rule>) -> io::Result<Self> {
        let record = record
            .map(|path| OpenOptions::new().create(true).append(true).open(path))
            .transpose()?
            .map(Mutex::new);
        Ok(Self {
            record,
            rules,
            state: Mutex::default(),
        })
    }

    /// Records a media datagram from a publisher.
    pub(crate) fn record(&self, datagram: &Datagram) {
        let Some(file) = &self.record else {
            return;
        };
        let payload = datagram.payload();
        if payload.first() == Some(&MEDIA) {
            let mut bytes = (payload.len() as u32).to_be_bytes().to_vec();
            bytes.extend(payload);
            let _ = file
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .write_all(&bytes);
        }
    }

    /// A datagram that is due once more to this member's downlink.
    pub(crate) fn replay(&self, member: Member, side: Side) -> Option<Datagram> {
        if self.rules.is_empty() || side == Side::Uplink {
            return None;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = state.get_mut(&member)?;
        let (at, _) = state.replays.front()?;
        (*at <= state.passed)
            .then(|| state.replays.pop_front())?
            .map(|(_, datagram)| datagram)
    }

    /// What goes to a member instead of `datagram`.
    pub(crate) fn pass(&self, member: Member, side: Side, datagram: Datagram) -> Datagram {
        let payload = datagram.payload();
        if self.rules.is_empty() || side == Side::Uplink || payload.first() != Some(&MEDIA) {
            return datagram;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = state.entry(member).or_default();
        state.passed += 1;
        let mut bytes = payload.to_vec();
        for rule in &self.rules {
            match *rule {
                Rule::Flip { byte, every } if state.passed % every == 0 => {
                    let index = if byte < 0 {
                        bytes.len() as i64 + i64::from(byte)
                    } else {
                        byte.into()
                    };
                    if let Some(byte) = usize::try_from(index)
                        .ok()
                        .and_then(|index| bytes.get_mut(index))
                    {
                        *byte ^= 1;
                    }
                }
                Rule::Replay { every } if state.passed % every == 0 => {
                    state
                        .replays
                        .push_back((state.passed + REPLAY_AFTER, datagram.clone()));
                }
                _ => {}
            }
        }
        Datagram::copy_of(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_nonsense_is_refused() {
        assert_eq!("flip=-1/3".parse(), Ok(Rule::Flip { byte: -1, every: 3 }));
        assert_eq!("flip=8".parse(), Ok(Rule::Flip { byte: 8, every: 1 }));
        assert_eq!("replay=5".parse(), Ok(Rule::Replay { every: 5 }));
        for wrong in ["", "flip", "flip=x", "replay=0", "drop=1"] {
            assert!(wrong.parse::<Rule>().is_err(), "{wrong}");
        }
    }
}
