use smrtc_engine::TrackId;

use super::*;

fn frame(frame_id: u32) -> FrameId {
    TrackId::new(1, 0).stream(0).frame(frame_id)
}

fn datagram(tag: u8) -> Datagram {
    Datagram::copy_of(&[tag; 100])
}

fn drain(queue: &mut Queue, now: Instant) -> Vec<u8> {
    std::iter::from_fn(|| queue.pop(now))
        .map(|datagram| datagram.payload()[0])
        .collect()
}

fn drops(delta_frames: u64, key_frames: u64, audio: u64) -> Drops {
    Drops {
        delta_frames,
        key_frames,
        audio,
    }
}

#[test]
fn overflow_takes_what_costs_least_first_and_never_control() {
    let now = Instant::ZERO;
    let mut queue = Queue::new(700);
    queue.push(now, Class::KeyFrame(frame(0)), datagram(0));
    queue.push(now, Class::DeltaFrame(frame(1)), datagram(1));
    queue.push(now, Class::Discardable(frame(2)), datagram(2));
    queue.push(now, Class::DeltaFrame(frame(3)), datagram(3));
    queue.push(now, Class::Discardable(frame(4)), datagram(4));
    queue.push(now, Class::Audio, datagram(5));
    queue.push(now, Class::Control, datagram(6));
    assert_eq!(queue.drops(), Drops::default(), "all fits");

    queue.push(now, Class::Audio, datagram(7));
    assert_eq!(queue.drops(), drops(1, 0, 0), "frame 2");
    queue.push(now, Class::Audio, datagram(8));
    assert_eq!(queue.drops(), drops(2, 0, 0), "frame 4");
    queue.push(now, Class::Audio, datagram(9));
    assert_eq!(queue.drops(), drops(4, 0, 0), "frame 1, and 3 builds on it");
    queue.push(now, Class::Audio, datagram(10));
    queue.push(now, Class::Audio, datagram(11));
    assert_eq!(queue.drops(), drops(4, 1, 0));
    queue.push(now, Class::Audio, datagram(12));
    assert_eq!(queue.drops(), drops(4, 1, 1));
    for tag in 20..30 {
        queue.push(now, Class::Control, datagram(tag));
    }
    assert_eq!(queue.drops().audio, 7, "all audio made room");
    assert_eq!(
        drain(&mut queue, now),
        [6, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]
    );
    assert_eq!(queue.bytes(), 0);
}

#[test]
fn a_frame_is_dropped_whole_and_only_what_builds_on_it_with_it() {
    let now = Instant::ZERO;
    let mut queue = Queue::new(600);
    let other = TrackId::new(1, 1).stream(0).frame(2);
    for (id, tag) in [(1, 1), (1, 1), (2, 2)] {
        queue.push(now, Class::DeltaFrame(frame(id)), datagram(tag));
    }
    queue.push(now, Class::DeltaFrame(other), datagram(3));
    queue.push(now, Class::KeyFrame(frame(4)), datagram(4));
    queue.push(now, Class::DeltaFrame(frame(5)), datagram(5));
    queue.push(now, Class::DeltaFrame(frame(5)), datagram(5));
    assert_eq!(queue.drops().delta_frames, 3);
    assert!(!queue.is_broken(frame(1).stream), "it goes on with 4");
    assert_eq!(drain(&mut queue, now), [3, 4, 5, 5]);
}

#[test]
fn after_a_frame_that_waited_too_long_nothing_is_admitted_but_a_newer_key_frame() {
    let at = Instant::from_millis;
    let mut queue = Queue::new(10_000);
    queue.push(at(0), Class::DeltaFrame(frame(1)), datagram(1));
    queue.push(at(500), Class::DeltaFrame(frame(2)), datagram(2));
    queue.push(at(500), Class::Discardable(frame(3)), datagram(3));
    assert!(queue.admits(&frame(4), false));
    assert_eq!(queue.pop(at(700)), None);
    assert_eq!(queue.drops().delta_frames, 3);
    assert!(queue.is_broken(frame(1).stream));
    assert!(!queue.admits(&frame(4), false));
    assert!(queue.admits(&frame(4), true));

    // What was asked for again, of a frame before it, mends nothing.
    queue.push(at(700), Class::Discardable(frame(0)), datagram(0));
    assert!(queue.is_broken(frame(1).stream));
    queue.push(at(700), Class::KeyFrame(frame(4)), datagram(4));
    assert!(queue.has_key_frame(frame(4).stream));
    assert!(queue.admits(&frame(5), false));
    assert_eq!(drain(&mut queue, at(700)), [0, 4]);
    assert!(!queue.has_key_frame(frame(4).stream));
}

