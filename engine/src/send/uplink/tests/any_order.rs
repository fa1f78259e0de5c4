//! Inputs of every kind in every order, on a clock that jumps.

use proptest::prelude::*;

use super::*;
use crate::send::{CacheConfig, PacerConfig};
use crate::wire::media::MediaPacket;
use crate::wire::{Kind, kind};

/// One thing that happens in [`any_input_in_any_order`].
#[derive(Clone, Debug)]
enum Step {
    Frame {
        track: u8,
        key: bool,
        discardable: bool,
        temporal: u8,
        bytes: usize,
    },
    Bytes(Vec<u8>),
    /// Of the packets sent last, which came and which did not.
    Report {
        back: u16,
        came: Vec<bool>,
        delay: u64,
    },
    Nack {
        back: u32,
        fragment: u16,
        mask: u32,
    },
    KeyFrame,
    Wait(u64),
    Jump(u64),
    Back(u64),
    Remove,
}

fn step() -> impl Strategy<Value = Step> {
    let frame = (
        0_u8..2,
        any::<bool>(),
        any::<bool>(),
        0_u8..2,
        1_usize..9_000,
    )
        .prop_map(|(track, key, discardable, temporal, bytes)| Step::Frame {
            track,
            key,
            discardable,
            temporal,
            bytes,
        });
    let report = (
        0_u16..200,
        proptest::collection::vec(any::<bool>(), 1..60),
        0_u64..400,
    )
        .prop_map(|(back, came, delay)| Step::Report { back, came, delay });
    let nack = (0_u32..40, 0_u16..20, any::<u32>()).prop_map(|(back, fragment, mask)| Step::Nack {
        back,
        fragment,
        mask,
    });
    prop_oneof![
        20 => frame,
        10 => (0_u64..60).prop_map(Step::Wait),
        8 => report,
        4 => nack,
        2 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Step::Bytes),
        2 => Just(Step::KeyFrame),
        1 => (0_u64..1 << 44).prop_map(Step::Jump),
        1 => (0_u64..100_000).prop_map(Step::Back),
        1 => Just(Step::Remove),
    ]
}

struct Host {
    uplink: Uplink,
    now: Instant,
    next: Instant,
    sent: u64,
}

impl Host {
    fn input(&mut self, input: UplinkInput<'_>) {
        // What is refused has no effect.
        let _ = self.uplink.handle_input(self.now, input);
        loop {
            match self.uplink.poll_output() {
                UplinkOutput::Transmit(datagram) => {
                    self.sent += 1;
                    assert!(datagram.len() <= wire::MAX_DATAGRAM_BYTES);
                    if kind(&datagram) == Ok(Kind::Media) {
                        MediaPacket::parse(&datagram).expect("our own packets parse");
                    }
                }
                UplinkOutput::Event(_) => {}
                UplinkOutput::Timeout(next) => {
                    self.next = next;
                    return;
                }
            }
        }
    }

    fn run_to(&mut self, until: Instant) {
        while self.next <= until {
            self.now = self.now.max(self.next);
            self.input(UplinkInput::Timeout);
            assert!(
                self.next > self.now,
                "a timeout that is served and still due"
            );
        }
        self.now = until;
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Frame {
                track,
                key,
                discardable,
                temporal,
                bytes,
            } => {
                let params = FrameParams {
                    discardable,
                    temporal,
                    ..params(key)
                };
                let header = self
                    .uplink
                    .begin_frame(track, params)
                    .expect("the track is set");
                let sealed = vec![
                    0xa5;
                    if track == AUDIO {
                        bytes % 400 + 1
                    } else {
                        bytes
                    }
                ];
                self.input(UplinkInput::Frame { header, sealed });
            }
            Step::Bytes(bytes) => self.input(UplinkInput::Datagram(&bytes)),
            Step::Report { back, came, delay } => {
                let base = self.uplink.transport_seq.wrapping_sub(back);
                let arrivals: Vec<_> = came
                    .iter()
                    .zip(0..)
                    .map(|(&came, n)| came.then(|| self.now + Duration::from_millis(delay + n)))
                    .collect();
                let mut writer = FeedbackWriter::new(0, Duration::ZERO);
                assert_eq!(writer.push_group(ME, base, &arrivals), came.len());
                self.input(UplinkInput::Datagram(&writer.finish()));
            }
            Step::Nack {
                back,
                fragment,
                mask,
            } => {
                let newest = self
                    .uplink
                    .tracks
                    .stream_mut(TrackId::new(ME, VIDEO).stream(0))
                    .map_or(0, |stream| stream.next_frame_id());
                let entry = NackEntry {
                    sender: ME,
                    track: VIDEO,
                    spatial: 0,
                    frame_id: newest.wrapping_sub(back),
                    first_fragment: fragment,
                    mask,
                };
                let mut datagram = Vec::new();
                nack::encode(&[entry], &mut datagram);
                self.input(UplinkInput::Datagram(&datagram));
            }
            Step::KeyFrame => {
                let mut datagram = Vec::new();
                let entry = KeyFrameEntry {
                    sender: ME,
                    track: VIDEO,
                    spatial: 0,
                };
                keyframe::encode(&[entry], &mut datagram);
                self.input(UplinkInput::Datagram(&datagram));
            }
            Step::Wait(millis) => self.run_to(self.now + Duration::from_millis(millis)),
            Step::Jump(micros) => {
                self.now += Duration::from_micros(micros);
                self.input(UplinkInput::Timeout);
            }
            Step::Back(millis) => {
                self.now = self.now - Duration::from_millis(millis);
                self.input(UplinkInput::Timeout);
            }
            Step::Remove => {
                let config = self.uplink.tracks.get(VIDEO).unwrap().config;
                self.uplink.remove_track(VIDEO);
                self.uplink.set_track(VIDEO, config);
            }
        }
    }
}

proptest! {
    /// No order of inputs and no jump of the clock panics, spins the host, lets what waits grow
    /// without bound or keeps it for good.
    #[test]
    fn any_input_in_any_order(steps in proptest::collection::vec(step(), 0..200)) {
        let mut host = Host { uplink: uplink(), now: at(1_000), next: at(1_000), sent: 0 };
        for step in steps {
            host.step(step);
            let longest = host.uplink.pacer.queued_bytes();
            prop_assert!(longest <= PacerConfig::default().max_bytes + 20_000, "{longest} bytes wait");
            prop_assert!(host.uplink.retransmitter.kept_bytes() <= CacheConfig::default().max_bytes);
            for outbound in host.uplink.stats(host.now).outbound {
                let waiting = host.uplink.pacer.queued_bytes() as u64;
                prop_assert!(
                    waiting > 0 || outbound.frames_encoded <= outbound.frames_sent + outbound.frames_dropped,
                    "a frame vanished: {outbound:?}"
                );
            }
        }
        // Whatever went before, all that waits leaves, and a new frame does too. A clock that was
        // set back has to make up for it first.
        let end = host.now.max(host.uplink.now) + Duration::from_secs(400);
        host.run_to(end);
        prop_assert_eq!(host.uplink.pacer.queued_bytes(), 0);
        let before = host.sent;
        host.step(Step::Frame { track: AUDIO, key: true, discardable: false, temporal: 0, bytes: 80 });
        prop_assert!(host.sent > before);
    }
}
