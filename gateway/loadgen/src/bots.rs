//! `smrtc-loadgen bots`: rooms of native participants who talk to each other through a real
//! gateway, and a report of how that went.
//!
//! Bots are participants like any other (`smrtc-native`): they join by token, agree on keys by MLS,
//! seal what they send, open what they get, decode and play its audio. Their audio is Opus; their
//! video is VP8, drawn and encoded here, so that a browser in the room sees and hears them.
//!
//! [`person`] is one bot, [`notes`] is what it notes, [`report`] puts all notes together.

mod clock;
mod distribution;
mod gateway;
mod http;
mod notes;
mod options;
mod person;
mod process;
mod recording;
mod report;
mod role;
mod speech;
mod stamp;
mod test_card;
mod vp8;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use clock::Clock;
use gateway::Gateway;
use notes::Notes;
pub(crate) use options::Options;
use person::{Phase, Plan, Told};
use process::{Cost, Source};
use report::{Report, Run};
use role::Role;
use speech::Speech;

/// Runs the bots and prints the report as one JSON object; progress goes to standard error.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    options.check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run_all(options))
}

async fn run_all(options: &Options) -> anyhow::Result<()> {
    let gateway = Gateway::find(&options.gateway, options.transport, &options.tokens).await?;
    let source = match options.gateway_pid {
        Some(pid) => Some(Source::Pid(pid)),
        None => gateway.plain_http.clone().map(Source::Metrics),
    };
    let plan = Arc::new(Plan {
        gateway,
        keys: options.suite.keys(),
        clock: Clock::start(),
        video: options.video(),
        speech: match &options.audio {
            Some(path) => Speech::read(path)?,
            None => Speech::voice(),
        },
        silence: Speech::silence()?,
        record: options.record.clone(),
    });
    let mut crowd = Crowd::start(plan, options)?;
    crowd.wait_until_all_are_in(options).await;
    if crowd.joined == 0 {
        bail!("nobody could join: {}", crowd.why_not());
    }
    // Who comes later is not counted: the talk was without them.
    let people_joined = crowd.joined;
    let (seconds, cost) = crowd.talk(options.seconds, source.as_ref()).await;
    let notes = crowd.end().await;
    let run = Run {
        gateway: options.gateway.clone(),
        transport: options.transport,
        suite: options.suite,
        people_per_room: options.people,
        publishers_per_room: options.publishers(),
        people_joined,
        seconds,
        interrupted: crowd.stop.is_interrupted,
    };
    let report = Report::new(run, |room| options.room_name(room), &notes, cost);
    // Not println!, which panics if whoever reads goes away.
    writeln!(
        std::io::stdout(),
        "{}",
        serde_json::to_string_pretty(&report)?
    )?;
    if people_joined < crowd.size && !crowd.stop.is_interrupted {
        let missing = crowd.size - people_joined;
        let why = crowd.why_not();
        bail!("{missing} of {} people could not join: {why}", crowd.size);
    }
    Ok(())
}

/// All bots, and what they tell.
struct Crowd {
    size: usize,
    joined: usize,
    /// Why some are not in.
    failures: Vec<String>,
    notes: Vec<Notes>,
    /// Bots that ended and noted nothing.
    without_notes: usize,
    phase: watch::Sender<Phase>,
    told: mpsc::UnboundedReceiver<Told>,
    tasks: JoinSet<()>,
    stop: Stop,
}

impl Crowd {
    fn start(plan: Arc<Plan>, options: &Options) -> anyhow::Result<Self> {
        let (phase, phases) = watch::channel(Phase::Running);
        let (tell, told) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let size = options.rooms * options.people;
        for index in 0..size {
            // Room by room, so that a ramp fills one after the other.
            let role = Role {
                room: index / options.people + 1,
                person: index % options.people + 1,
                publishes: index % options.people < options.publishers(),
                speaks: index % options.people < options.speakers(),
            };
            let room = options.room_name(role.room);
            let (plan, phases, tell) = (plan.clone(), phases.clone(), tell.clone());
            let pause = options.ramp * index / size;
            tasks.spawn(async move {
                sleep(pause).await;
                person::run(plan, role, room, phases, tell).await;
            });
        }
        Ok(Self {
            size: size as usize,
            joined: 0,
            failures: Vec::new(),
            notes: Vec::new(),
            without_notes: 0,
            phase,
            told,
            tasks,
            stop: Stop::new()?,
        })
    }

