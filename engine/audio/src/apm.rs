//! The processing stages of the capture side, each on blocks of 10 ms and each removable while it
//! runs.
//!
//! Order as in libwebrtc's audio processing module: high-pass, echo canceller, noise suppressor,
//! gain. The echo canceller must see the linear path from loudspeaker to microphone, so nothing
//! that changes with the signal may stand before it.
//!
//! A little noise goes in with the audio, for the reason in [`dither`], and does not come out.

mod dither;
mod echo_canceller;
mod gain_controller;
mod high_pass;
mod noise_suppressor;
mod options;

pub use options::AudioOptions;

use crate::Block;
use dither::Dither;
use echo_canceller::EchoCanceller;
use gain_controller::GainController;
use high_pass::HighPass;
use noise_suppressor::NoiseSuppressor;

/// The stages that are on. A stage that is switched on starts afresh; the others keep what they
/// have learned.
pub(crate) struct Stages {
    high_pass: Option<HighPass>,
    echo_canceller: Option<EchoCanceller>,
    noise_suppressor: Option<NoiseSuppressor>,
    gain_controller: Option<GainController>,
    dither: Dither,
    voice_probability: Option<f32>,
}

/// What is softer than this is digital silence after the stages before the gain: 20 dB above the
/// noise that went in, for the sake of what it turned the last bits of the audio into.
const SILENCE: f32 = 10.0 * dither::AMPLITUDE;

impl Stages {
    pub(crate) fn new(options: AudioOptions) -> Self {
        let mut stages = Self {
            high_pass: None,
            echo_canceller: None,
            noise_suppressor: None,
            gain_controller: None,
            dither: Dither::default(),
            voice_probability: None,
        };
        stages.set_options(options);
        stages
    }

    pub(crate) fn set_options(&mut self, options: AudioOptions) {
        // AEC3 takes an offset for echo, so its input is always high-passed, as in libwebrtc.
        let high_pass = options.high_pass || options.echo_cancellation;
        toggle(&mut self.high_pass, high_pass, HighPass::new);
        toggle(
            &mut self.echo_canceller,
            options.echo_cancellation,
            EchoCanceller::new,
        );
        toggle(
            &mut self.noise_suppressor,
            options.noise_suppression || options.voice_detection,
            NoiseSuppressor::new,
        );
        toggle(
            &mut self.gain_controller,
            options.auto_gain_control,
            GainController::new,
        );
        match &mut self.noise_suppressor {
            Some(stage) => stage.set_suppressing(options.noise_suppression),
            None => self.voice_probability = None,
        }
    }

    /// Processes one block of the microphone in place; `far` is what the loudspeaker played
    /// meanwhile. Digital silence comes out as such, once what the stages hold back is out.
    pub(crate) fn process(&mut self, near: &mut Block, far: &Block) {
        if !self.is_any_on() {
            return;
        }
        let mut far = *far;
        self.dither.add(near);
        self.dither.add(&mut far);
        if let Some(stage) = &mut self.high_pass {
            stage.process(near);
        }
        if let Some(stage) = &mut self.echo_canceller {
            stage.process(near, &far);
        }
        if let Some(stage) = &mut self.noise_suppressor {
            self.voice_probability = Some(stage.process(near));
        }
        // The gain may be 50 dB and does not delay, so what it makes of silence goes after it.
        let is_silent = near.iter().all(|sample| sample.abs() < SILENCE);
        if let Some(stage) = &mut self.gain_controller {
            stage.process(near);
        }
        if is_silent {
            near.fill(0.0);
        }
    }

    fn is_any_on(&self) -> bool {
        self.high_pass.is_some()
            || self.echo_canceller.is_some()
            || self.noise_suppressor.is_some()
            || self.gain_controller.is_some()
    }

    /// How likely the last block holds speech, 0 to 1; `None` while nothing estimates it.
    pub(crate) fn voice_probability(&self) -> Option<f32> {
        self.voice_probability
    }

    /// Echo return loss and its enhancement in dB, once the canceller has an estimate.
    pub(crate) fn echo_return_loss(&self) -> (Option<f64>, Option<f64>) {
        self.echo_canceller
            .as_ref()
            .map_or((None, None), EchoCanceller::return_loss)
    }
}

fn toggle<T>(stage: &mut Option<T>, on: bool, make: impl FnOnce() -> T) {
    match (on, stage.is_some()) {
        (true, false) => *stage = Some(make()),
        (false, true) => *stage = None,
        _ => {}
    }
}

#[cfg(test)]
mod tests;
