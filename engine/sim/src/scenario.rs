//! Scenario files: a path, the calls over it, and cross traffic.

use std::path::Path;

use serde::Deserialize;

pub use crate::link_spec::{LinkSpec, StepSpec};

/// Why a scenario file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It is not TOML, or not of this shape.
    #[error("not a scenario: {0}")]
    Parse(#[from] toml::de::Error),
    /// A number makes no sense.
    #[error("{0}")]
    Value(&'static str),
    /// It, or a trace that it names, cannot be read.
    #[error("{0}")]
    File(String),
}

/// One file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is called in tables.
    pub name: String,
    /// Where its numbers come from.
    #[serde(default)]
    pub about: String,
    /// How long the call lasts.
    pub seconds: f64,
    /// When measuring begins. Default 8 s.
    #[serde(default = "settle")]
    pub settle: f64,
    /// From publisher to subscriber.
    pub forward: LinkSpec,
    /// Back; without a bottleneck, and as lossy and long as the way forward, if it is not given.
    pub back: Option<LinkSpec>,
    /// The calls. One of 1 Mbit/s if none is given.
    #[serde(default, rename = "flow")]
    pub flows: Vec<FlowSpec>,
    /// With any, the path of the one call leads to a gateway, which forwards to these.
    #[serde(default, rename = "subscriber")]
    pub subscribers: Vec<SubscriberSpec>,
    /// Cross traffic.
    #[serde(default)]
    pub cross: Vec<CrossSpec>,
    /// Settings of the engine.
    #[serde(default)]
    pub engine: EngineSpec,
    /// Runs the scenario once for each share of loss, both ways.
    #[serde(default)]
    pub sweep_loss: Vec<f64>,
    /// Runs the scenario once for each jitter, in milliseconds, both ways.
    #[serde(default)]
    pub sweep_jitter_ms: Vec<f64>,
}

/// A call: a publisher of audio and video, and a subscriber.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlowSpec {
    /// When it begins, in seconds.
    pub start: f64,
    /// When it ends; with the scenario if it is not given.
    pub stop: Option<f64>,
    /// The most its video encoder makes; 0 for no video.
    pub video_kbps: u64,
    /// The most its audio encoder makes; 0 for no audio.
    pub audio_kbps: u64,
    /// Frames captured each second.
    pub fps: f64,
    /// Whether its media goes over the way back.
    pub reverse: bool,
    /// Delay each way that only this call has.
    pub extra_delay_ms: f64,
    /// Spans in which nothing is captured: from, to.
    pub pauses: Vec<(f64, f64)>,
    /// Temporal layers of its frames, 1 to 3: with two every second frame can be left out, with
    /// three three of four.
    pub temporal_layers: u8,
    /// Sizes in which frames are sent at once, the smallest first; one if none is given. Only for
    /// subscribers of a gateway.
    pub sizes: Vec<SizeSpec>,
}

/// A size of a frame: what its encoder makes at least and at most, in kbit/s.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizeSpec {
    /// Below this it is not sent.
    pub min_kbps: u64,
    /// Never more.
    pub max_kbps: u64,
}

/// Subscribers behind a gateway, each with a path of its own of this kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriberSpec {
    /// What they are called in tables.
    pub name: String,
    /// How many there are. Default 1.
    #[serde(default = "one")]
    pub count: usize,
    /// From the gateway to each.
    pub forward: LinkSpec,
    /// Back; see `Scenario::back`.
    pub back: Option<LinkSpec>,
}

impl Default for FlowSpec {
    fn default() -> Self {
        Self {
            start: 0.0,
            stop: None,
            video_kbps: 1_000,
            audio_kbps: 32,
            fps: 30.0,
            reverse: false,
            extra_delay_ms: 0.0,
            pauses: Vec::new(),
            temporal_layers: 1,
            sizes: Vec::new(),
        }
    }
}

/// The kind of cross traffic.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum CrossKind {
    /// A constant rate, whatever the path does.
    Cbr,
    /// A TCP sender that always has data.
    Tcp,
}

