// From runs to the printed object: percentiles within a run, medians over runs, ratios between
// engines.
import { cpus } from "node:os";

export function report(settings, runs) {
  const engines = Object.fromEntries(
    Object.entries(runs).map(([name, list]) => [name, summary(list.map(numbers))]),
  );
  const { webrtc, smrtc } = engines;
  const ratio = (key) => round(smrtc[key] / webrtc[key], 3);
  return {
    bench: "call",
    machine: { cpus: cpus().length, model: cpus()[0]?.model ?? "unknown" },
    settings,
    ...engines,
    ...(webrtc && smrtc
      ? {
          ratios_smrtc_to_webrtc: {
            latency_ms_median: ratio("latency_ms_median"),
            latency_ms_p95: ratio("latency_ms_p95"),
            browser_cpu_seconds_per_minute: ratio("browser_cpu_seconds_per_minute"),
            browser_peak_pss_mib: ratio("browser_peak_pss_mib"),
          },
        }
      : {}),
    runs: Object.fromEntries(
      Object.entries(runs).map(([name, list]) => [
        name,
        list.map((run) => ({
          ...numbers(run),
          cpu_by_role: rounded(run.cpuSecondsPerMinuteByRole),
        })),
      ]),
    ),
  };
}

function numbers(run) {
  const ages = run.received.ages.toSorted((a, b) => a - b);
  const at = (share) =>
    round(ages[Math.min(ages.length - 1, Math.floor(share * ages.length))] ?? NaN, 2);
  return {
    latency_ms_median: at(0.5),
    latency_ms_p95: at(0.95),
    latency_ms_max: at(1),
    frames_per_second: round(ages.length / run.seconds, 2),
    unreadable_frames: run.received.unreadable,
    video_kbps: round(run.videoKbps, 0),
    audio_concealed_share: round(run.concealedShare, 5),
    browser_cpu_seconds_per_minute: round(run.cpuSecondsPerMinute, 2),
    browser_peak_pss_mib: round(run.peakPssMiB, 0),
    ...Object.fromEntries(
      Object.entries(run.othersCpuSecondsPerMinute).map(([name, value]) => [
        `${name}_cpu_seconds_per_minute`,
        round(value, 2),
      ]),
    ),
  };
}

function summary(list) {
  const keys = Object.keys(list[0] ?? {});
  return Object.fromEntries(keys.map((key) => [key, median(list.map((entry) => entry[key]))]));
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : round((sorted[middle - 1] + sorted[middle]) / 2, 5);
}

const round = (value, digits) => Math.round(value * 10 ** digits) / 10 ** digits;
const rounded = (record) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, round(value, 2)]));
