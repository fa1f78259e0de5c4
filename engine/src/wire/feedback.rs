//! Feedback (kind 0x02): which media packets came, and when, on the receiver's clock.
//!
//! Only the format; `path::FeedbackCollector` decides what to report and [`crate::cc`] what it
//! means.

use core::time::Duration;

use super::{Kind, MAX_DATAGRAM_BYTES, WireError, open, preamble, reader::Reader};
use crate::time::Instant;

/// The most packets in one group.
pub const MAX_GROUP_PACKETS: u16 = 512;
/// The unit of the times in a report, in microseconds.
pub const TICK_MICROS: u64 = 64;

const FIXED_BYTES: usize = 2 + 2 + 4;
const GROUP_FIXED_BYTES: usize = 4 + 2 + 2 + 4;

/// When a packet came, in ticks of 64 µs on the receiver's clock, modulo 2^32 (76 hours).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival(pub u32);

impl Arrival {
    /// The tick that `at` lies in.
    pub const fn from_instant(at: Instant) -> Self {
        Self((at.as_micros() / TICK_MICROS) as u32)
    }

    /// Signed microseconds from `other` to `self` by the shorter way round.
    pub const fn micros_since(self, other: Self) -> i64 {
        (self.0.wrapping_sub(other.0) as i32) as i64 * TICK_MICROS as i64
    }
}

/// A parsed report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback<'a> {
    /// Counts the reports of a receiver, modulo 2^16.
    pub report_seq: u16,
    /// From the arrival of the newest packet reported to the sending of this report.
    pub hold: Duration,
    groups: &'a [u8],
}

impl<'a> Feedback<'a> {
    /// Reads a whole datagram and checks it to the end.
    ///
    /// # Errors
    ///
    /// Any [`WireError`].
    pub fn parse(datagram: &'a [u8]) -> Result<Self, WireError> {
        let (mut reader, _) = open(datagram, Kind::Feedback)?;
        let report_seq = reader.u16()?;
        let hold = Duration::from_micros(u64::from(reader.u32()?));
        let groups = reader.rest();
        while !reader.is_empty() {
            Group::read(&mut reader)?;
        }
        Ok(Self {
            report_seq,
            hold,
            groups,
        })
    }

    /// The groups, in the order of the report; a report may have none.
    pub fn groups(&self) -> impl Iterator<Item = Group<'a>> + use<'a> {
        let mut reader = Reader::new(self.groups);
        core::iter::from_fn(move || Group::read(&mut reader).ok())
    }
}

/// What became of up to 512 consecutive packets of one sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// The participant who published the packets.
    pub sender: u32,
    /// `transport_seq` of the first packet.
    pub base_seq: u16,
    /// How many packets, 1 to 512.
    pub count: u16,
    reference_time: u32,
    received: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> Group<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let sender = reader.u32()?;
        let base_seq = reader.u16()?;
        let count = reader.u16()?;
        if !(1..=MAX_GROUP_PACKETS).contains(&count) {
            return Err(WireError::OutOfRange("count"));
        }
        let reference_time = reader.u32()?;
        let received = reader.bytes(usize::from(count).div_ceil(8))?;
        let padding = received.len() * 8 - usize::from(count);
        if received
            .last()
            .is_some_and(|last| last.trailing_zeros() < padding as u32)
        {
            return Err(WireError::OutOfRange("padding"));
        }
        let came: usize = received.iter().map(|byte| byte.count_ones() as usize).sum();
        let deltas = reader.bytes(came * 2)?;
        Ok(Self {
            sender,
            base_seq,
            count,
            reference_time,
            received,
            deltas,
        })
    }

    /// Every packet of the group in order of `transport_seq`, with its arrival if it came.
    pub fn packets(&self) -> impl Iterator<Item = (u16, Option<Arrival>)> + use<'a> {
        let (base_seq, received) = (self.base_seq, self.received);
        let mut deltas = self.deltas.chunks_exact(2);
        let mut time = self.reference_time;
        (0..self.count).map(move |index| {
            let bit = 0x80 >> (index % 8);
            let came = received
                .get(usize::from(index / 8))
                .is_some_and(|byte| byte & bit != 0);
            let arrival = came.then(|| deltas.next()).flatten().map(|delta| {
                let delta = i16::from_be_bytes([delta[0], delta[1]]);
                time = time.wrapping_add_signed(i32::from(delta));
                Arrival(time)
            });
            (base_seq.wrapping_add(index), arrival)
        })
    }
}

/// Writes one report.
#[derive(Debug)]
pub struct FeedbackWriter {
    bytes: Vec<u8>,
}

