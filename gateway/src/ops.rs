//! What operators see: counters in Prometheus' text format.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use smrtc_engine::wire::CloseCode;

use crate::hub::{Counters, Hub};

/// Counters of the sockets' side; those of the rooms are in [`Counters`].
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    quic_connections: AtomicU64,
    answers: AtomicU64,
    tcp_evicted: AtomicU64,
    refused: Mutex<BTreeMap<u16, u64>>,
}

impl Metrics {
    /// Counts an attempt to connect by QUIC.
    pub(crate) fn quic_connection(&self) {
        self.quic_connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts datagrams that say nothing, for the QUIC of a publisher who loses much.
    pub(crate) fn acks_elicited(&self, datagrams: usize) {
        self.answers.fetch_add(datagrams as u64, Ordering::Relaxed);
    }

    /// Counts a TCP connection without a session that had to go for another.
    pub(crate) fn tcp_evicted(&self) {
        self.tcp_evicted.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a refused session.
    pub(crate) fn refused(&self, code: CloseCode) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(code.code()).or_default() += 1;
    }

    /// Everything in Prometheus' text format.
    pub(crate) fn render(&self, hub: &Hub, sessions: usize, connections: usize) -> String {
        let mut out = String::new();
        let mut line = |kind: &str, name: &str, help: &str, value: u64| {
            let _ = write!(
                out,
                "# HELP smrtc_{name} {help}\n# TYPE smrtc_{name} {kind}\nsmrtc_{name} {value}\n"
            );
        };
        line(
            "gauge",
            "sessions",
            "Transport sessions open.",
            sessions as u64,
        );
        line(
            "gauge",
            "tcp_connections",
            "TCP connections that have no session.",
            connections as u64,
        );
        line(
            "counter",
            "tcp_connections_evicted_total",
            "Idle TCP connections that were closed to make room for others.",
            self.tcp_evicted.load(Ordering::Relaxed),
        );
        line(
            "gauge",
            "rooms",
            "Rooms with somebody in.",
            hub.rooms() as u64,
        );
        line(
            "gauge",
            "participants",
            "Participants in all rooms.",
            hub.participants() as u64,
        );
        let quic = self.quic_connections.load(Ordering::Relaxed);
        line(
            "counter",
            "quic_connections_total",
            "QUIC connections attempted.",
            quic,
        );
        line(
            "counter",
            "answers_total",
            "Empty datagrams that keep the QUIC of publishers going who lose much.",
            self.answers.load(Ordering::Relaxed),
        );
        for (name, help, value) in counters(&hub.counters()) {
            line("counter", name, help, value);
        }
        out.push_str("# HELP smrtc_sessions_refused_total Sessions refused, by close code.\n");
        out.push_str("# TYPE smrtc_sessions_refused_total counter\n");
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        for (code, count) in &*refused {
            let _ = writeln!(
                out,
                "smrtc_sessions_refused_total{{code=\"{code}\"}} {count}"
            );
        }
        out
    }
}

fn counters(c: &Counters) -> [(&'static str, &'static str, u64); 30] {
    [
        ("joins_total", "Participants who joined.", c.joins),
        ("leaves_total", "Participants who left.", c.leaves),
        (
            "requests_refused_total",
            "Requests answered with an error.",
            c.refused_requests,
        ),
        (
            "media_packets_in_total",
            "Media packets from publishers.",
            c.media_in,
        ),
        (
            "media_bytes_in_total",
            "Bytes of media packets from publishers.",
            c.media_in_bytes,
        ),
        (
            "media_packets_out_total",
            "Media packets queued for subscribers.",
            c.media_out,
        ),
        (
            "repair_packets_made_total",
            "Repair packets made for subscribers' paths.",
            c.repairs_made,
        ),
        (
            "repair_packets_ended_total",
            "Publishers' repair packets that were not needed any further.",
            c.repairs_ended,
        ),
        (
            "subscriber_reports_total",
            "Reports of arrivals from subscribers.",
            c.reports,
        ),
        (
            "layer_switches_total",
            "Changes of the layers that a subscriber gets of a track.",
            c.layer_switches,
        ),
        (
            "packets_repeated_total",
            "Packets repeated for NACKs.",
            c.retransmitted,
        ),
        (
            "packets_not_repeated_total",
            "NACKs that the cache or the rate did not answer.",
            c.not_retransmitted,
        ),
        (
            "nack_packets_total",
            "Kept packets looked at for NACKs.",
            c.nack_packets,
        ),
        (
            "datagrams_to_publishers_total",
            "Feedback, NACKs and key-frame requests sent.",
            c.datagrams_to_publishers,
        ),
        (
            "key_frame_requests_total",
            "Key-frame requests from subscribers.",
            c.key_frame_requests,
        ),
        (
            "malformed_datagrams_total",
            "Datagrams that do not parse.",
            c.malformed_datagrams,
        ),
        (
            "unknown_datagrams_total",
            "Datagrams of an unknown kind or version.",
            c.unknown_datagrams,
        ),
        (
            "foreign_sender_packets_total",
            "Media packets that name another sender.",
            c.foreign_senders,
        ),
        (
            "unpublished_packets_total",
            "Media packets of unpublished tracks.",
            c.unpublished,
        ),
        (
            "repetitions_total",
            "Media packets that had come before.",
            c.duplicates,
        ),
        (
            "over_rate_packets_total",
            "Media packets over a publisher's rate.",
            c.over_rate,
        ),
        (
            "mls_commits_total",
            "Commits that ended an epoch or made a group.",
            c.delivery.commits,
        ),
        (
            "mls_conflicts_total",
            "Commits that came after another had ended their epoch.",
            c.delivery.conflicts,
        ),
        (
            "mls_refused_total",
            "Group key messages that were malformed or not the sender's to send.",
            c.delivery.refused,
        ),
        (
            "mls_over_rate_total",
            "Group key messages over a limit or rate.",
            c.delivery.over_rate,
        ),
        (
            "mls_bytes_out_total",
            "Bytes of group key messages that went to others than their sender.",
            c.delivery.bytes_out,
        ),
        (
            "mls_groups_replaced_total",
            "Groups that another took the place of.",
            c.delivery.replaced,
        ),
        (
            "dropped_picture_packets_total",
            "Packets of non-key frames dropped from queues.",
            c.drops.delta_frames,
        ),
        (
            "dropped_key_frame_packets_total",
            "Packets of key frames dropped from queues.",
            c.drops.key_frames,
        ),
        (
            "dropped_audio_packets_total",
            "Packets of audio dropped from queues.",
            c.drops.audio,
        ),
    ]
}
