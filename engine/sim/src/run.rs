//! Runs one case with one seed.

use std::collections::BTreeMap;
use std::time::Duration;

use smrtc_engine::Instant;

use crate::link::{Link, Parcel};
use crate::link_spec::{at, ms};
use crate::publisher::Publisher;
use crate::report::{FlowReport, Report};
use crate::reporting::{flow_report, link_report, millis};
use crate::scenario::{Case, CrossKind, CrossSpec, LinkSpec, Scenario};
use crate::subscriber::Subscriber;
use crate::tcp::{SEGMENT_BYTES, TcpSender};
use crate::trace::{FlowSample, Sample, TRACE_INTERVAL, Trace};
use crate::{Rng, Voice};

/// Parcels of cross traffic are numbered from here, calls below.
const CROSS: usize = 1 << 16;
const CBR_BYTES: u64 = 1_000;
/// How often the settings of a link are taken from its scenario.
const SETTINGS_INTERVAL: Duration = Duration::from_millis(100);
/// Share of the highest video bitrate that counts as full quality.
const FULL: f64 = 0.95;

struct Flow {
    publisher: Publisher,
    subscriber: Subscriber,
    /// The links of its media and of its feedback.
    links: [usize; 2],
    extra: Duration,
    sent_bytes: u64,
    /// `sent_bytes` at the last sample.
    seen_bytes: u64,
    /// When measuring begins: samples, concealed samples, bytes sent.
    begin: Option<(u64, u64, u64)>,
}

struct Cross {
    spec: CrossSpec,
    tcp: TcpSender,
    next: Instant,
    /// Acknowledgements on their way.
    acks: BTreeMap<Instant, Vec<u64>>,
}

/// One run of a case.
pub struct Simulation<'a> {
    scenario: &'a Scenario,
    name: &'a str,
    seed: u64,
    voice: &'a Voice,
    rng: Rng,
    now: Instant,
    specs: [LinkSpec; 2],
    links: [Link; 2],
    next_settings: Instant,
    flows: Vec<Flow>,
    cross: Vec<Cross>,
    /// Parcels that have left a link and are on the part of the path that only their call has.
    late: BTreeMap<(Instant, u64), (usize, Parcel)>,
    counter: u64,
    /// Bytes carried when measuring begins.
    carried: [u64; 2],
    /// Bytes that the links could carry since then.
    capacity: [u64; 2],
    next_sample: Instant,
    trace: Trace,
}

