//! Records media that comes in, and spoils media that goes out, for tests.
//!
//! Exists only with the feature `_test_support`. The record shows that a gateway sees no plaintext;
//! the spoilt media shows that receivers notice.

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

/// First byte that is spoilt: the first of the authenticated header.
const FIRST_SPOILT: usize = 8;

/// Farthest back that a datagram is replayed from.
const MAX_BACK: usize = 1_024;

/// How media is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Flips one bit of every n-th datagram to a downlink. The byte walks from the first of the
    /// authenticated header to the datagram's last, and begins anew.
    Flip {
        /// Every how many datagrams.
        every: u64,
    },
    /// Before every n-th datagram to a downlink, sends once more one that went there earlier.
    Replay {
        /// Every how many datagrams.
        every: u64,
        /// How many datagrams earlier.
        back: usize,
    },
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let name = parts.next();
        let mut count = || parts.next()?.parse().ok().filter(|count| *count > 0);
        let rule = match name {
            Some("flip") => count().map(|every| Self::Flip { every }),
            Some("replay") => count().zip(count()).and_then(|(every, back)| {
                let back = usize::try_from(back)
                    .ok()
                    .filter(|back| *back <= MAX_BACK)?;
                Some(Self::Replay { every, back })
            }),
            _ => None,
        };
        rule.filter(|_| parts.next().is_none())
            .ok_or_else(|| format!("\"{text}\" is no rule; use flip:EVERY or replay:EVERY:BACK"))
    }
}

/// Stands between the hub and the sessions; does nothing by default.
#[derive(Debug, Default)]
pub struct Interceptor {
    record: Option<Mutex<File>>,
    rules: Vec<Rule>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    downlinks: BTreeMap<Member, Downlink>,
    flipped: u64,
    replayed: u64,
}

#[derive(Debug, Default)]
struct Downlink {
    passed: u64,
    /// How many datagrams have been spoilt by flipping.
    flips: usize,
    /// The last [`MAX_BACK`] datagrams, newest first.
    sent: VecDeque<Datagram>,
    /// Taken off the queue, to be sent after a replay.
    held: Option<Datagram>,
}

impl Interceptor {
    /// An interceptor that appends to a file, and spoils by rules.
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

    /// The next datagram for a session: what `pop` gives, spoilt by the rules.
    pub(crate) fn next(
        &self,
        member: Member,
        side: Side,
        mut pop: impl FnMut() -> Option<Datagram>,
    ) -> Option<Datagram> {
        if self.rules.is_empty() || side == Side::Uplink {
            return pop();
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State {
            downlinks,
            flipped,
            replayed,
        } = &mut *state;
        let downlink = downlinks.entry(member).or_default();
        if let Some(held) = downlink.held.take() {
            return Some(held);
        }
        let mut datagram = pop()?;
        if datagram.payload().first() != Some(&MEDIA) {
            return Some(datagram);
        }
        downlink.passed += 1;
        for rule in &self.rules {
            match *rule {
                Rule::Flip { every } if downlink.passed.is_multiple_of(every) => {
                    let mut bytes = datagram.payload().to_vec();
                    let span = bytes.len().saturating_sub(FIRST_SPOILT).max(1);
                    let index = FIRST_SPOILT + downlink.flips % span;
                    if let Some(byte) = bytes.get_mut(index) {
                        *byte ^= 1 << (downlink.flips % 8);
                    }
                    downlink.flips += 1;
                    *flipped += 1;
                    datagram = Datagram::copy_of(&bytes);
                }
                Rule::Replay { every, back } if downlink.passed.is_multiple_of(every) => {
                    if let Some(earlier) = downlink.sent.get(back - 1) {
                        downlink.held = Some(datagram.clone());
                        datagram = earlier.clone();
                        *replayed += 1;
                    }
                }
                _ => {}
            }
        }
        // What is replayed is not sent anew: it keeps its place, and the one it came before takes
        // the newest.
        let newest = downlink.held.as_ref().unwrap_or(&datagram).clone();
        downlink.sent.push_front(newest);
        downlink.sent.truncate(MAX_BACK);
        Some(datagram)
    }

    /// How much has been spoilt, for the metrics.
    pub(crate) fn render(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        format!(
            "# TYPE smrtc_tamper_flipped_total counter\nsmrtc_tamper_flipped_total {}\n\
             # TYPE smrtc_tamper_replayed_total counter\nsmrtc_tamper_replayed_total {}\n",
            state.flipped, state.replayed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_nonsense_is_refused() {
        assert_eq!("flip:3".parse(), Ok(Rule::Flip { every: 3 }));
        assert_eq!(
            "replay:5:20".parse(),
            Ok(Rule::Replay { every: 5, back: 20 })
        );
        for wrong in [
            "",
            "flip",
            "flip:x",
            "flip:0",
            "flip:1:2",
            "replay:5",
            "replay:5:9999",
            "drop:1",
        ] {
            assert!(wrong.parse::<Rule>().is_err(), "{wrong}");
        }
    }
}