#[test]
fn the_rest_of_a_key_frame_that_was_given_up_does_not_mend_the_stream() {
    let at = Instant::from_millis;
    let mut queue = Queue::new(10_000);
    queue.push(at(0), Class::KeyFrame(frame(1)), datagram(1));
    assert_eq!(queue.pop(at(700)), None);
    assert!(!queue.admits(&frame(1), true));
    queue.push(at(700), Class::KeyFrame(frame(1)), datagram(1));
    assert!(queue.is_broken(frame(1).stream));
}

#[test]
fn a_frame_that_has_begun_is_finished_on_a_slow_path() {
    let at = Instant::from_millis;
    let mut queue = Queue::new(10_000);
    for tag in 0..4 {
        queue.push(at(0), Class::KeyFrame(frame(1)), datagram(tag));
    }
    queue.push(at(40), Class::DeltaFrame(frame(2)), datagram(9));
    for tag in 0..4 {
        let datagram = queue.pop(at(300 * u64::from(tag)));
        assert_eq!(datagram.unwrap().payload()[0], tag);
    }
    assert_eq!(queue.pop(at(1_200)), None, "the next had not begun");
    for tag in 0..2 {
        queue.push(at(2_000), Class::KeyFrame(frame(3)), datagram(tag));
    }
    assert!(queue.pop(at(2_000)).is_some());
    assert_eq!(queue.pop(at(4_001)), None, "there is an end to it");
    assert!(queue.is_broken(frame(3).stream));
}

/// Frames that came, each with its packets and how many of them were sent.
#[derive(Default)]
struct Model {
    frames: BTreeMap<u32, (Worth, u32, u32)>,
}

impl Model {
    /// Whether a receiver that got all that was sent can decode this frame once it is whole.
    fn is_decodable(&self, id: u32) -> bool {
        let mut before = self.frames.range(..id).rev();
        let reference = before.find(|(_, (worth, ..))| *worth != Worth::Discardable);
        self.frames[&id].0 == Worth::Key
            || reference
                .is_some_and(|(&id, (_, packets, sent))| packets == sent && self.is_decodable(id))
    }
}

#[test]
fn every_packet_that_goes_is_of_a_frame_that_can_be_decoded_however_slow_the_path() {
    for seed in 1..40_u64 {
        let mut random = seed;
        let mut below = |limit: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) % limit
        };
        let (mut queue, mut model) = (Queue::new(3_000), Model::default());
        let (mut sent, mut refused) = (0, 0);
        let pace = 1 + below(6);
        for tick in 0..3_000_u32 {
            let now = Instant::from_millis(u64::from(tick) * 33);
            let worth = match if tick == 0 { 0 } else { below(20) } {
                0 => Worth::Key,
                1..8 => Worth::Discardable,
                _ => Worth::Delta,
            };
            let packets = 1 + below(3) as u32 + if worth == Worth::Key { 4 } else { 0 };
            let id = frame(tick);
            if queue.admits(&id, worth == Worth::Key) {
                model.frames.insert(tick, (worth, packets, 0));
                let mut bytes = vec![0; 100];
                bytes[..4].copy_from_slice(&tick.to_be_bytes());
                for _ in 0..packets {
                    let class = match worth {
                        Worth::Key => Class::KeyFrame(id),
                        Worth::Delta => Class::DeltaFrame(id),
                        Worth::Discardable => Class::Discardable(id),
                    };
                    if queue.admits(&id, worth == Worth::Key) {
                        queue.push(now, class, Datagram::copy_of(&bytes));
                    }
                }
            } else {
                refused += 1;
            }
            for _ in 0..below(pace) {
                let Some(datagram) = queue.pop(now) else {
                    continue;
                };
                let id = u32::from_be_bytes(*datagram.payload().first_chunk().unwrap());
                assert!(model.is_decodable(id), "seed {seed}: frame {id}");
                model.frames.get_mut(&id).unwrap().2 += 1;
                sent += 1;
            }
            assert!(queue.bytes() <= 3_000);
        }
        assert!(sent > 500 || pace == 1, "seed {seed}: {sent} sent");
        assert!(refused > 0 || pace > 4, "seed {seed}: the path was wide");
    }
}

#[test]
fn audio_overtakes_video_and_late_frames_are_not_sent() {
    let mut queue = Queue::new(10_000);
    queue.push(Instant::ZERO, Class::Discardable(frame(1)), datagram(1));
    queue.push(
        Instant::from_millis(500),
        Class::DeltaFrame(frame(2)),
        datagram(2),
    );
    queue.push(Instant::from_millis(500), Class::Audio, datagram(3));
    assert_eq!(drain(&mut queue, Instant::from_millis(700)), [3, 2]);
    assert_eq!(queue.drops().delta_frames, 1);
}
