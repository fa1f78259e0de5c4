use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::testing::video;

const NOW: Instant = Instant::from_millis(1_000);

fn frame(frame_id: u32, distance: u16) -> BufferedFrame {
    BufferedFrame {
        header: video(frame_id, distance),
        data: vec![0; 10],
        first_arrival: NOW,
        inserted: NOW,
    }
}

fn on_time(_: MediaTime) -> Instant {
    NOW
}

fn released(buffer: &mut VideoJitterBuffer) -> Vec<u32> {
    std::iter::from_fn(|| buffer.poll(NOW, &[], on_time))
        .map(|frame| frame.header.frame_id)
        .collect()
}

fn buffer_with(frames: &[(u32, u16)]) -> VideoJitterBuffer {
    let mut buffer = VideoJitterBuffer::new(JitterBufferConfig::default());
    for &(frame_id, distance) in frames {
        buffer.insert(frame(frame_id, distance));
    }
    buffer
}

#[test]
fn frames_come_out_in_order_as_soon_as_they_are_decodable() {
    let mut buffer = buffer_with(&[(2, 1), (0, 0)]);
    assert_eq!(released(&mut buffer), [0]);
    assert!(buffer.blocked_since().is_some());
    buffer.insert(frame(1, 1));
    assert_eq!(released(&mut buffer), [1, 2]);
    assert_eq!(
        (buffer.blocked_since(), buffer.is_hopeless()),
        (None, false)
    );
}

#[test]
fn a_hole_that_later_frames_jump_over_is_no_loss() {
    let mut buffer = buffer_with(&[(0, 0), (2, 2), (4, 2)]);
    assert_eq!(released(&mut buffer), [0, 2, 4]);
    assert!(buffer.take_dropped().is_empty());
}

#[test]
fn a_key_frame_skips_what_waits_before_it() {
    let mut buffer = buffer_with(&[(0, 0), (2, 1), (3, 1), (5, 0), (6, 1)]);
    assert_eq!(released(&mut buffer), [0, 5, 6]);
    let dropped: Vec<_> = buffer
        .take_dropped()
        .into_iter()
        .map(|(header, reason)| (header.frame_id, reason))
        .collect();
    assert_eq!(
        dropped,
        [(2, DropReason::Undecodable), (3, DropReason::Undecodable)]
    );
    buffer.insert(frame(4, 1));
    assert_eq!(buffer.take_dropped()[0].1, DropReason::Late);
}

#[test]
fn a_decodable_frame_waits_for_one_before_it_until_its_playout_time() {
    let mut buffer = buffer_with(&[(0, 0), (2, 2)]);
    let playout = NOW + Duration::from_millis(20);
    assert!(buffer.poll(NOW, &[1], |_| playout).is_some());
    assert!(buffer.poll(NOW, &[1], |_| playout).is_none());
    assert_eq!(buffer.next_timeout(&[1], |_| playout), Some(playout));
    assert_eq!(
        buffer
            .poll(playout, &[1], |_| playout)
            .expect("its time has come")
            .header
            .frame_id,
        2
    );
}

#[test]
fn what_refers_to_a_frame_that_cannot_be_opened_is_hopeless() {
    let mut buffer = buffer_with(&[(0, 0)]);
    assert_eq!(released(&mut buffer), [0]);
    buffer.on_lost(1);
    buffer.insert(frame(2, 1));
    buffer.insert(frame(3, 1));
    assert_eq!(released(&mut buffer), []);
    assert!(buffer.is_hopeless());
    assert_eq!(buffer.take_dropped().len(), 2);
    buffer.insert(frame(4, 0));
    assert_eq!(released(&mut buffer), [4]);
    assert!(!buffer.is_hopeless());
}

#[test]
fn a_decoder_that_failed_takes_only_a_key_frame() {
    let mut buffer = buffer_with(&[(0, 0)]);
    assert_eq!(released(&mut buffer), [0]);
    buffer.on_decoder_reset();
    buffer.insert(frame(1, 1));
    assert_eq!(released(&mut buffer), []);
    buffer.insert(frame(2, 0));
    assert_eq!(released(&mut buffer), [2]);
}

#[test]
fn frame_ids_wrap() {
    let mut buffer = buffer_with(&[(u32::MAX - 1, 0), (u32::MAX, 1), (0, 1), (1, 2)]);
    assert_eq!(released(&mut buffer), [u32::MAX - 1, u32::MAX, 0, 1]);
}

#[test]
fn a_track_begun_anew_is_recognised_by_its_time() {
    let mut buffer = buffer_with(&[(900, 0)]);
    assert_eq!(released(&mut buffer), [900]);
    let mut anew = frame(0, 0);
    buffer.insert(anew.clone());
    assert_eq!(
        buffer.take_dropped()[0].1,
        DropReason::Late,
        "an old key frame is only late"
    );
    anew.header.media_time = video(901, 0).media_time;
    buffer.insert(anew);
    assert_eq!(released(&mut buffer), [0]);
}

#[test]
fn memory_is_bounded_and_the_oldest_goes_first() {
    let config = JitterBufferConfig {
        frames: 4,
        bytes: 1_000,
    };
    let mut buffer = VideoJitterBuffer::new(config);
    for frame_id in 1..=100 {
        buffer.insert(frame(frame_id, 1));
    }
    assert_eq!(buffer.len(), 4);
    assert!(
        buffer
            .take_dropped()
            .iter()
            .all(|(_, reason)| *reason == DropReason::Overflow)
    );
    buffer.insert(BufferedFrame {
        data: vec![0; 2_000],
        ..frame(101, 0)
    });
    assert!(buffer.is_empty());
}

proptest! {
    /// Whatever the order and the references: what comes out ascends, is decodable, and the books
    /// balance.
    #[test]
    fn any_frames_in_any_order(
        start in prop_oneof![Just(0_u32), Just(u32::MAX - 10)],
        frames in proptest::collection::vec((0_u32..40, 0_u16..4, any::<bool>()), 0..120),
    ) {
        let mut buffer = VideoJitterBuffer::new(JitterBufferConfig { frames: 16, bytes: 10_000 });
        let (mut inserted, mut out) = (0, Vec::<FrameHeader>::new());
        for (offset, distance, lost) in frames {
            if lost && distance == 3 {
                buffer.on_lost(start.wrapping_add(offset));
                continue;
            }
            let mut frame = frame(start.wrapping_add(offset), distance);
            // Not by the number, or every repetition after a gap would begin the track anew.
            frame.header.media_time = MediaTime::from_micros(5);
            buffer.insert(frame);
            inserted += 1;
            while let Some(frame) = buffer.poll(NOW, &[], on_time) {
                if let Some(last) = out.last() {
                    prop_assert!(frame.header.frame_id.wrapping_sub(last.frame_id) as i32 > 0);
                }
                let reference = frame.header.frame_id.wrapping_sub(frame.header.reference_distance.into());
                prop_assert!(frame.header.key || out.iter().any(|header| header.frame_id == reference));
                out.push(frame.header);
            }
        }
        prop_assert_eq!(inserted, out.len() + buffer.len() + buffer.take_dropped().len());
    }
}
