//! What the gateway's process costs.

use serde::Serialize;

use super::http;

/// Where the figures come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// `/metrics` of the gateway at this host and port.
    Metrics(String),
    /// A process on this machine.
    Pid(u32),
}

/// At one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    cpu_seconds: f64,
    memory_bytes: u64,
}

/// Between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cost {
    /// Seconds of one core.
    cpu_seconds: f64,
    /// The same as a share of one core.
    cpu_share: f64,
    /// Resident memory at the end.
    memory_bytes: u64,
}

impl Source {
    /// None if nobody tells.
    pub(crate) async fn usage(&self) -> Option<Usage> {
        match self {
            Self::Metrics(authority) => from_metrics(&http::get(authority, "/metrics").await.ok()?),
            Self::Pid(pid) => {
                let read = |file| std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
                from_proc(&read("stat")?, &read("status")?)
            }
        }
    }
}

impl Usage {
    /// What was spent since `earlier`, in so many seconds.
    pub(crate) fn since(self, earlier: Self, seconds: f64) -> Cost {
        let cpu_seconds = (self.cpu_seconds - earlier.cpu_seconds).max(0.0);
        Cost {
            cpu_seconds,
            cpu_share: cpu_seconds / seconds.max(f64::EPSILON),
            memory_bytes: self.memory_bytes,
        }
    }
}

/// By the names that Prometheus gives to figures of a process.
fn from_metrics(text: &str) -> Option<Usage> {
    let value = |name: &str| {
        let values = text.lines().filter_map(|line| line.split_once(' '));
        let mut named = values.filter(|(found, _)| *found == name);
        named.next()?.1.trim().parse::<f64>().ok()
    };
    Some(Usage {
        cpu_seconds: value("process_cpu_seconds_total")?,
        memory_bytes: value("process_resident_memory_bytes")? as u64,
    })
}

/// From `/proc/PID/stat` and `/proc/PID/status` of Linux; see proc(5).
fn from_proc(stat: &str, status: &str) -> Option<Usage> {
    // The second field is the name of the program in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let memory = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = memory.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(Usage {
        cpu_seconds: (ticks(14)? + ticks(15)?) as f64 / TICKS_PER_SECOND,
        memory_bytes: kibibytes * 1_024,
    })
}

/// USER_HZ: 100 on every Linux that Debian ships.
const TICKS_PER_SECOND: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_from_proc_whatever_its_name() {
        let stat = "7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 15";
        let usage = from_proc(stat, "Name:\tx\nVmRSS:\t    2048 kB\n").unwrap();
        assert_eq!((usage.cpu_seconds, usage.memory_bytes), (3.0, 2_097_152));
        assert_eq!(from_proc("", ""), None);
    }

    #[test]
    fn both_figures_are_read_from_metrics_or_none() {
        let text = "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.5\n";
        assert_eq!(from_metrics(text), None);
        let usage = from_metrics(&format!("{text}process_resident_memory_bytes 4096\n")).unwrap();
        assert_eq!((usage.cpu_seconds, usage.memory_bytes), (1.5, 4_096));
        let cost = Usage {
            cpu_seconds: 2.5,
            ..usage
        }
        .since(usage, 4.0);
        assert_eq!((cost.cpu_seconds, cost.cpu_share), (1.0, 0.25));
    }
}
