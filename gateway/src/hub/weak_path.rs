//! A publisher, the hub and subscribers on paths of their own, in virtual time: real uplinks and downlinks, simulated links.

use std::time::Duration;

use smrtc_engine::{
    control::v1::{Join, MediaKind, Publish, Subscribe, Track, client_message::Body as Request},
    recv::{Downlink, DownlinkConfig, DownlinkInput, DownlinkOutput},
    send::{
        FrameParams, LayerConfig, TrackConfig, Uplink, UplinkConfig, UplinkEvent, UplinkInput,
        UplinkOutput,
    },
    time::{Bitrate, MediaTime},
    wire::media::MediaKind as WireKind,
};
use smrtc_sim::link::{Link, LinkConfig, Loss};

use super::*;
use crate::auth::{Permissions, Role};

const AUDIO: u8 = 0;
const VIDEO: u8 = 1;
/// What sealing adds.
const SEAL_BYTES: usize = 28;
const KEY_FACTOR: u64 = 4;

struct Watcher {
    member: Member,
    downlink: Downlink,
    down: Link,
    back: Link,
    /// Pictures: when shown, after what delay, in which layer.
    seen: Vec<(Instant, Duration, u8)>,
}

struct Call {
    hub: Hub,
    now: Instant,
    publisher: Member,
    uplink: Uplink,
    up: Link,
    back: Link,
    key_wanted: [bool; 2],
    watchers: Vec<Watcher>,
}

fn path(kbps: Option<u64>, loss: f64) -> LinkConfig {
    LinkConfig {
        rate: kbps.map(Bitrate::from_kbps),
        loss: if loss > 0.0 {
            Loss::Random(loss)
        } else {
            Loss::None
        },
        ..LinkConfig::default()
    }
}

fn join(hub: &mut Hub, user: &str, ticket: u8) -> Member {
    let permissions = Permissions::for_test("room", user, Role::Anchor);
    let member = hub
        .join(
            Instant::ZERO,
            &permissions,
            1,
            &Join::default(),
            [ticket; 32],
        )
        .unwrap();
    hub.attach(Instant::ZERO, &[ticket; 32]).unwrap();
    member
}

