//! Makes the report of a run from its publishers, subscribers and links.

use std::time::Duration;

use smrtc_engine::Instant;
use smrtc_engine::stats::InboundStats;

use crate::link::Link;
use crate::measure::quantile;
use crate::publisher::Publisher;
use crate::report::{FlowReport, LinkReport, Percentiles};
use crate::subscriber::Subscriber;

/// The report of one subscriber of a publisher. `begin` is the state of its audio when measuring
/// began: samples, concealed samples.
pub(crate) fn flow_report(
    publisher: &Publisher,
    subscriber: &Subscriber,
    begin: (u64, u64),
    from: Instant,
    to: Instant,
) -> FlowReport {
    let seconds = (to - from).as_secs_f64();
    let seen = subscriber.measure.seen(from, to);
    let audio = subscriber.audio(to);
    let (samples, concealed) = begin;
    let rendered = audio.total_samples_received - samples;
    let stats = subscriber.stats(to);
    let sum = |of: &dyn Fn(&InboundStats) -> u64| stats.inbound.iter().map(of).sum::<u64>();
    let is_video = |stats: &InboundStats| u64::from(stats.kind == "video");
    let encoded = publisher.encoded.iter();
    let encoded_bytes: u64 = encoded
        .filter(|(at, _)| (from..to).contains(at))
        .map(|(_, bytes)| bytes)
        .sum();
    let up = publisher.stats(to);
    FlowReport {
        fps: seen.fps,
        delay_ms: percentiles(seen.delay),
        gap_share: seen.gap_share,
        longest_gap_ms: millis(seen.longest_gap),
        full_again_s: None,
        freezes: seen.freezes,
        freeze_share: seen.freeze_share,
        concealed_share: (audio.concealed_samples - concealed) as f64 / rendered.max(1) as f64,
        audio_target_ms: audio.target_delay * 1e3,
        audio_delay_ms: audio.jitter_buffer_delay * 1e3
            / audio.jitter_buffer_emitted_count.max(1) as f64,
        encoded_kbps: encoded_bytes as f64 * 8e-3 / seconds,
        sent_kbps: 0.0,
        room: None,
        target_kbps: up.transport.available_outgoing_bitrate.unwrap_or(0.0) / 1e3,
        frames_encoded: publisher.encoded.len() as u64,
        frames_delivered: sum(&|stats| is_video(stats) * stats.frames_delivered),
        key_frames: up
            .outbound
            .iter()
            .filter(|s| s.kind == "video")
            .map(|s| s.key_frames_encoded)
            .sum(),
        key_frame_requests: sum(&|stats| stats.pli_count),
        nacks: sum(&|stats| stats.nack_count),
        packets_repeated: sum(&|stats| stats.retransmitted_packets_received),
        repair_packets: sum(&|stats| stats.fec_packets_received),
        frames_recovered: sum(&|stats| stats.frames_recovered),
        frames_late: sum(&|stats| is_video(stats) * stats.dropped.late),
        frames_lost: sum(&|stats| is_video(stats) * (stats.dropped.incomplete + stats.frames_lost)),
        frames_undecodable: sum(&|stats| is_video(stats) * stats.dropped.undecodable),
    }
}

/// The report of a link that has carried `carried_bytes`; `capacity_kbps` is what it could have
/// carried if it is a bottleneck.
pub(crate) fn link_report(
    link: &Link,
    carried_bytes: u64,
    capacity_kbps: Option<f64>,
    from: Instant,
    to: Instant,
) -> LinkReport {
    let waits = link.waits.iter().filter(|(at, _)| (from..to).contains(at));
    let mut waits: Vec<_> = waits.map(|&(_, wait)| wait).collect();
    waits.sort_unstable();
    LinkReport {
        carried_kbps: carried_bytes as f64 * 8e-3 / (to - from).as_secs_f64(),
        capacity_kbps: capacity_kbps.filter(|_| link.has_bottleneck()),
        queue_ms: percentiles([0.5, 0.95, 0.99].map(|share| quantile(&waits, share))),
        lost: link.lost,
        overflowed: link.overflowed,
    }
}

fn percentiles(values: [Duration; 3]) -> Percentiles {
    let [p50, p95, p99] = values.map(millis);
    Percentiles { p50, p95, p99 }
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
