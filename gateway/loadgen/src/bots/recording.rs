//! Writes what a bot receives to files: video as IVF, as it came, and the audio that it hears.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::Context;
use smrtc_engine::wire::media::FrameHeader;
use smrtc_native::IvfWriter;

/// The files of one bot: `heard.wav`, and `USER-NUMBER-TRACK.ivf` for each
/// track of video, with the number that the sender has in the room.
pub(crate) struct Recording {
    folder: PathBuf,
    heard: hound::WavWriter<BufWriter<File>>,
    videos: BTreeMap<(u32, u8), IvfWriter<BufWriter<File>>>,
    /// The first write that failed; nothing is written after it.
    failed: Option<anyhow::Error>,
}

impl Recording {
    /// Makes the folder.
    pub(crate) fn new(folder: &Path) -> anyhow::Result<Self> {
        let make = || -> anyhow::Result<_> {
            fs::create_dir_all(folder)?;
            let path = folder.join("heard.wav");
            Ok(hound::WavWriter::create(path, MONO_48_KHZ)?)
        };
        let heard = make().with_context(|| format!("{} cannot be written", folder.display()))?;
        Ok(Self {
            folder: folder.to_owned(),
            heard,
            videos: BTreeMap::new(),
            failed: None,
        })
    }

    /// Takes 10 ms of the mix.
    pub(crate) fn audio(&mut self, samples: &[f32]) {
        if self.failed.is_none() {
            let heard = &mut self.heard;
            let written = samples
                .iter()
                .try_for_each(|sample| heard.write_sample(*sample));
            self.failed = written.err().map(anyhow::Error::from);
        }
    }

    /// Takes a frame of VP8. A file begins with a key frame, which says how large the video is.
    pub(crate) fn video(&mut self, user: String, header: &FrameHeader, frame: &[u8]) {
        if self.failed.is_none() {
            let written = self.write_video(user, header, frame);
            self.failed = written.err().map(anyhow::Error::from);
        }
    }

    fn write_video(&mut self, user: String, header: &FrameHeader, frame: &[u8]) -> io::Result<()> {
        let track = (header.sender, header.track);
        if !self.videos.contains_key(&track) {
            let Some(size) = size_of(frame) else {
                return Ok(());
            };
            let name = format!("{}-{}-{}.ivf", plain(&user), track.0, track.1);
            let file = BufWriter::new(File::create(self.folder.join(name))?);
            let writer = IvfWriter::new(file, *b"VP80", size)?;
            self.videos.insert(track, writer);
        }
        match self.videos.get_mut(&track) {
            Some(video) => video.write(header.media_time.as_micros(), frame),
            None => Ok(()),
        }
    }

    /// Completes the files.
    ///
    /// # Errors
    ///
    /// The first error of writing, if there was one.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.heard.finalize()?;
        for video in self.videos.into_values() {
            video.finish()?;
        }
        Ok(())
    }
}

/// A name that stays in its folder, whatever somebody's join token says.
fn plain(user: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let plain = |c| if is_plain(c) { c } else { '_' };
    user.chars().map(plain).collect()
}

/// Width and height that a key frame of VP8 names (RFC 6386, §9.1); none for other frames.
fn size_of(frame: &[u8]) -> Option<(u16, u16)> {
    let header: &[u8; 10] = frame.first_chunk()?;
    let is_key = header[0] & 1 == 0 && header[3..6] == [0x9d, 0x01, 0x2a];
    let pixels = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]) & 0x3fff;
    is_key.then(|| (pixels(6), pixels(8)))
}

const MONO_48_KHZ: hound::WavSpec = hound::WavSpec {
    channels: 1,
    sample_rate: 48_000,
    bits_per_sample: 32,
    sample_format: hound::SampleFormat::Float,
};
