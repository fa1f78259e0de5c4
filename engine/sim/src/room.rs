//! A call through a gateway: one publisher, the gateway's own forwarding, and subscribers on paths
//! of their own.
//!
//! ```text
//! Publisher ═ forward link ═► Hub ═ a link each ═► Subscriber
//! ```
//!
//! Feedback takes the same links back. The hub is the gateway's ([`smrtc_gateway::hub`]), with
//! rooms, controllers, layers, repair and caches; only QUIC and its own controller are not here.

use std::time::Duration;

use smrtc_engine::control::v1::{
    Join, MediaKind, Publish, Subscribe, Track, client_message::Body as Request,
};
use smrtc_engine::{Bitrate, Instant};
use smrtc_gateway::auth::{Permissions, Role, Signer, Verifier, random_secret};
use smrtc_gateway::forward::Datagram;
use smrtc_gateway::hub::{Hub, Limits, Member, Output, Side};

use crate::link::Link;
use crate::link_spec::at;
use crate::publisher::{AUDIO, Publisher, VIDEO};
use crate::report::{Report, RoomReport};
use crate::reporting::{flow_report, link_report};
use crate::scenario::{Case, LinkSpec, Scenario};
use crate::subscriber::Subscriber;
use crate::trace::Trace;
use crate::{Rng, Voice};

/// How often everything is stepped that has no deadline of its own.
const TICK: Duration = Duration::from_millis(1);
const SETTINGS_INTERVAL: Duration = Duration::from_millis(100);
/// Lifetime of a token: there is no clock here.
const FOR_EVER: Duration = Duration::from_secs(1 << 40);
/// All spatial and temporal layers.
const ALL_LAYERS: u32 = 15;

/// Both directions of a path.
struct Path {
    specs: [LinkSpec; 2],
    links: [Link; 2],
    carried_bytes: [u64; 2],
}

impl Path {
    fn new(forward: &LinkSpec, back: Option<&LinkSpec>, rng: &mut Rng) -> Self {
        let specs = [forward.clone(), forward.back(back)];
        Self {
            links: [0, 1].map(|i: usize| specs[i].link(rng)),
            specs,
            carried_bytes: [0; 2],
        }
    }

    fn apply_settings(&mut self, seconds: f64) {
        for (link, spec) in self.links.iter_mut().zip(&self.specs) {
            link.config = spec.at(seconds);
        }
    }
}

struct Watcher {
    member: Member,
    path: Path,
    subscriber: Subscriber,
    /// When measuring begins: samples, concealed samples.
    begin: (u64, u64),
}

struct RoomRun<'a> {
    scenario: &'a Scenario,
    voice: &'a Voice,
    now: Instant,
    hub: Hub,
    member: Member,
    publisher: Publisher,
    path: Path,
    watchers: Vec<Watcher>,
    /// When measuring begins: bytes sent.
    sent_bytes: u64,
    begin_sent_bytes: u64,
}

/// Runs a case that has subscribers: one report for each kind of them.
pub fn run(case: &Case, seed: u64, voice: &Voice) -> Vec<Report> {
    let mut run = RoomRun::new(&case.scenario, seed, voice);
    run.run();
    run.reports(case, seed)
}

/// The permissions of a token for the room.
fn permissions(user: &str) -> Permissions {
    let secret = random_secret();
    let token = Signer::hs256(&secret).and_then(|signer| {
        let token = signer.sign("room", user, Role::Anchor, Duration::ZERO, FOR_EVER);
        Ok((token, Verifier::hs256(&secret)?))
    });
    let (token, verifier) = token.expect("the secret is long enough");
    verifier
        .verify(&token.expect("the names are short"))
        .expect("it was signed just now")
}

fn join(hub: &mut Hub, user: &str, number: u32) -> Member {
    let mut ticket = [0; 32];
    ticket[..4].copy_from_slice(&number.to_be_bytes());
    let member = hub
        .join(
            Instant::ZERO,
            &permissions(user),
            1,
            &Join::default(),
            ticket,
        )
        .expect("there is room");
    hub.attach(Instant::ZERO, &ticket)
        .expect("the ticket is new");
    member
}

impl<'a> RoomRun<'a> {
    fn new(scenario: &'a Scenario, seed: u64, voice: &'a Voice) -> Self {
        let mut rng = Rng::new(seed);
        let mut hub = Hub::new(Limits::default());
        let flow = &scenario.flows[0];
        let member = join(&mut hub, "publisher", 0);
        let id = member.participant;
        let publisher = Publisher::new(id, flow, &scenario.engine, scenario.seconds, &mut rng);
        for (number, kind) in [(AUDIO, MediaKind::Audio), (VIDEO, MediaKind::Video)] {
            let track = Track {
                number: number.into(),
                kind: kind.into(),
                codec: "any".into(),
                ..Track::default()
            };
            let publish = Request::Publish(Publish { track: Some(track) });
            hub.request(Instant::ZERO, member, 1, Some(publish));
        }
        let specs = scenario.subscribers.iter();
        let specs = specs.flat_map(|spec| std::iter::repeat_n(spec, spec.count));
        let watchers = specs.zip(1..).map(|(spec, number)| {
            let watcher = join(&mut hub, &format!("subscriber {number}"), number);
            for track in [AUDIO, VIDEO] {
                let subscribe = Subscribe {
                    participant_id: id,
                    track: track.into(),
                    max_spatial_layer: ALL_LAYERS,
                    max_temporal_layer: ALL_LAYERS,
                };
                let subscribe = Request::Subscribe(subscribe);
                hub.request(Instant::ZERO, watcher, 1, Some(subscribe));
            }
            Watcher {
                member: watcher,
                path: Path::new(&spec.forward, spec.back.as_ref(), &mut rng),
                subscriber: Subscriber::new(id, flow, &scenario.engine, &mut rng),
                begin: (0, 0),
            }
        });
        let watchers = watchers.collect();
        Self {
            path: Path::new(&scenario.forward, scenario.back.as_ref(), &mut rng),
            scenario,
            voice,
            now: Instant::ZERO,
            hub,
            member,
            publisher,
            watchers,
            sent_bytes: 0,
            begin_sent_bytes: 0,
        }
    }

