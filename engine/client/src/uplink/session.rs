//! One session with the gateway: its sealing key, its control stream, its engine, and what comes
//! out of them.

use smrtc_e2ee::sframe::Sealer;
use smrtc_engine::control::v1::server_message;
use smrtc_engine::send::{Uplink, UplinkEvent as EngineEvent, UplinkOutput as EngineOutput};
use smrtc_engine::signal::{Signal, SignalEvent, SignalOutput};
use smrtc_engine::time::{Bitrate, Instant};

use super::{EncoderEvent, LayerBitrate, UplinkEvent, UplinkHalf};
use crate::sealing;
use crate::{Keys, Randomness, SetupError};

/// The state between two losses of the connection.
pub(super) struct Session {
    pub(super) signal: Signal,
    /// None until the group's first epoch, and once we are out of it.
    pub(super) sealer: Option<Sealer>,
    /// The epoch of the sealer's key.
    sealed_in: Option<u64>,
    /// From the answer to Join on, which names the participant.
    pub(super) uplink: Option<Uplink>,
    signal_timeout: Instant,
    uplink_timeout: Instant,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            signal: Signal::new(),
            sealer: None,
            sealed_in: None,
            uplink: None,
            signal_timeout: Instant::FAR_FUTURE,
            uplink_timeout: Instant::FAR_FUTURE,
        }
    }
}

impl Session {
    pub(super) fn next_timeout(&self) -> Instant {
        self.signal_timeout.min(self.uplink_timeout)
    }

    /// Seals in the epoch that the keys are in, under a key that has never sealed.
    ///
    /// # Errors
    ///
    /// [`SetupError::SenderKey`]; there is then no sealer, and nothing is sent.
    pub(super) fn follow(
        &mut self,
        keys: &mut Keys,
        randomness: &Randomness,
    ) -> Result<(), SetupError> {
        let epoch = keys.sealing_epoch();
        if self.sealer.is_some() && epoch == self.sealed_in {
            return Ok(());
        }
        self.sealer = None;
        self.sealed_in = epoch;
        if epoch.is_some() {
            self.sealer = Some(sealing::fresh_sealer(keys, &mut *randomness.source())?);
        }
        Ok(())
    }
}

impl UplinkHalf {
    /// Moves what the parts of the session put out into the queues that the host polls.
    pub(super) fn drain(&mut self) {
        // Messages of the stream go to the group, and requests of the group go onto the stream,
        // until both are silent.
        loop {
            self.drain_group();
            if !self.drain_signal() {
                break;
            }
        }
        self.drain_engine();
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
                SignalOutput::Event(event) => self.on_signal_event(event),
                SignalOutput::Timeout(at) => {
                    session.signal_timeout = at;
                    return any;
                }
            }
            any = true;
        }
    }

    fn on_signal_event(&mut self, event: SignalEvent) {
        if let SignalEvent::Reply {
            body: server_message::Body::Joined(joined),
            ..
        } = &event
            && let Some(session) = &mut self.session
        {
            let (config, seed) = (self.config, self.randomness.seed());
            session.uplink = Some(Uplink::new(config, joined.participant_id, seed));
        }
        if self.is_for_group(&event) {
            return;
        }
        self.events.push_back(match event {
            SignalEvent::Reply { request_id, body } => UplinkEvent::Reply { request_id, body },
            SignalEvent::RequestTimedOut { request_id } => {
                UplinkEvent::RequestTimedOut { request_id }
            }
            SignalEvent::Notification(body) => UplinkEvent::Notification(body),
        });
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
            self.events.push_back(UplinkEvent::IdentityRefused(error));
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
        let followed = session.follow(&mut self.keys, &self.randomness);
        self.events
            .extend(group.events.drain(..).map(UplinkEvent::Group));
        if let Err(error) = followed {
            self.events.push_back(UplinkEvent::NoKey(error));
        }
    }

    fn drain_engine(&mut self) {
        loop {
            let Some(session) = &mut self.session else {
                return;
            };
            let Some(uplink) = &mut session.uplink else {
                return;
            };
            match uplink.poll_output() {
                EngineOutput::Transmit(bytes) => self.datagrams.push(bytes),
                EngineOutput::Event(EngineEvent::TargetBitrate { audio, .. }) => {
                    self.on_target_bitrate(audio);
                }
                EngineOutput::Event(EngineEvent::KeyFrameRequested { track, spatial }) => {
                    let event = EncoderEvent::KeyFrameRequested { track, spatial };
                    self.events.push_back(UplinkEvent::Encoder(event));
                }
                EngineOutput::Timeout(at) => {
                    session.uplink_timeout = at;
                    return;
                }
            }
        }
    }

    fn on_target_bitrate(&mut self, audio: Bitrate) {
        if audio > Bitrate::ZERO
            && let Some(capture) = &mut self.capture
        {
            // libopus refuses only values out of its range, and the range is clamped.
            let _ = capture.set_bitrate(audio);
        }
        let Some(engine) = self.engine() else {
            return;
        };
        let layers = self
            .layers
            .iter()
            .flat_map(|(&track, &count)| (0..count).map(move |spatial| (track, spatial)))
            .map(|(track, spatial)| LayerBitrate {
                track,
                spatial,
                bitrate: engine.layer_bitrate(track, spatial),
            })
            .collect();
        let event = EncoderEvent::TargetBitrate { audio, layers };
        self.events.push_back(UplinkEvent::Encoder(event));
    }
}