impl FeedbackWriter {
    /// Begins a report without groups. `hold` saturates at about 71 minutes.
    pub fn new(report_seq: u16, hold: Duration) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend(preamble(Kind::Feedback, 0));
        bytes.extend(report_seq.to_be_bytes());
        bytes.extend(
            u32::try_from(hold.as_micros())
                .unwrap_or(u32::MAX)
                .to_be_bytes(),
        );
        Self { bytes }
    }

    /// Appends what became of the packets of `sender` from `base_seq` on: arrival or `None` for
    /// each.
    ///
    /// Returns how many of them went in. Fewer than asked means that the group holds 512, that the
    /// datagram is full (then the next call takes none), or that two arrivals lie more than
    /// 2 s apart: call again with the rest.
    #[must_use]
    pub fn push_group(
        &mut self,
        sender: u32,
        base_seq: u16,
        arrivals: &[Option<Instant>],
    ) -> usize {
        let room = MAX_DATAGRAM_BYTES.saturating_sub(self.bytes.len() + GROUP_FIXED_BYTES);
        let mut deltas = Vec::new();
        let mut bits = Vec::new();
        let mut reference = None;
        let mut previous = Arrival(0);
        for arrival in arrivals.iter().take(usize::from(MAX_GROUP_PACKETS)) {
            let grown =
                (bits.len() + 1).div_ceil(8) + deltas.len() + 2 * usize::from(arrival.is_some());
            if grown > room {
                break;
            }
            if let Some(at) = arrival {
                let now = Arrival::from_instant(*at);
                if reference.is_none() {
                    (reference, previous) = (Some(now), now);
                }
                let Ok(delta) = i16::try_from(now.micros_since(previous) / TICK_MICROS as i64)
                else {
                    break;
                };
                deltas.extend(delta.to_be_bytes());
                previous = now;
            }
            bits.push(arrival.is_some());
        }
        if bits.is_empty() {
            return 0;
        }
        self.bytes.extend(sender.to_be_bytes());
        self.bytes.extend(base_seq.to_be_bytes());
        self.bytes.extend((bits.len() as u16).to_be_bytes());
        self.bytes
            .extend(reference.unwrap_or(previous).0.to_be_bytes());
        for eight in bits.chunks(8) {
            let byte = eight
                .iter()
                .enumerate()
                .fold(0, |byte, (i, &came)| byte | u8::from(came) << (7 - i));
            self.bytes.push(byte);
        }
        self.bytes.extend(deltas);
        bits.len()
    }

    /// Whether no group has been written.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() <= FIXED_BYTES
    }

    /// The datagram.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn layout_is_the_documented_one() {
        let mut writer = FeedbackWriter::new(0x0102, Duration::from_micros(0x0304_0506));
        let at = |ticks: u64| Some(Instant::from_micros(ticks * TICK_MICROS + 3));
        assert!(writer.is_empty());
        let taken = writer.push_group(0x0708_090a, 0x0b0c, &[at(0x10), None, at(0x0f)]);
        assert_eq!(taken, 3);
        assert!(!writer.is_empty());
        let bytes = writer.finish();
        assert_eq!(
            bytes,
            [
                2,
                0x10,
                1,
                2,
                3,
                4,
                5,
                6, // fixed
                7,
                8,
                9,
                10,
                11,
                12,
                0,
                3,
                0,
                0,
                0,
                0x10,
                0b1010_0000,
                0,
                0,
                0xff,
                0xff
            ]
        );
        let feedback = Feedback::parse(&bytes).unwrap();
        assert_eq!(feedback.hold, Duration::from_micros(0x0304_0506));
        let group = feedback.groups().next().unwrap();
        assert_eq!(
            group.packets().collect::<Vec<_>>(),
            [
                (0x0b0c, Some(Arrival(0x10))),
                (0x0b0d, None),
                (0x0b0e, Some(Arrival(0x0f)))
            ]
        );
        for end in 8 + 1..bytes.len() {
            assert_eq!(Feedback::parse(&bytes[..end]), Err(WireError::Truncated));
        }
        let mut padded = bytes;
        padded[20] |= 1;
        assert_eq!(
            Feedback::parse(&padded),
            Err(WireError::OutOfRange("padding"))
        );
    }

    #[test]
    fn a_gap_of_seconds_starts_a_new_group() {
        let arrivals = [
            Some(Instant::from_millis(0)),
            Some(Instant::from_millis(3_000)),
        ];
        let mut writer = FeedbackWriter::new(0, Duration::ZERO);
        assert_eq!(writer.push_group(1, 0, &arrivals), 1);
        assert_eq!(writer.push_group(1, 1, &arrivals[1..]), 1);
        assert_eq!(
            Feedback::parse(&writer.finish()).unwrap().groups().count(),
            2
        );
    }

    #[test]
    fn a_full_datagram_takes_no_more() {
        let arrivals = [Some(Instant::from_millis(1)); 2_000];
        let mut writer = FeedbackWriter::new(0, Duration::ZERO);
        let mut taken = 0;
        loop {
            match writer.push_group(1, taken as u16, &arrivals[taken..]) {
                0 => break,
                more => taken += more,
            }
        }
        let bytes = writer.finish();
        assert!(taken > 500 && taken < 600, "{taken}");
        assert!(bytes.len() <= MAX_DATAGRAM_BYTES);
        let feedback = Feedback::parse(&bytes).unwrap();
        assert_eq!(
            feedback
                .groups()
                .map(|group| usize::from(group.count))
                .sum::<usize>(),
            taken
        );
    }

    proptest! {
        #[test]
        fn reports_round_trip(report_seq: u16, hold: u32, sender: u32, base_seq: u16, start in 0u64..1 << 45,
                              steps in proptest::collection::vec(proptest::option::of(0u64..100_000), 1..400)) {
            let mut now = start;
            let arrivals: Vec<_> = steps.iter().map(|step| step.map(|step| {
                now += step;
                Instant::from_micros(now)
            })).collect();
            let mut writer = FeedbackWriter::new(report_seq, Duration::from_micros(u64::from(hold)));
            let taken = writer.push_group(sender, base_seq, &arrivals);
            prop_assert_eq!(taken, arrivals.len());
            let bytes = writer.finish();
            let feedback = Feedback::parse(&bytes).unwrap();
            prop_assert_eq!(feedback.report_seq, report_seq);
            let group = feedback.groups().next().unwrap();
            prop_assert_eq!((group.sender, group.base_seq), (sender, base_seq));
            for (i, (seq, arrival)) in group.packets().enumerate() {
                prop_assert_eq!(seq, base_seq.wrapping_add(i as u16));
                prop_assert_eq!(arrival, arrivals[i].map(Arrival::from_instant));
            }
        }
    }
}