    async fn wait_until_all_are_in(&mut self, options: &Options) {
        let began = Instant::now();
        let end = began + options.ramp + options.join_timeout;
        while self.joined + self.failures.len() < self.size {
            tokio::select! {
                told = self.told.recv() => self.take(told),
                () = self.stop.wait() => break,
                () = sleep_until(end) => {
                    let seconds = options.join_timeout.as_secs_f64();
                    self.failures.push(format!("the others had {seconds} s, see --join-timeout"));
                    break;
                }
            }
        }
        eprintln!(
            "bots: {} of {} people are in, after {:.1} s",
            self.joined,
            self.size,
            began.elapsed().as_secs_f64()
        );
    }

    fn take(&mut self, told: Option<Told>) {
        match told {
            Some(Told::IsIn) => self.joined += 1,
            Some(Told::Failed(why)) => self.failures.push(why),
            Some(Told::Notes(notes)) => self.notes.push(*notes),
            Some(Told::HasNoNotes) => self.without_notes += 1,
            None => {
                self.failures.push("its task ended early".to_owned());
                self.without_notes += 1;
            }
        }
    }

    /// Lets them talk; how long they did, and what that cost the gateway.
    async fn talk(&mut self, time: Duration, source: Option<&Source>) -> (f64, Option<Cost>) {
        let usage = async || match source {
            Some(source) => source.usage().await,
            None => None,
        };
        let before = usage().await;
        let began = Instant::now();
        let mut progress = tokio::time::interval_at(began + PROGRESS, PROGRESS);
        while !self.stop.is_interrupted {
            tokio::select! {
                () = self.stop.wait() => {}
                () = sleep_until(began + time) => break,
                _ = progress.tick() => eprintln!(
                    "bots: {:.0} of {:.0} s",
                    began.elapsed().as_secs_f64(),
                    time.as_secs_f64()
                ),
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        let cost = match (before, usage().await) {
            // The figures count hundredths of a second: over less time they say nothing.
            (Some(before), Some(after)) if seconds >= 1.0 => Some(after.since(before, seconds)),
            _ => None,
        };
        (seconds, cost)
    }

    /// Collects what was noted while all are still there, and lets them leave.
    async fn end(&mut self) -> Vec<Notes> {
        self.phase.send_replace(Phase::Draining);
        sleep(DRAIN).await;
        self.phase.send_replace(Phase::Reporting);
        let end = Instant::now() + PATIENCE;
        while self.notes.len() + self.without_notes < self.size {
            match timeout_at(end, self.told.recv()).await {
                Ok(told) => self.take(told),
                Err(_) => break,
            }
        }
        self.phase.send_replace(Phase::Leaving);
        while let Ok(Some(_)) = timeout_at(end, self.tasks.join_next()).await {}
        let mut notes = std::mem::take(&mut self.notes);
        notes.sort_by_key(|notes| (notes.role.room, notes.role.person));
        notes
    }

    fn why_not(&self) -> String {
        let first: Vec<&str> = self.failures.iter().take(5).map(String::as_str).collect();
        first.join("; ")
    }
}

/// Ctrl-C or SIGTERM, once. The second one ends the process at once.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
    is_interrupted: bool,
}

impl Stop {
    fn new() -> anyhow::Result<Self> {
        let on = |kind| signal(kind).context("signals cannot be caught");
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            is_interrupted: false,
        })
    }

    async fn once(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    async fn wait(&mut self) {
        self.once().await;
        self.is_interrupted = true;
        eprintln!("bots: ending; once more ends at once, without a report");
        // Signals that a process catches do not end it any more, so this does.
        if let Ok(mut again) = Self::new() {
            tokio::spawn(async move {
                again.once().await;
                std::process::exit(130);
            });
        }
    }
}

const PROGRESS: Duration = Duration::from_secs(5);
/// Longer than media is under way and waits in jitter buffers.
const DRAIN: Duration = Duration::from_millis(700);
/// How long bots may take to report and to leave.
const PATIENCE: Duration = Duration::from_secs(10);