/// Cross traffic.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossSpec {
    /// See [`CrossKind`].
    pub kind: CrossKind,
    /// When it begins, in seconds.
    #[serde(default)]
    pub start: f64,
    /// When it ends; with the scenario if it is not given.
    pub stop: Option<f64>,
    /// The rate of constant traffic.
    #[serde(default)]
    pub rate_kbps: u64,
    /// Of TCP: how much there is to send each time; without end if it is not given.
    pub bytes: Option<u64>,
    /// Of TCP that ends: mean time to the next transfer, in seconds.
    #[serde(default)]
    pub idle: f64,
    /// Whether it is on the way back.
    #[serde(default)]
    pub reverse: bool,
}

/// See [`smrtc_engine::cc::Controller`].
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ControllerSpec {
    /// Estimates the rate from delay.
    Delay,
    /// Estimates the rate from a model of the path.
    Bbr,
}

/// Settings of the engine, to see what each part contributes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineSpec {
    /// The most that the congestion controller may allow, audio and repairs included.
    pub max_kbps: Option<u64>,
    /// The congestion controller.
    pub controller: ControllerSpec,
    /// Whether lost packets are asked for by NACK.
    pub nack: bool,
    /// Whether video is sent with repair packets.
    pub fec: bool,
    /// Whether packets of audio carry redundancy: earlier frames (RFC 2198).
    pub red: bool,
    /// Whether the jitter buffer of audio adapts; otherwise it holds 60 ms.
    pub neteq: bool,
}

impl Default for EngineSpec {
    fn default() -> Self {
        Self {
            max_kbps: None,
            controller: ControllerSpec::Delay,
            nack: true,
            fec: true,
            red: true,
            neteq: true,
        }
    }
}

/// One case of a scenario: the scenario itself, or one value of its sweep.
#[derive(Clone, Debug)]
pub struct Case {
    /// The scenario's name, and the place in its sweep.
    pub name: String,
    /// The scenario without a sweep.
    pub scenario: Scenario,
}

impl Scenario {
    /// Reads a file, and the traces that it names.
    ///
    /// # Errors
    ///
    /// See [`ScenarioError`].
    pub fn read(file: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|why| ScenarioError::File(why.to_string()))?;
        let mut scenario = Self::parse_any(&text)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        for trace in scenario.links_mut().filter_map(|link| link.trace.as_mut()) {
            trace.read(folder).map_err(ScenarioError::File)?;
        }
        Ok(scenario)
    }

    /// Reads a file's text, which names no trace.
    ///
    /// # Errors
    ///
    /// See [`ScenarioError`].
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario = Self::parse_any(text)?;
        if scenario.links().any(|link| link.trace.is_some()) {
            return Err(ScenarioError::Value("a trace is looked for beside a file"));
        }
        Ok(scenario)
    }

    fn parse_any(text: &str) -> Result<Self, ScenarioError> {
        let mut scenario: Self = toml::from_str(text)?;
        if scenario.flows.is_empty() {
            scenario.flows.push(FlowSpec::default());
        }
        if !(scenario.seconds > 0.0 && scenario.settle < scenario.seconds) {
            return Err(ScenarioError::Value("`settle` must lie before the end"));
        }
        let sweep = scenario.sweep_loss.iter();
        let losses = scenario.links().map(|link| &link.loss);
        if sweep.chain(losses).any(|loss| !(0.0..=1.0).contains(loss)) {
            return Err(ScenarioError::Value("loss is a share, 0 to 1"));
        }
        if scenario.links().any(LinkSpec::is_ambiguous) {
            return Err(ScenarioError::Value("a link has a rate or a trace"));
        }
        if scenario
            .flows
            .iter()
            .any(|flow| !(1.0..=240.0).contains(&flow.fps))
        {
            return Err(ScenarioError::Value("`fps` is 1 to 240"));
        }
        let mut flows = scenario.flows.iter();
        if flows.any(|flow| !(1..=3).contains(&flow.temporal_layers)) {
            return Err(ScenarioError::Value("`temporal_layers` is 1 to 3"));
        }
        let room = !scenario.subscribers.is_empty();
        if room && (scenario.flows.len() != 1 || !scenario.cross.is_empty()) {
            return Err(ScenarioError::Value(
                "before a gateway there is one call, and nothing else",
            ));
        }
        if !room && scenario.flows.iter().any(|flow| !flow.sizes.is_empty()) {
            return Err(ScenarioError::Value("`sizes` are for subscribers"));
        }
        Ok(scenario)
    }

    /// Its cases: one, or one for each value of a sweep.
    pub fn cases(&self) -> Vec<Case> {
        let plain = Self {
            sweep_loss: Vec::new(),
            sweep_jitter_ms: Vec::new(),
            ..self.clone()
        };
        if self.sweep_loss.is_empty() && self.sweep_jitter_ms.is_empty() {
            return vec![Case {
                // What the command line adds to a name is made to stand before a place in a sweep.
                name: self.name.trim_end_matches(',').to_owned(),
                scenario: plain,
            }];
        }
        let with = |suffix: String, change: &dyn Fn(&mut LinkSpec)| {
            let mut scenario = plain.clone();
            change(&mut scenario.forward);
            if let Some(back) = &mut scenario.back {
                change(back);
            }
            Case {
                name: format!("{} {suffix}", self.name),
                scenario,
            }
        };
        let losses = self.sweep_loss.iter().map(|&loss| {
            with(format!("{:.0} %", loss * 100.0), &move |link| {
                link.loss = loss
            })
        });
        let jitters = self.sweep_jitter_ms.iter().map(|&jitter| {
            with(format!("{jitter:.0} ms"), &move |link| {
                link.jitter_ms = jitter
            })
        });
        losses.chain(jitters).collect()
    }

    /// All that are written down.
    fn links(&self) -> impl Iterator<Item = &LinkSpec> {
        let subscribers = self.subscribers.iter();
        let theirs = subscribers.flat_map(|of| [Some(&of.forward), of.back.as_ref()]);
        let ours = [Some(&self.forward), self.back.as_ref()];
        ours.into_iter().chain(theirs).flatten()
    }

    fn links_mut(&mut self) -> impl Iterator<Item = &mut LinkSpec> {
        let subscribers = self.subscribers.iter_mut();
        let theirs = subscribers.flat_map(|of| [Some(&mut of.forward), of.back.as_mut()]);
        let ours = [Some(&mut self.forward), self.back.as_mut()];
        ours.into_iter().chain(theirs).flatten()
    }

    /// The way back.
    pub(crate) fn back(&self) -> LinkSpec {
        self.forward.back(self.back.as_ref())
    }
}

