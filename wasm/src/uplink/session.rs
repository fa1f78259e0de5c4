//! One session with the gateway: its sealing key, its control stream, its engine, and what comes out of them.

use smrtc_e2ee::sframe::Sealer;
use smrtc_engine::control::v1::server_message;
use smrtc_engine::send::{Uplink, UplinkConfig, UplinkEvent, UplinkOutput};
use smrtc_engine::signal::{Signal, SignalEvent, SignalOutput};
use smrtc_engine::time::{Bitrate, Instant};

use super::group::sealing_epoch;
use super::{UplinkEngine, seed};
use crate::error::CallError;
use crate::group_messages::GroupEvent;
use crate::keys::Keys;
use crate::messages::{self, Event, LayerBitrate};
use crate::sealing;

/// What exists between two losses of the connection.
pub(super) struct Session {
    pub(super) signal: Signal,
    /// None until the group's first epoch, and once we are out of it.
    pub(super) sealer: Option<Sealer>,
    /// The epoch of the sealer's key.
    sealed_in: Option<u64>,
    /// From the answer to Join on, which names the participant.
    pub(super) uplink: Option<Uplink>,
    /// When each side wants to be woken.
    signal_timeout: Instant,
    uplink_timeout: Instant,
}

impl Session {
    pub(super) fn new() -> Self {
        Self {
            signal: Signal::new(),
            sealer: None,
            sealed_in: None,
            uplink: None,
            signal_timeout: Instant::FAR_FUTURE,
            uplink_timeout: Instant::FAR_FUTURE,
        }
    }

    pub(super) fn next_timeout(&self) -> Instant {
        self.signal_timeout.min(self.uplink_timeout)
    }

    /// Seals in the epoch that the keys are in, under a key that has never sealed.
    ///
    /// # Errors
    ///
    /// No randomness; there is then no sealer, and nothing is sent.
    pub(super) fn follow(&mut self, keys: &mut Keys) -> Result<(), CallError> {
        let epoch = sealing_epoch(keys);
        if self.sealer.is_some() && epoch == self.sealed_in {
            return Ok(());
        }
        self.sealer = None;
        self.sealed_in = epoch;
        if epoch.is_some() {
            self.sealer = Some(sealing::fresh_sealer(keys)?);
        }
        Ok(())
    }
}

impl UplinkEngine {
    /// Moves what all sides of the session put out into the queues that JavaScript polls.
    pub(super) fn drain(&mut self) {
        // What comes off the stream goes to the group, and what the group wants goes onto the stream.
        while {
            self.drain_group();
            self.drain_signal()
        } {}
        self.drain_uplink();
    }

    /// Whether there was anything.
    fn drain_signal(&mut self) -> bool {
        let mut any = false;
        loop {
            let Some(session) = &mut self.session else {
                return any;
            };
            match session.signal.poll_output() {
                SignalOutput::Transmit(bytes) => self.control.push_back(bytes),
                SignalOutput::Event(event) => {
                    if let SignalEvent::Reply {
                        body: server_message::Body::Joined(joined),
                        ..
                    } = &event
                    {
                        let uplink =
                            Uplink::new(UplinkConfig::default(), joined.participant_id, seed());
                        session.uplink = Some(uplink);
                    }
                    if !self.is_for_group(&event) {
                        self.events.extend(signal_event(event));
                    }
                }
                SignalOutput::Timeout(at) => {
                    session.signal_timeout = at;
                    return any;
                }
            }
            any = true;
        }
    }

    /// Shows the group what happened. Whether it was meant for the group alone.
    fn is_for_group(&mut self, event: &SignalEvent) -> bool {
        let Some(group) = &mut self.group else {
            return false;
        };
        let received = match event {
            SignalEvent::Reply { request_id, body } => group.received(self.now, *request_id, body),
            SignalEvent::Notification(body) => group.received(self.now, 0, body),
            SignalEvent::RequestTimedOut { request_id } => return group.timed_out(*request_id),
        };
        received.unwrap_or_else(|error| {
            // Without an identity there is no group, and nothing is sent.
            let event = GroupEvent::Refused {
                subject: "own",
                reason: error.to_string(),
            };
            self.events.push_back(Event::Group { event });
            false
        })
    }

    fn drain_group(&mut self) {
        let (Some(session), Some(group)) = (&mut self.session, &mut self.group) else {
            return;
        };
        if group.drain(self.now, &mut session.signal, &mut self.keys) {
            session.sealer = None;
        }
        let followed = session.follow(&mut self.keys);
        let events = group.events.drain(..);
        self.events
            .extend(events.map(|event| Event::Group { event }));
        if let Err(error) = followed {
            let reason = error.to_string();
            self.events.push_back(Event::SealFailed { reason });
        }
    }

    fn drain_uplink(&mut self) {
        let Some(session) = &mut self.session else {
            return;
        };
        let Some(uplink) = &mut session.uplink else {
            return;
        };
        loop {
            match uplink.poll_output() {
                UplinkOutput::Transmit(bytes) => self.datagrams.push(bytes),
                UplinkOutput::Event(UplinkEvent::TargetBitrate { audio, .. }) => {
                    if audio > Bitrate::ZERO {
                        // libopus refuses only what is out of its range, and the range is clamped.
                        let _ = self.capture.set_bitrate(audio);
                    }
                    let layers = self.layers.iter().flat_map(|(&track, &count)| {
                        (0..count).map(move |spatial| (track, spatial))
                    });
                    let layers = layers.map(|(track, spatial)| LayerBitrate {
                        track,
                        spatial,
                        bitrate: uplink.layer_bitrate(track, spatial).as_bps() as f64,
                    });
                    self.events.push_back(Event::TargetBitrate {
                        audio: audio.as_bps() as f64,
                        layers: layers.collect(),
                    });
                }
                UplinkOutput::Event(UplinkEvent::KeyFrameRequested { track, spatial }) => {
                    let event = Event::KeyFrameRequested { track, spatial };
                    self.events.push_back(event);
                }
                UplinkOutput::Timeout(at) => {
                    session.uplink_timeout = at;
                    break;
                }
            }
        }
    }
}

fn signal_event(event: SignalEvent) -> Option<Event> {
    match event {
        SignalEvent::Reply { request_id, body } => Some(messages::reply(request_id, body)),
        SignalEvent::RequestTimedOut { request_id } => Some(Event::RequestTimedOut { request_id }),
        SignalEvent::Notification(body) => messages::notification(body),
    }
}
