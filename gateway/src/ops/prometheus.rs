use std::fmt::{Display, Write};

/// Metrics in Prometheus' text format, version 0.0.4. Every name gets the prefix `smrtc_`.
#[derive(Debug, Default)]
pub(crate) struct PrometheusText(String);

/// Whether a metric only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
}

impl PrometheusText {
    /// Adds a metric that only grows.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(Kind::Counter, name, help);
        self.line(format_args!("{name} {value}"));
    }

    /// Adds a metric that grows and shrinks.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(Kind::Gauge, name, help);
        self.line(format_args!("{name} {value}"));
    }

    /// Adds a metric with one value for each value of a label.
    pub(crate) fn labelled<L: Display>(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) {
        self.head(kind, name, help);
        for (of, value) in values {
            self.line(format_args!("{name}{{{label}=\"{of}\"}} {value}"));
        }
    }

    /// The text.
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    fn head(&mut self, kind: Kind, name: &str, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let _ = write!(
            self.0,
            "# HELP smrtc_{name} {help}\n# TYPE smrtc_{name} {kind}\n"
        );
    }

    fn line(&mut self, line: impl Display) {
        let _ = writeln!(self.0, "smrtc_{line}");
    }
}
