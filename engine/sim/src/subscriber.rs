//! The subscriber of a call: the receiving half of a participant, which shows and plays.

use std::time::Duration;

use smrtc_audio::{AudioReceiveStats, PlayoutConfig};
use smrtc_client::{DownlinkHalf, DownlinkOptions};
use smrtc_engine::recv::DownlinkConfig;
use smrtc_engine::stats::DownlinkStats;
use smrtc_engine::wire::media::MediaKind;
use smrtc_engine::{Instant, TrackId};

use crate::link_spec::at;
use crate::measure::Measure;
use crate::publisher::{AUDIO, VIDEO};
use crate::scenario::{EngineSpec, FlowSpec};
use crate::{Rng, halves};

const RENDER_INTERVAL: Duration = Duration::from_millis(10);
/// Delay of a jitter buffer that does not adapt.
const PLAIN_DELAY: Duration = Duration::from_millis(60);

/// Receives, shows and plays.
pub(crate) struct Subscriber {
    downlink: DownlinkHalf,
    wakes: Instant,
    next_render: Instant,
    pub(crate) out: Vec<Vec<u8>>,
    pub(crate) measure: Measure,
}

impl Subscriber {
    pub(crate) fn new(sender: u32, spec: &FlowSpec, engine: &EngineSpec, rng: &mut Rng) -> Self {
        let mut downlink = halves::downlink(downlink_options(engine), rng.next());
        downlink.add_track(TrackId::new(sender, AUDIO), MediaKind::Audio);
        downlink.add_track(TrackId::new(sender, VIDEO), MediaKind::Video);
        Self {
            downlink,
            wakes: at(spec.start),
            next_render: at(spec.start),
            out: Vec::new(),
            measure: Measure::default(),
        }
    }

    pub(crate) fn on_datagram(&mut self, now: Instant, datagram: &[u8]) {
        self.downlink.datagram(now, datagram);
        self.drain();
    }

    /// Does what is due and says when it wants to be called again.
    pub(crate) fn step(&mut self, now: Instant) -> Instant {
        let due = self.wakes.min(self.next_render);
        if now < due {
            return due;
        }
        if now >= self.wakes {
            self.downlink.timeout(now);
        }
        while now >= self.next_render {
            self.next_render += RENDER_INTERVAL;
            let mut block = [0.0; 480];
            self.downlink.render_audio(now, &mut block, now);
        }
        self.drain();
        self.wakes.min(self.next_render)
    }

    fn drain(&mut self) {
        while let Some(datagram) = self.downlink.poll_datagram() {
            self.out.push(datagram);
        }
        while let Some(frame) = self.downlink.poll_video() {
            let captured = Instant::from_micros(frame.header.media_time.as_micros());
            let (shown, size) = (frame.render_at, frame.header.spatial);
            self.measure.on_frame(captured, shown, size);
        }
        while self.downlink.poll_event().is_some() {}
        self.wakes = self.downlink.next_timeout();
    }

    pub(crate) fn stats(&self, now: Instant) -> DownlinkStats {
        self.downlink.stats(now).engine
    }

    pub(crate) fn audio(&self, now: Instant) -> AudioReceiveStats {
        let mut tracks = self.downlink.stats(now).audio.into_iter();
        tracks.next().map(|track| track.stats).unwrap_or_default()
    }
}

fn downlink_options(engine: &EngineSpec) -> DownlinkOptions {
    let mut options = DownlinkOptions {
        engine: DownlinkConfig::default(),
        playout: PlayoutConfig::default(),
    };
    if !engine.nack {
        options.engine.nack.max_tries = 0;
    }
    // A buffer of fixed length, to compare the adaptive one with.
    if !engine.neteq {
        options.playout.adaptive = false;
        options.playout.start_delay = PLAIN_DELAY;
    }
    options
}
