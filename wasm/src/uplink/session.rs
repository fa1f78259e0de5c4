//! One session with the gateway: its sealing key, its control stream, its engine, and what comes out of them.

use smrtc_e2ee::sframe::Sealer;
use smrtc_engine::control::v1::server_message;
use smrtc_engine::send::{Uplink, UplinkConfig, UplinkEvent, UplinkOutput};
use smrtc_engine::signal::{Signal, SignalEvent, SignalOutput};
use smrtc_engine::time::{Bitrate, Instant};

use super::{UplinkEngine, seed};
use crate::messages::{self, Event, TrackBitrate};

/// What exists between two losses of the connection.
pub(super) struct Session {
    pub(super) signal: Signal,
    pub(super) sealer: Sealer,
    /// From the answer to Join on, which names the participant.
    pub(super) uplink: Option<Uplink>,
    /// When each side wants to be woken.
    signal_timeout: Instant,
    uplink_timeout: Instant,
}

impl Session {
    pub(super) fn new(sealer: Sealer) -> Self {
        Self {
            signal: Signal::new(),
            sealer,
            uplink: None,
            signal_timeout: Instant::FAR_FUTURE,
            uplink_timeout: Instant::FAR_FUTURE,
        }
    }

    pub(super) fn next_timeout(&self) -> Instant {
        self.signal_timeout.min(self.uplink_timeout)
    }
}

impl UplinkEngine {
    /// Moves what both sides of the session put out into the queues that JavaScript polls.
    pub(super) fn drain(&mut self) {
        let Some(session) = &mut self.session else {
            return;
        };
        loop {
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
                    self.events.extend(signal_event(event));
                }
                SignalOutput::Timeout(at) => {
                    session.signal_timeout = at;
                    break;
                }
            }
        }
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
                    let tracks = self.video_tracks.keys().map(|&track| TrackBitrate {
                        track,
                        bitrate: uplink.track_bitrate(track).as_bps() as f64,
                    });
                    self.events.push_back(Event::TargetBitrate {
                        audio: audio.as_bps() as f64,
                        tracks: tracks.collect(),
                    });
                }
                UplinkOutput::Event(UplinkEvent::KeyFrameRequested { track, .. }) => {
                    self.events.push_back(Event::KeyFrameRequested { track });
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