    fn run(&mut self) {
        let (settle, end) = (at(self.scenario.settle), at(self.scenario.seconds));
        let (mut next_settings, mut measuring) = (Instant::ZERO, false);
        while self.now < end {
            if self.now >= next_settings {
                next_settings += SETTINGS_INTERVAL;
                let seconds = (self.now - Instant::ZERO).as_secs_f64();
                self.path.apply_settings(seconds);
                for watcher in &mut self.watchers {
                    watcher.path.apply_settings(seconds);
                }
            }
            if !measuring && self.now >= settle {
                measuring = true;
                self.begin_measuring();
            }
            self.publish();
            self.deliver();
            self.forward();
            self.now += TICK;
        }
    }

    fn publish(&mut self) {
        self.publisher.step(self.now, self.voice);
        for datagram in self.publisher.out.drain(..) {
            self.sent_bytes += datagram.len() as u64;
            self.path.links[0].send(self.now, datagram);
        }
    }

    fn deliver(&mut self) {
        let now = self.now;
        while let Some(datagram) = self.path.links[0].receive(now) {
            let datagram = Datagram::copy_of(&datagram);
            self.hub.datagram(now, self.member, Side::Uplink, &datagram);
        }
        while let Some(datagram) = self.path.links[1].receive(now) {
            self.publisher.on_datagram(now, &datagram);
        }
        for watcher in &mut self.watchers {
            while let Some(datagram) = watcher.path.links[0].receive(now) {
                watcher.subscriber.on_datagram(now, &datagram);
            }
            watcher.subscriber.step(now);
            for datagram in watcher.subscriber.out.drain(..) {
                watcher.path.links[1].send(now, datagram);
            }
            while let Some(datagram) = watcher.path.links[1].receive(now) {
                let datagram = Datagram::copy_of(&datagram);
                self.hub
                    .datagram(now, watcher.member, Side::Downlink, &datagram);
            }
        }
    }

    fn forward(&mut self) {
        let now = self.now;
        if self.hub.next_timeout(self.member) <= now {
            self.hub.timeout(now, self.member);
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
            let link = if side == Side::Uplink {
                &mut self.path.links[1]
            } else {
                let mut watchers = self.watchers.iter_mut();
                let Some(watcher) = watchers.find(|watcher| watcher.member == member) else {
                    continue;
                };
                &mut watcher.path.links[0]
            };
            while let Some(datagram) = self.hub.pop_datagram(now, member, side) {
                link.send(now, datagram.payload().to_vec());
            }
        }
    }

    fn begin_measuring(&mut self) {
        self.begin_sent_bytes = self.sent_bytes;
        for watcher in &mut self.watchers {
            watcher.path.carried_bytes = [0, 1].map(|i: usize| watcher.path.links[i].carried_bytes);
            let audio = watcher.subscriber.audio(self.now);
            watcher.begin = (audio.total_samples_received, audio.concealed_samples);
        }
    }

    fn reports(&self, case: &Case, seed: u64) -> Vec<Report> {
        let (from, to) = (at(self.scenario.settle), at(self.scenario.seconds));
        let seconds = (to - from).as_secs_f64();
        let largest = self.scenario.flows[0].sizes.len().saturating_sub(1) as u8;
        let mut rest = self.watchers.iter();
        let report = |spec: &crate::scenario::SubscriberSpec| {
            let watchers: Vec<&Watcher> = rest.by_ref().take(spec.count).collect();
            let flows = watchers.iter().map(|watcher| {
                let (large_share, size_changes) =
                    watcher.subscriber.measure.sizes(from, to, largest);
                let path = &watcher.path;
                let carried = path.links[0].carried_bytes - path.carried_bytes[0];
                let mut flow = flow_report(
                    &self.publisher,
                    &watcher.subscriber,
                    watcher.begin,
                    from,
                    to,
                );
                flow.sent_kbps = carried as f64 * 8e-3 / seconds;
                let target = self.hub.downlink_rate(watcher.member);
                flow.target_kbps = target.unwrap_or(Bitrate::ZERO).as_bps() as f64 / 1e3;
                flow.room = Some(RoomReport {
                    large_share,
                    size_changes,
                    layer_switches: self.hub.layer_switches(watcher.member),
                });
                flow
            });
            let flows: Vec<_> = flows.collect();
            let frames = watchers.iter().map(|w| w.subscriber.measure.frames());
            let link = |i: usize| {
                watchers.first().map(|watcher| {
                    let path = &watcher.path;
                    let carried = path.links[i].carried_bytes - path.carried_bytes[i];
                    link_report(&path.links[i], carried, None, from, to)
                })
            };
            Report {
                case: format!("{}: {}", case.name, spec.name),
                seed,
                seconds,
                fairness: 1.0,
                flows,
                forward: link(0).unwrap_or_default(),
                back: link(1).unwrap_or_default(),
                trace: Trace {
                    samples: Vec::new(),
                    frames: frames.collect(),
                },
            }
        };
        self.scenario.subscribers.iter().map(report).collect()
    }
}
