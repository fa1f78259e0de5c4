//! Tells acoustic feedback (howling, the Larsen effect): a loudspeaker that a microphone hears,
//! whose audio comes back to it louder each time.
//!
//! In a call that takes two devices in one room, so no echo canceller knows of it. Once round is as
//! long as the call's delay, so a howl grows by the loop's gain every 60 ms or more, at one
//! frequency, until something in the loop is at its limit.
//!
//! Follows the criteria of van Waterschoot and Moonen, *Fifty years of acoustic feedback control:
//! state of the art and future challenges*, Proc. IEEE 99(2), 2011, §IV: candidates are peaks of
//! the spectrum above its mean (PAPR) and above what is beside them (PNPR). Such a peak howls when
//! it has stayed where it is (IPMP), when its level has risen in a straight line in decibels for a
//! third of a second (IMSD), and when by now hardly anything else is heard, not even its harmonics
//! (PTPR, PHPR).
//!
//! It is the growth that tells a howl from what was meant to be heard. So a steady tone is none,
//! however loud (an instrument, DTMF, a test signal), nor is a whistle, which is at its level
//! within a tenth of a second or two. One pure tone that slowly swells is taken for a howl; and a
//! loop that runs faster than 150 dB a second, which no call does, is not.
//!
//! Not a suppressor: it changes no sample.

mod peak_track;
mod spectrum;

use peak_track::PeakTrack;
use spectrum::{HOP, Peak, Spectrum};

use crate::SAMPLE_RATE_HZ;

/// Peaks that are followed at a time. A frame has a few more candidates than a howl has rivals.
const MAX_TRACKS: usize = 8;
/// Power within the main lobe against all, on average over the frames judged: hardly anything else
/// is heard.
const MIN_TOTAL_SHARE: f32 = 0.6;
/// Frequencies at which a loop howls at once, until one wins.
const MAX_RIVALS: usize = 2;
/// Spectra in a row before a howl is told: 200 ms.
const HELD: u32 = 10;
/// Least level of a howl, in dB of full scale. A quieter one disturbs nobody yet.
const MIN_LEVEL_DB: f32 = -50.0;
/// When so much of a howl is gone, in dB below its loudest, it is over.
const FALLEN_DB: f32 = 12.0;

/// A howl.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Howl {
    /// Where it howls, in Hz.
    pub frequency_hz: f32,
}

/// Listens to a microphone.
pub struct HowlingDetector {
    spectrum: Spectrum,
    tracks: Vec<PeakTrack>,
    /// Spectra in a row that look like a howl.
    held: u32,
    howl: Option<Howl>,
    count: u64,
}

impl Default for HowlingDetector {
    fn default() -> Self {
        Self {
            spectrum: Spectrum::new(),
            tracks: Vec::with_capacity(MAX_TRACKS),
            held: 0,
            howl: None,
            count: 0,
        }
    }
}

impl HowlingDetector {
    /// Takes samples of the microphone at 48 kHz, before anything has processed them; any number at
    /// a time.
    pub fn push(&mut self, samples: &[f32]) {
        let mut rest = samples;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(self.spectrum.missing()));
            rest = later;
            if self.spectrum.push(now) {
                self.look();
            }
        }
    }

    /// Forgets all that it heard: the loop is open, as while the microphone is muted.
    pub fn reset(&mut self) {
        self.spectrum.clear();
        self.tracks.clear();
        self.held = 0;
        self.howl = None;
    }

    /// What howls now.
    pub fn howl(&self) -> Option<Howl> {
        self.howl
    }

    /// How many howls have begun.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn look(&mut self) {
        let peaks = self.spectrum.peaks();
        let total = self.spectrum.total();
        for track in &mut self.tracks {
            let peak = peaks.iter().find(|peak| track.is_at(peak.bin));
            let bin = peak.map_or(track.bin(), |peak| peak.bin);
            let share = self.spectrum.lobe(bin) / total.max(f32::MIN_POSITIVE);
            let level = self.spectrum.level_db(bin);
            track.add(
                peak.map(|peak| peak.bin),
                level,
                share,
                self.spectrum.is_pure(bin),
            );
        }
        self.tracks.retain(|track| !track.is_lost());
        self.follow(&peaks);
        self.judge();
    }

    /// Begins to follow peaks that nobody follows, the strongest first, in place of the weakest
    /// tracks if there are too many.
    fn follow(&mut self, peaks: &[Peak]) {
        for peak in peaks {
            if self.tracks.iter().any(|track| track.is_at(peak.bin)) {
                continue;
            }
            if self.tracks.len() == MAX_TRACKS {
                let weakest = (0..MAX_TRACKS)
                    .filter(|&n| !self.tracks[n].is_persistent())
                    .min_by(|&a, &b| {
                        self.tracks[a]
                            .level_db()
                            .total_cmp(&self.tracks[b].level_db())
                    });
                match weakest {
                    Some(n) => drop(self.tracks.swap_remove(n)),
                    None => return,
                }
            }
            self.tracks
                .push(PeakTrack::new(peak.bin, self.spectrum.level_db(peak.bin)));
        }
    }

    fn judge(&mut self) {
        let louder = |a: &&PeakTrack, b: &&PeakTrack| b.level_db().total_cmp(&a.level_db());
        let goes_on =
            |track: &&PeakTrack| track.howls() && track.level_db() > track.loudest_db() - FALLEN_DB;
        let mut grown: Vec<&PeakTrack> = self
            .tracks
            .iter()
            .filter(|track| track.has_grown() && track.is_persistent())
            .collect();
        grown.sort_by(louder);
        grown.truncate(MAX_RIVALS);
        let share: f32 = grown.iter().map(|track| track.share()).sum();
        let first = grown
            .first()
            .filter(|track| track.is_pure() && track.level_db() > MIN_LEVEL_DB);
        let howls = first.filter(|_| share >= MIN_TOTAL_SHARE);
        self.held = howls.map_or(0, |_| self.held + 1);
        let new = howls.filter(|_| self.held >= HELD).copied();
        let found = self.tracks.iter().filter(goes_on).min_by(louder).or(new);
        let bin = found.map(PeakTrack::bin);
        if bin.is_some() && self.howl.is_none() {
            self.count += 1;
        }
        for track in &mut self.tracks {
            track.set_howls(Some(track.bin()) == bin);
        }
        self.howl = bin.map(|bin| Howl {
            frequency_hz: bin * SAMPLE_RATE_HZ as f32 / spectrum::SIZE as f32,
        });
    }
}

/// How often it judges: each 20 ms.
const _: () = assert!(HOP == crate::FRAME_SAMPLES);