impl Call {
    fn new(paths: &[LinkConfig]) -> Self {
        let mut hub = Hub::new(Limits::default());
        let publisher = join(&mut hub, "publisher", 0);
        let mut uplink = Uplink::new(UplinkConfig::default(), publisher.participant, 1);
        for (number, kind, wire, kbps) in [
            (AUDIO, MediaKind::Audio, WireKind::Audio, 32),
            (VIDEO, MediaKind::Video, WireKind::Video, 1_000),
        ] {
            let track = Track {
                number: number.into(),
                kind: kind.into(),
                codec: "any".into(),
                ..Track::default()
            };
            let publish = Request::Publish(Publish { track: Some(track) });
            hub.request(Instant::ZERO, publisher, 1, Some(publish));
            let max_bitrate = Bitrate::from_kbps(kbps);
            uplink.set_track(
                number,
                TrackConfig {
                    kind: wire,
                    max_bitrate,
                },
            );
        }
        let layer = |min, max| LayerConfig {
            min_bitrate: Bitrate::from_kbps(min),
            max_bitrate: Bitrate::from_kbps(max),
        };
        uplink.set_layers(VIDEO, &[layer(30, 150), layer(400, 800)]);
        let watchers = (1..).zip(paths).map(|(n, config)| {
            let member = join(&mut hub, &format!("watcher {n}"), n);
            let mut downlink = Downlink::new(DownlinkConfig::default(), n.into());
            for (number, wire) in [(AUDIO, WireKind::Audio), (VIDEO, WireKind::Video)] {
                downlink.add_track(publisher.participant, number, wire);
                let subscribe = Subscribe {
                    participant_id: publisher.participant,
                    track: number.into(),
                    max_spatial_layer: 15,
                    max_temporal_layer: 15,
                };
                hub.request(
                    Instant::ZERO,
                    member,
                    1,
                    Some(Request::Subscribe(subscribe)),
                );
            }
            let back = LinkConfig {
                rate: None,
                ..*config
            };
            Watcher {
                member,
                downlink,
                down: Link::new(*config, u64::from(n) * 2),
                back: Link::new(back, u64::from(n) * 2 + 1),
                seen: Vec::new(),
            }
        });
        let watchers = watchers.collect();
        Self {
            hub,
            now: Instant::ZERO,
            publisher,
            uplink,
            up: Link::new(LinkConfig::default(), 100),
            back: Link::new(LinkConfig::default(), 101),
            key_wanted: [true; 2],
            watchers,
        }
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            self.now += Duration::from_millis(1);
            let ms = self.now.as_micros() / 1_000;
            if ms.is_multiple_of(20) {
                self.frame(AUDIO, 0, true, 80);
            }
            if ms.is_multiple_of(33) {
                self.pictures();
            }
            let input = UplinkInput::Timeout;
            self.uplink.handle_input(self.now, input).unwrap();
            self.drain_uplink();
            self.deliver();
            self.drive_hub();
        }
    }

    fn pictures(&mut self) {
        for spatial in 0..2 {
            if !self.uplink.wants_layer_frame(self.now, VIDEO, spatial) {
                // A layer that begins again does so with a key frame.
                self.key_wanted[usize::from(spatial)] = true;
                continue;
            }
            let rate = self.uplink.layer_bitrate(VIDEO, spatial);
            let mean = rate.bytes_in(Duration::from_millis(33));
            let key = std::mem::take(&mut self.key_wanted[usize::from(spatial)]);
            let bytes = if key { mean * KEY_FACTOR } else { mean };
            self.frame(VIDEO, spatial, key, bytes as usize);
        }
    }

    fn frame(&mut self, track: u8, spatial: u8, key: bool, bytes: usize) {
        let params = FrameParams {
            key,
            discardable: false,
            spatial,
            temporal: 0,
            reference_distance: u16::from(!key),
            media_time: MediaTime::from_micros(self.now.as_micros()),
        };
        let header = self.uplink.begin_frame(track, params).unwrap();
        let sealed = vec![spatial; bytes + SEAL_BYTES];
        let input = UplinkInput::Frame { header, sealed };
        self.uplink.handle_input(self.now, input).unwrap();
        self.drain_uplink();
    }

    fn drain_uplink(&mut self) {
        loop {
            match self.uplink.poll_output() {
                UplinkOutput::Transmit(datagram) => self.up.send(self.now, datagram),
                UplinkOutput::Event(UplinkEvent::KeyFrameRequested { spatial, .. }) => {
                    self.key_wanted[usize::from(spatial)] = true;
                }
                UplinkOutput::Event(_) => {}
                UplinkOutput::Timeout(_) => return,
            }
        }
    }

    fn deliver(&mut self) {
        let now = self.now;
        while let Some(datagram) = self.up.receive(now) {
            let datagram = Datagram::copy_of(&datagram);
            self.hub
                .datagram(now, self.publisher, Side::Uplink, &datagram);
        }
        while let Some(datagram) = self.back.receive(now) {
            let _ = self
                .uplink
                .handle_input(now, UplinkInput::Datagram(&datagram));
            self.drain_uplink();
        }
        for watcher in &mut self.watchers {
            while let Some(datagram) = watcher.down.receive(now) {
                watcher.input(now, DownlinkInput::Datagram(&datagram));
            }
            watcher.input(now, DownlinkInput::Timeout);
            while let Some(datagram) = watcher.back.receive(now) {
                let datagram = Datagram::copy_of(&datagram);
                self.hub
                    .datagram(now, watcher.member, Side::Downlink, &datagram);
            }
        }
    }

    fn drive_hub(&mut self) {
        let now = self.now;
        if self.hub.next_timeout(self.publisher) <= now {
            self.hub.timeout(now, self.publisher);
        }
        for watcher in &self.watchers {
            if self.hub.next_send(watcher.member) <= now {
                self.hub.send_due(watcher.member);
            }
        }
        while let Some(output) = self.hub.poll_output() {
            let Output::Ready(member, side) = output else {
                continue;
            };
            while let Some(datagram) = self.hub.pop_datagram(now, member, side) {
                let bytes = datagram.payload().to_vec();
                if side == Side::Uplink {
                    self.back.send(now, bytes);
                } else if let Some(watcher) = self.watchers.iter_mut().find(|w| w.member == member)
                {
                    watcher.down.send(now, bytes);
                }
            }
        }
    }

    /// Of a watcher from `from` on: pictures a second, share of them in the large layer, the longest gap, the 95th percentile of delay.
    fn seen(&self, watcher: usize, from: u64) -> (f64, f64, Duration, Duration) {
        let from = Instant::ZERO + Duration::from_secs(from);
        let seen: Vec<_> = self.watchers[watcher]
            .seen
            .iter()
            .filter(|(at, ..)| *at >= from)
            .collect();
        let large = seen.iter().filter(|(.., spatial)| *spatial == 1).count();
        let gaps = seen.windows(2).map(|pair| pair[1].0 - pair[0].0);
        let mut delays: Vec<_> = seen.iter().map(|(_, delay, _)| *delay).collect();
        delays.sort_unstable();
        let result = (
            seen.len() as f64 / (self.now - from).as_secs_f64(),
            large as f64 / seen.len().max(1) as f64,
            gaps.max().unwrap_or(Duration::MAX),
            delays
                .get(delays.len() * 95 / 100)
                .copied()
                .unwrap_or(Duration::MAX),
        );
        let switches = self.hub.layer_switches(self.watchers[watcher].member);
        println!(
            "watcher {watcher}: {:.1} fps, {:.0} % large, longest gap {:?}, delay p95 {:?}, {switches} switches",
            result.0,
            result.1 * 100.0,
            result.2,
            result.3
        );
        result
    }
}

