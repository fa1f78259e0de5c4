//! Joins a room, plays an IVF file into it and writes what it hears to a WAV file, sealed end to
//! end with the room's keys:
//!
//!     play_and_record 127.0.0.1:4433 TOKEN video.ivf heard.wav SECONDS
//!
//! The gateway must be on this machine, for it is reached by WebSocket without TLS.

use std::time::Duration;

use smrtc_native::client::{EncoderEvent, ParticipantEvent};
use smrtc_native::engine::control::v1;
use smrtc_native::engine::send::{FrameParams, TrackConfig};
use smrtc_native::engine::time::{Bitrate, MediaTime};
use smrtc_native::engine::wire::media::MediaKind;
use smrtc_native::{Address, Call, CallOptions, Event, IvfReader, Transport, group_keys};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [gateway, token, video, heard, seconds] = &arguments[..] else {
        return Err("play_and_record GATEWAY TOKEN FILE.ivf FILE.wav SECONDS".into());
    };
    let file = std::fs::read(video)?;
    let frames: Vec<_> = IvfReader::new(&file)?.collect::<Result<_, _>>()?;
    let mut wav = hound::WavWriter::create(heard, MONO_48_KHZ)?;
    let (call, mut events) = Call::start(CallOptions {
        address: Address {
            authority: gateway.clone(),
            transport: Transport::WebSocket,
        },
        token: token.clone(),
        keys: group_keys(),
        decode_codecs: vec!["vp8".to_owned()],
        audio: true,
    })?;
    let (kind, codec) = (v1::MediaKind::Video.into(), "vp8".to_owned());
    let track = v1::Track {
        number: 1,
        kind,
        codec,
        ..v1::Track::default()
    };
    let max_bitrate = Bitrate::from_kbps(2_000);
    call.publish(
        track,
        TrackConfig {
            kind: MediaKind::Video,
            max_bitrate,
        },
    );

    let mut ticks = tokio::time::interval(Duration::from_millis(33));
    let end = tokio::time::sleep(Duration::from_secs(seconds.parse()?));
    tokio::pin!(end);
    let mut next = 0;
    loop {
        tokio::select! {
            () = &mut end => break,
            _ = ticks.tick() => {
                let media_time = MediaTime::from_micros(call.now().as_micros());
                // As audio, which needs nothing before it; other frames need the one before.
                let mut params = FrameParams::audio(media_time);
                if next % frames.len() != 0 {
                    (params.key, params.reference_distance) = (false, 1);
                }
                call.send_frame(1, params, frames[next % frames.len()].bytes.to_vec());
                next += 1;
            }
            event = events.next() => match event {
                Some(Event::Audio(block)) => for sample in *block { wav.write_sample(sample)? },
                // A newcomer needs the key frame that the file begins with.
                Some(Event::Participant(ParticipantEvent::Encoder(
                    EncoderEvent::KeyFrameRequested { .. },
                ))) => next = 0,
                Some(Event::Participant(event)) => eprintln!("{event:?}"),
                Some(Event::Video(frame)) => eprintln!("a frame of {} bytes", frame.text().len()),
                None => break,
            }
        }
    }
    call.leave().await;
    Ok(wav.finalize()?)
}

const MONO_48_KHZ: hound::WavSpec = hound::WavSpec {
    channels: 1,
    sample_rate: 48_000,
    bits_per_sample: 32,
    sample_format: hound::SampleFormat::Float,
};
