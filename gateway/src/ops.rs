//! What operators see: counters and gauges in Prometheus' text format.

mod prometheus;

pub(crate) mod process;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use smrtc_engine::wire::CloseCode;

use crate::{counter_macro::Counter, hub::Hub};
pub(crate) use prometheus::{Kind, PrometheusText};

/// Counters of connections and sessions; those of rooms are the hub's.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    quic_connections: AtomicU64,
    acks_elicited: AtomicU64,
    tcp_evicted: AtomicU64,
    refused: Mutex<BTreeMap<u16, u64>>,
}

impl Metrics {
    /// Counts an attempt to connect by QUIC.
    pub(crate) fn quic_connection(&self) {
        self.quic_connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts datagrams to publishers with heavy loss that they only must acknowledge.
    pub(crate) fn acks_elicited(&self, datagrams: usize) {
        self.acks_elicited
            .fetch_add(datagrams as u64, Ordering::Relaxed);
    }

    /// Counts a TCP connection without a session that was closed to make room for another.
    pub(crate) fn tcp_evicted(&self) {
        self.tcp_evicted.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a refused session.
    pub(crate) fn refused(&self, code: CloseCode) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(code.code()).or_default() += 1;
    }

    /// All metrics in Prometheus' text format, but for those of UDP sockets.
    pub(crate) fn render(&self, hub: &Hub, sessions: usize, connections: usize) -> String {
        let mut text = PrometheusText::default();
        text.gauge("sessions", "Transport sessions open.", sessions as u64);
        text.gauge(
            "tcp_connections",
            "TCP connections that have no session.",
            connections as u64,
        );
        text.counter(
            "tcp_connections_evicted_total",
            "Idle TCP connections that were closed to make room for others.",
            self.tcp_evicted.load(Ordering::Relaxed),
        );
        text.gauge("rooms", "Rooms with somebody in.", hub.rooms() as u64);
        text.gauge(
            "participants",
            "Participants in all rooms.",
            hub.participants() as u64,
        );
        text.counter(
            "quic_connections_total",
            "QUIC connections attempted.",
            self.quic_connections.load(Ordering::Relaxed),
        );
        text.counter(
            "answers_total",
            "Empty datagrams that keep the QUIC of publishers with heavy loss going.",
            self.acks_elicited.load(Ordering::Relaxed),
        );
        for Counter { name, help, value } in hub.counters().list() {
            text.counter(name, help, value);
        }
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        text.labelled(
            Kind::Counter,
            "sessions_refused_total",
            "Sessions refused, by close code.",
            "code",
            refused.iter().map(|(code, count)| (*code, *count)),
        );
        text.into_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::hub::Limits;

    #[test]
    fn every_metric_has_one_help_one_type_and_its_value() {
        let metrics = Metrics::default();
        metrics.refused(CloseCode::TokenExpired);
        let text = metrics.render(&Hub::new(Limits::default()), 3, 2);
        let code = CloseCode::TokenExpired.code();
        for line in [
            "# HELP smrtc_sessions Transport sessions open.\n# TYPE smrtc_sessions gauge\nsmrtc_sessions 3\n",
            "# HELP smrtc_joins_total Participants who joined.\n# TYPE smrtc_joins_total counter\nsmrtc_joins_total 0\n",
            "# TYPE smrtc_mls_commits_total counter\nsmrtc_mls_commits_total 0\n",
            "# TYPE smrtc_dropped_audio_packets_total counter\nsmrtc_dropped_audio_packets_total 0\n",
            &format!("smrtc_sessions_refused_total{{code=\"{code}\"}} 1\n"),
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        let helps: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# HELP "))
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(helps.len(), 38);
        let names: BTreeSet<&str> = helps.iter().copied().collect();
        assert_eq!(names.len(), helps.len(), "no name twice");
        assert!(!text.contains("\n# HELP smrtc_  "), "{text}");
    }
}