impl Watcher {
    fn input(&mut self, now: Instant, input: DownlinkInput<'_>) {
        self.downlink.handle_input(now, input);
        loop {
            match self.downlink.poll_output() {
                DownlinkOutput::Transmit(datagram) => self.back.send(now, datagram),
                DownlinkOutput::Sealed { header, mut frame } => {
                    frame.truncate(frame.len() - SEAL_BYTES);
                    let plaintext = frame;
                    self.downlink
                        .handle_input(now, DownlinkInput::Opened { header, plaintext });
                }
                DownlinkOutput::Video {
                    header, render_at, ..
                } => {
                    let captured = Instant::from_micros(header.media_time.as_micros());
                    self.seen
                        .push((render_at, render_at - captured, header.spatial));
                }
                DownlinkOutput::Timeout(_) => return,
                _ => {}
            }
        }
    }
}

#[test]
fn a_slow_subscriber_gets_the_small_pictures_and_hurts_nobody() {
    let mut call = Call::new(&[path(None, 0.0), path(Some(300), 0.0), path(None, 0.0)]);
    call.run(60);
    for fast in [0, 2] {
        let (fps, large, gap, delay) = call.seen(fast, 10);
        assert!(fps > 29.0 && large > 0.99, "{fps} {large}");
        assert!(gap < Duration::from_millis(150), "{gap:?}");
        assert!(delay < Duration::from_millis(100), "{delay:?}");
    }
    // All of the small pictures: at their rate there are 23 a second. What trials of the large size cost is delay.
    let (fps, large, gap, delay) = call.seen(1, 10);
    assert!(fps > 23.0 && large < 0.01, "{fps} {large}");
    assert!(gap < Duration::from_millis(200), "{gap:?}");
    assert!(delay < Duration::from_millis(300), "{delay:?}");
    let switches = call.hub.layer_switches(call.watchers[1].member);
    assert!(switches <= 3, "{switches} in a minute");
}

#[test]
fn a_path_that_narrows_and_widens_changes_layers_once_each_way() {
    let mut call = Call::new(&[path(Some(3_000), 0.0)]);
    call.run(20);
    call.watchers[0].down.config = path(Some(400), 0.0);
    call.run(20);
    let low = call.watchers[0].seen.last().map(|seen| seen.2);
    assert_eq!(low, Some(0), "the small pictures while it is narrow");
    call.watchers[0].down.config = path(Some(3_000), 0.0);
    call.run(40);
    let high = call.watchers[0].seen.last().map(|seen| seen.2);
    call.seen(0, 0);
    assert_eq!(high, Some(1), "the large ones again");
    let switches = call.hub.layer_switches(call.watchers[0].member);
    assert!((2..=5).contains(&switches), "{switches}");
}

#[test]
fn each_path_gets_the_repair_packets_that_it_needs() {
    let mut call = Call::new(&[path(None, 0.0), path(None, 0.2)]);
    call.run(30);
    let repairs = |watcher: usize| {
        let stats = call.watchers[watcher].downlink.stats(call.now);
        let inbound = stats.inbound.iter();
        inbound.map(|track| track.fec_packets_received).sum::<u64>()
    };
    let (clean, lossy) = (repairs(0), repairs(1));
    assert!(
        clean * 20 < lossy,
        "{clean} for a clean path, {lossy} for a lossy one"
    );
    assert!(call.hub.counters().repairs_made > 500);
    let (fps, large, gap, _) = call.seen(1, 10);
    assert!(large > 0.9, "the path is wide, whatever it loses: {large}");
    assert!(
        fps > 28.0 && gap < Duration::from_millis(200),
        "{fps} {gap:?}"
    );
    let (fps, ..) = call.seen(0, 10);
    assert!(fps > 29.0, "{fps}");
}