impl<'a> Simulation<'a> {
    /// Prepares a run.
    pub fn new(case: &'a Case, seed: u64, voice: &'a Voice) -> Self {
        let scenario = &case.scenario;
        let mut rng = Rng::new(seed);
        let specs = [scenario.forward.clone(), scenario.back()];
        let links = [0, 1].map(|i: usize| specs[i].link(&mut rng));
        let flows = scenario.flows.iter().zip(1..).map(|(spec, id)| Flow {
            publisher: Publisher::new(id, spec, &scenario.engine, scenario.seconds, &mut rng),
            subscriber: Subscriber::new(id, spec, &scenario.engine, &mut rng),
            links: if spec.reverse { [1, 0] } else { [0, 1] },
            extra: ms(spec.extra_delay_ms),
            sent_bytes: 0,
            seen_bytes: 0,
            begin: None,
        });
        let flows = flows.collect();
        let cross = scenario.cross.iter().map(|&spec| Cross {
            spec,
            tcp: TcpSender::new(spec.bytes),
            next: at(spec.start),
            acks: BTreeMap::new(),
        });
        Self {
            scenario,
            name: &case.name,
            seed,
            voice,
            now: Instant::ZERO,
            next_settings: Instant::ZERO,
            flows,
            cross: cross.collect(),
            rng,
            specs,
            links,
            late: BTreeMap::new(),
            counter: 0,
            carried: [0; 2],
            capacity: [0; 2],
            next_sample: Instant::ZERO,
            trace: Trace::default(),
        }
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Report {
        let end = at(self.scenario.seconds);
        let settle = at(self.scenario.settle);
        while self.now < end {
            if self.now >= settle && self.flows.iter().all(|flow| flow.begin.is_none()) {
                self.begin_measuring();
            }
            self.apply_settings();
            self.sample();
            let wakes = self.step();
            let due = self.links.iter().filter_map(Link::next_arrival);
            let late = self.late.first_key_value().map(|(&(at, _), _)| at);
            let next = due.chain(late).chain([wakes, self.next_settings]);
            let least = self.now + Duration::from_micros(1);
            self.now = next.min().unwrap_or(end).max(least);
        }
        self.report(settle, end)
    }

    fn apply_settings(&mut self) {
        if self.now < self.next_settings {
            return;
        }
        self.next_settings += SETTINGS_INTERVAL;
        let seconds = (self.now - Instant::ZERO).as_secs_f64();
        for (i, link) in self.links.iter_mut().enumerate() {
            link.config = self.specs[i].at(seconds);
            if seconds >= self.scenario.settle {
                let bytes = link.capacity_bytes(self.now, self.now + SETTINGS_INTERVAL);
                self.capacity[i] += bytes.unwrap_or(0);
            }
        }
    }

    fn sample(&mut self) {
        if self.now < self.next_sample {
            return;
        }
        self.next_sample += TRACE_INTERVAL;
        let now = self.now;
        let link = &self.links[0];
        let sample = Sample {
            at: (now - Instant::ZERO).as_secs_f64(),
            capacity_kbps: link
                .capacity_bytes(now, now + TRACE_INTERVAL)
                .map(|bytes| kbps(bytes, TRACE_INTERVAL)),
            queue_ms: millis(link.queue_delay(now)),
            flows: self.flows.iter_mut().map(|flow| flow.sample(now)).collect(),
        };
        self.trace.samples.push(sample);
    }

    fn step(&mut self) -> Instant {
        let now = self.now;
        for link in 0..2 {
            while let Some(parcel) = self.links[link].receive_parcel(now) {
                self.on_parcel(link, parcel);
            }
        }
        while let Some(entry) = self.late.first_entry().filter(|entry| entry.key().0 <= now) {
            let (link, parcel) = entry.remove();
            self.deliver(link, parcel);
        }
        let mut wakes = Instant::FAR_FUTURE;
        for (i, flow) in self.flows.iter_mut().enumerate() {
            wakes = wakes.min(flow.publisher.step(now, self.voice));
            wakes = wakes.min(flow.subscriber.step(now));
            for datagram in flow.publisher.out.drain(..) {
                flow.sent_bytes += datagram.len() as u64;
                self.links[flow.links[0]].send_parcel(now, Parcel::new(i, datagram));
            }
            for datagram in flow.subscriber.out.drain(..) {
                self.links[flow.links[1]].send_parcel(now, Parcel::new(i, datagram));
            }
        }
        wakes.min(self.step_cross())
    }

    fn on_parcel(&mut self, link: usize, parcel: Parcel) {
        if parcel.flow >= CROSS {
            let back = self.specs[1 - link].delay_ms;
            if let Some(cross) = self.cross.get_mut((parcel.flow - CROSS) % CROSS) {
                let segment = (parcel.flow / CROSS - 1) as u64;
                cross
                    .acks
                    .entry(self.now + ms(back))
                    .or_default()
                    .push(segment);
            }
            return;
        }
        let extra = self.flows[parcel.flow].extra;
        if extra.is_zero() {
            self.deliver(link, parcel);
        } else {
            self.counter += 1;
            self.late
                .insert((self.now + extra, self.counter), (link, parcel));
        }
    }

    fn deliver(&mut self, link: usize, parcel: Parcel) {
        let flow = &mut self.flows[parcel.flow];
        if link == flow.links[0] {
            flow.subscriber.on_datagram(self.now, &parcel.datagram);
        } else {
            flow.publisher.on_datagram(self.now, &parcel.datagram);
        }
    }

    fn step_cross(&mut self) -> Instant {
        let (now, end) = (self.now, self.scenario.seconds);
        let mut wakes = Instant::FAR_FUTURE;
        for (i, cross) in self.cross.iter_mut().enumerate() {
            let spec = cross.spec;
            let link = &mut self.links[usize::from(spec.reverse)];
            if now < at(spec.start) || now >= at(spec.stop.unwrap_or(end)) {
                wakes = wakes.min(at(spec.start)).max(now + SETTINGS_INTERVAL);
                continue;
            }
            let parcel = |segment: u64, bytes| Parcel {
                flow: (segment as usize + 1) * CROSS + i,
                bytes,
                datagram: Vec::new(),
            };
            if spec.kind == CrossKind::Cbr {
                let gap =
                    Duration::from_secs_f64(CBR_BYTES as f64 * 8e-3 / spec.rate_kbps.max(1) as f64);
                while now >= cross.next {
                    cross.next += gap;
                    link.send_parcel(now, parcel(0, CBR_BYTES));
                }
                wakes = wakes.min(cross.next);
                continue;
            }
            while let Some(entry) = cross.acks.first_entry().filter(|entry| *entry.key() <= now) {
                entry
                    .remove()
                    .into_iter()
                    .for_each(|segment| cross.tcp.on_ack(segment));
            }
            if cross.tcp.is_done() && cross.next <= now {
                cross.next = now + Duration::from_secs_f64(self.rng.exponential(spec.idle));
                cross.tcp = TcpSender::new(spec.bytes);
            }
            if now >= cross.next {
                while let Some(segment) = cross.tcp.poll(now) {
                    link.send_parcel(now, parcel(segment, SEGMENT_BYTES));
                }
            }
            let ack = cross.acks.keys().next().copied();
            let timers = [
                ack,
                cross.tcp.next_timeout(),
                (cross.next > now).then_some(cross.next),
            ];
            wakes = timers.into_iter().flatten().fold(wakes, Instant::min);
        }
        wakes
    }

    fn begin_measuring(&mut self) {
        self.carried = [0, 1].map(|i| self.links[i].carried_bytes);
        for flow in &mut self.flows {
            let audio = flow.subscriber.audio(self.now);
            flow.begin = Some((
                audio.total_samples_received,
                audio.concealed_samples,
                flow.sent_bytes,
            ));
        }
    }

    fn report(&self, from: Instant, to: Instant) -> Report {
        let mut steps = self.scenario.forward.steps.iter();
        let stepped = steps.rfind(|step| step.rate_kbps.is_some());
        let report = |(i, flow): (usize, &Flow)| FlowReport {
            full_again_s: stepped.and_then(|step| {
                let full = self.scenario.flows[i].video_kbps as f64 * FULL;
                self.trace.until_encoder_makes(i, full, step.at)
            }),
            ..flow.report(from, to)
        };
        let flows: Vec<_> = self.flows.iter().enumerate().map(report).collect();
        let frames = self
            .flows
            .iter()
            .map(|flow| flow.subscriber.measure.frames());
        let trace = Trace {
            samples: self.trace.samples.clone(),
            frames: frames.collect(),
        };
        let rates: Vec<f64> = flows.iter().map(|flow| flow.sent_kbps).collect();
        let squares: f64 = rates.iter().map(|rate| rate * rate).sum();
        let sum: f64 = rates.iter().sum();
        let [forward, back] = [0, 1].map(|i| {
            let carried = self.links[i].carried_bytes - self.carried[i];
            let capacity = kbps(self.capacity[i], to - from);
            link_report(&self.links[i], carried, Some(capacity), from, to)
        });
        Report {
            case: self.name.to_owned(),
            seed: self.seed,
            seconds: (to - from).as_secs_f64(),
            fairness: sum * sum / (squares * rates.len() as f64).max(1e-9),
            flows,
            forward,
            back,
            trace,
        }
    }
}

impl Flow {
    fn sample(&mut self, now: Instant) -> FlowSample {
        let bytes = self.sent_bytes - std::mem::replace(&mut self.seen_bytes, self.sent_bytes);
        let target = self
            .publisher
            .stats(now)
            .transport
            .available_outgoing_bitrate;
        FlowSample {
            target_kbps: target.unwrap_or(0.0) / 1e3,
            encoder_kbps: self.publisher.encoder_kbps(),
            sent_kbps: kbps(bytes, TRACE_INTERVAL),
            audio_target_ms: self.subscriber.audio(now).target_delay * 1e3,
        }
    }

    fn report(&self, from: Instant, to: Instant) -> FlowReport {
        let (samples, concealed, sent) = self.begin.unwrap_or_default();
        let begin = (samples, concealed);
        let report = flow_report(&self.publisher, &self.subscriber, begin, from, to);
        FlowReport {
            sent_kbps: kbps(self.sent_bytes - sent, to - from),
            ..report
        }
    }
}

fn kbps(bytes: u64, time: Duration) -> f64 {
    bytes as f64 * 8e-3 / time.as_secs_f64()
}
