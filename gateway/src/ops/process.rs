//! CPU time and memory of this process, under the names that Prometheus gives them.

use std::fs;

/// The figures in Prometheus' text format; nothing on a system without Linux' `/proc`.
pub(crate) fn render() -> String {
    let read = |file| fs::read_to_string(file).ok();
    let usage = || usage(&read("/proc/self/stat")?, &read("/proc/self/status")?);
    let Some((cpu_seconds, memory_bytes)) = usage() else {
        return String::new();
    };
    format!(
        "# HELP process_cpu_seconds_total User and system CPU time spent in seconds.\n\
         # TYPE process_cpu_seconds_total counter\n\
         process_cpu_seconds_total {cpu_seconds}\n\
         # HELP process_resident_memory_bytes Resident memory size in bytes.\n\
         # TYPE process_resident_memory_bytes gauge\n\
         process_resident_memory_bytes {memory_bytes}\n"
    )
}

/// Seconds of CPU and bytes of resident memory; see proc(5).
fn usage(stat: &str, status: &str) -> Option<(f64, u64)> {
    // The second field is the name of the program in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    // Fields count from 1, and the first of these is the third.
    let ticks = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let memory = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = memory.trim().strip_suffix(" kB")?.parse().ok()?;
    let cpu_ticks = ticks(USER_TIME)? + ticks(SYSTEM_TIME)?;
    Some((cpu_ticks as f64 / TICKS_PER_SECOND, kibibytes * 1_024))
}

const USER_TIME: usize = 14;
const SYSTEM_TIME: usize = 15;
/// `USER_HZ`: the kernel's interface to programs has 100 on all that we build for.
const TICKS_PER_SECOND: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_and_memory_are_read_whatever_the_program_is_called() {
        let stat = "7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 15";
        let status = "Name:\tx\nVmRSS:\t    2048 kB\n";
        assert_eq!(usage(stat, status), Some((3.0, 2_097_152)));
        assert_eq!(usage("7 (x) S 1", status), None);
        assert_eq!(usage(stat, "Name:\tx\n"), None);
    }

    #[test]
    fn this_process_has_memory() {
        let text = render();
        let name = "process_resident_memory_bytes ";
        let memory = text.lines().find_map(|line| line.strip_prefix(name));
        assert!(memory.unwrap().parse::<u64>().unwrap() > 100_000, "{text}");
    }
}