fn settle() -> f64 {
    8.0
}

fn one() -> usize {
    1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use smrtc_engine::Bitrate;

    use super::*;
    use crate::link::Loss;

    #[test]
    fn a_sweep_is_one_case_for_each_value_and_steps_change_what_they_name() {
        let text = r#"
            name = "loss"
            seconds = 30
            sweep_loss = [0.0, 0.3]
            [forward]
            delay_ms = 25
            rate_kbps = 2000
            [[forward.step]]
            at = 10
            rate_kbps = 300
        "#;
        let scenario = Scenario::parse(text).unwrap();
        let cases = scenario.cases();
        assert_eq!(cases[1].name, "loss 30 %");
        let forward = &cases[1].scenario.forward;
        assert_eq!(forward.at(0.0).loss, Loss::Random(0.3));
        assert_eq!(forward.at(9.0).rate, Some(Bitrate::from_kbps(2_000)));
        assert_eq!(forward.at(10.0).rate, Some(Bitrate::from_kbps(300)));
        assert_eq!(forward.at(10.0).delay, Duration::from_millis(25));
        assert_eq!(forward.at(0.0).queue_bytes, 75_000);
        let back = cases[1].scenario.back().at(20.0);
        assert_eq!((back.rate, back.loss), (None, Loss::Random(0.3)));
    }

    #[test]
    fn nonsense_is_refused() {
        let parse = |rest: &str| {
            Scenario::parse(&format!("name = \"x\"\nseconds = 20\n{rest}\n[forward]\n"))
        };
        assert!(parse("").is_ok());
        assert!(parse("settle = 20").is_err());
        assert!(parse("sweep_loss = [1.5]").is_err());
        assert!(parse("colour = 1").is_err());
        assert!(parse("back = { loss = 2 }").is_err());
        let trace = parse("back = { trace = \"a.trace\" }");
        assert!(trace.unwrap_err().to_string().contains("beside a file"));
        let room = "[[subscriber]]\nname = \"a\"\n[subscriber.forward]\n[[flow]]\n";
        assert!(parse(room).is_ok());
        assert!(parse(&format!("{room}[[flow]]\n")).is_err());
        let sizes = "[[flow]]\nsizes = [{ min_kbps = 30, max_kbps = 150 }]\n";
        assert!(parse(sizes).is_err());
    }
}
