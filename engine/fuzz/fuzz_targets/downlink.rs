//! Whatever a gateway sends, and whether it opens or not, a receiving half goes on: deadlines pass,
//! frames are counted.
//!
//! Packets are made from few values, so that they meet each other; raw datagrams come too.
#![no_main]

use std::time::Duration;

use smrtc_client::{DownlinkHalf, DownlinkOptions};
use smrtc_e2ee::sframe::Sealer;
use smrtc_engine::wire::media::{FrameHeader, MediaKind, MediaPacket};
use smrtc_engine::{Instant, MediaTime, TrackId};
use smrtc_engine_fuzz::{AUDIO, Counting, SENDER, Steps, VIDEO, keys, randomness};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut downlink = DownlinkHalf::new(keys(), DownlinkOptions::default(), randomness());
    downlink.add_track(TrackId::new(SENDER, AUDIO), MediaKind::Audio);
    downlink.add_track(TrackId::new(SENDER, VIDEO), MediaKind::Video);
    let mut now = Instant::from_millis(1);
    let mut steps = Steps(bytes);
    while let Some((step, value)) = steps.next() {
        match step % 8 {
            0 => downlink.datagram(now, steps.bytes(value)),
            1 => downlink.video_decode_failed(now, TrackId::new(SENDER, VIDEO)),
            2 => {
                let plays_at = now + Duration::from_millis(u64::from(value));
                downlink.render_audio(now, &mut [0.0; 480], plays_at);
            }
            3 => {
                now += Duration::from_millis(u64::from(value));
                downlink.timeout(now);
                assert!(downlink.next_timeout() > now, "a deadline that was served is still due");
            }
            _ => downlink.datagram(now, &packet(step, value)),
        }
        while let Some(frame) = downlink.poll_video() {
            assert!(frame.render_at >= now);
            downlink.video_decoded(now, frame.header.track_id());
        }
        while downlink.poll_event().is_some() {}
        while downlink.poll_datagram().is_some() {}
    }
    for stats in downlink.stats(now).engine.inbound {
        let accounted = stats.frames_delivered + stats.frames_dropped + stats.frames_pending;
        assert_eq!(stats.frames_seen, accounted, "{stats:?}");
    }
});

/// One of a few thousand packets. A bit of `step` says whether its frame will open.
fn packet(step: u8, value: u8) -> Vec<u8> {
    let video = step & 0x10 == 0;
    let frame_id = u32::from(value >> 3).wrapping_sub(8);
    let key = !video || value & 7 == 7;
    let header = FrameHeader {
        key,
        discardable: false,
        reserved_flags: 0,
        media_kind: if video { MediaKind::Video } else { MediaKind::Audio },
        track: if video { VIDEO } else { AUDIO },
        spatial: step >> 7,
        temporal: 0,
        sender: SENDER,
        frame_id,
        reference_distance: if key { 0 } else { u16::from(value & 3) },
        media_time: MediaTime::from_micros(33_333 * u64::from(value >> 3)),
    };
    let mut sealed = sealed(&header);
    if step & 0x08 != 0 {
        *sealed.last_mut().expect("a tag") ^= 1;
    }
    let fragment_count = 1 + u16::from(step >> 5 & 3);
    let fragment_index = u16::from(value & 3) % fragment_count;
    let length = sealed.len().div_ceil(usize::from(fragment_count));
    let fragment = sealed.chunks(length).nth(usize::from(fragment_index));
    let mut datagram = Vec::new();
    MediaPacket {
        rtx: false,
        transport_seq: u16::from(value),
        fragment_index,
        fragment_count,
        header,
        metadata: header.metadata(),
        payload: fragment.expect("a sealed frame has more bytes than fragments"),
    }
    .encode(&mut datagram);
    datagram
}

/// A frame under a key of its own, the same each time.
fn sealed(header: &FrameHeader) -> Vec<u8> {
    let seed = header.metadata().iter().fold(0, |seed: u64, &byte| {
        seed.wrapping_mul(257).wrapping_add(u64::from(byte))
    });
    let mut keys = keys();
    let mut sealer = Sealer::from_provider(&mut keys, &mut Counting(seed)).expect("a key");
    let mut sealed = Vec::new();
    let text = header.frame_id.to_be_bytes();
    sealer.seal(&header.metadata(), &text, &mut sealed).expect("a first frame");
    sealed
}
