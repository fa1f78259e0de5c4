//! What `smrtc-loadgen bots` takes on the command line.

#![allow(
    rustdoc::bare_urls,
    reason = "the comments are the help of the command line, which has no Markdown"
)]

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use serde::Serialize;
use smrtc_e2ee::mls::Suite;
use smrtc_e2ee::sframe::CipherSuite;
use smrtc_engine::time::Bitrate;
use smrtc_native::client::KeySource;
use smrtc_native::group_keys;

use super::gateway::{TokenOptions, TransportName};
use super::person::VideoPlan;
use super::test_card;

/// Options of `bots`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The gateway, such as http://localhost:4433 or https://meet.example. One without TLS tells
    /// the hashes of its certificates for WebTransport; one with TLS needs a certificate that the
    /// system trusts.
    #[arg(long, value_name = "URL")]
    pub(crate) gateway: String,

    #[command(flatten)]
    pub(crate) tokens: TokenOptions,

    /// How many rooms.
    #[arg(long, value_name = "R", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rooms: u32,

    /// How many people in each room.
    #[arg(long, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) people: u32,

    /// How many people of each room publish audio and video; the others watch [default: all].
    #[arg(long, value_name = "K")]
    pub(crate) publish: Option<u32>,

    /// How many of those speak; the others send silence [default: all].
    #[arg(long, value_name = "K")]
    pub(crate) speak: Option<u32>,

    /// For how long media is sent once everybody is in. Ctrl-C ends it early, with the report so
    /// far.
    #[arg(long, value_name = "S", default_value = "10", value_parser = parse_seconds)]
    pub(crate) seconds: Duration,

    /// Rooms are called NAME-1, NAME-2 and so on.
    #[arg(long, value_name = "NAME", default_value = "bots")]
    pub(crate) room: String,

    /// How sessions reach the gateway.
    #[arg(long, value_enum, default_value = "webtransport")]
    pub(crate) transport: TransportName,

    /// Ciphers of the group and of frames. Everybody in a room needs the same.
    #[arg(long, value_enum, default_value = "sm4")]
    pub(crate) suite: SuiteName,

    /// Bots join evenly spread over so many seconds.
    #[arg(long, value_name = "S", default_value = "0", value_parser = parse_seconds)]
    pub(crate) ramp: Duration,

    /// How long a bot may take to get into its room.
    #[arg(long, value_name = "S", default_value = "20", value_parser = parse_seconds)]
    pub(crate) join_timeout: Duration,

    /// Frames of video in a second.
    #[arg(long, value_name = "FPS", default_value_t = 15)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=120))]
    pub(crate) video_rate: u32,

    /// Bitrate of video in kbit/s: frames are filled up to it. Less is sent when the gateway says
    /// that there is no room for it.
    #[arg(long, value_name = "KBIT", default_value_t = 300)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) video_kbps: u64,

    /// Size of video: 512 × 288 pixels times this, each way.
    #[arg(long, value_name = "TIMES", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=i64::from(test_card::MAX_SCALE)))]
    pub(crate) video_scale: u16,

    /// WAV file (one channel, 48 kHz) that bots speak, over and over [default: something like a
    /// voice].
    #[arg(long, value_name = "FILE")]
    pub(crate) audio: Option<PathBuf>,

    /// Writes what each bot receives to FOLDER/ROOM/BOT: video as IVF, as it came, and the audio
    /// that it hears as WAV.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) record: Option<PathBuf>,

    /// Process of the gateway on this machine, to report its CPU time and memory [default: what a
    /// gateway without TLS says at /metrics].
    #[arg(long, value_name = "PID")]
    pub(crate) gateway_pid: Option<u32>,
}

/// Ciphers of a room.
#[derive(Clone, Copy, Debug, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SuiteName {
    /// MLS over SM2, SM3 and SM4; frames under SM4-GCM.
    Sm4,
    /// MLS over P-256, SHA-256 and AES; frames under AES-128-GCM.
    Aes,
}

impl Options {
    /// Checks what the options say together.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let people = self.people;
        let publish = self.publishers();
        ensure!(
            publish <= people,
            "--publish {publish} is more than there are people in a room: --people {people}"
        );
        let speak = self.speakers();
        ensure!(
            speak <= publish,
            "--speak {speak} is more than publish in a room: {publish}"
        );
        ensure!(!self.seconds.is_zero(), "--seconds must be more than 0");
        Ok(())
    }

    pub(crate) fn publishers(&self) -> u32 {
        self.publish.unwrap_or(self.people)
    }

    pub(crate) fn speakers(&self) -> u32 {
        self.speak.unwrap_or(self.publishers())
    }

    /// The name of a room, which counts from 1.
    pub(crate) fn room_name(&self, room: u32) -> String {
        format!("{}-{room}", self.room)
    }

    pub(crate) fn video(&self) -> VideoPlan {
        VideoPlan {
            fps: self.video_rate,
            bitrate: Bitrate::from_kbps(self.video_kbps),
            scale: self.video_scale,
        }
    }
}

impl SuiteName {
    /// Keys of a group.
    pub(crate) fn keys(self) -> KeySource {
        let mut keys = group_keys();
        if let KeySource::Group(group) = &mut keys {
            (group.suite, group.sframe_suite) = match self {
                Self::Sm4 => (Suite::Sm2Sm4GcmSm3, CipherSuite::Sm4GcmSm3),
                Self::Aes => (Suite::P256Aes128GcmSha256, CipherSuite::Aes128GcmSha256),
            };
        }
        keys
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "a number of seconds, such as 10 or 0.5")?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| "from 0 to 86400 seconds".to_owned())
}

/// As long as a join token lives.
const LONGEST: Duration = Duration::from_secs(86_400);
