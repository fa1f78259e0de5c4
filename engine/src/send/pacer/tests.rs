use super::*;
use crate::ids::TrackId;

fn packet(class: Class, frame_id: u32, bytes: usize) -> Queued {
    let frame = TrackId::new(1, class as u8).stream(0).frame(frame_id);
    let discardable = class == Class::Enhancement;
    let since = Instant::from_millis(u64::from(frame_id));
    Queued {
        class,
        frame,
        fragment: 0,
        last: true,
        key: false,
        discardable,
        since,
        datagram: vec![0; bytes],
    }
}

/// Sends everything that may go until `end`, waking only when told to: (ms, class, frame).
fn run(pacer: &mut Pacer, end_ms: u64) -> Vec<(u64, Class, u32)> {
    let mut now = Instant::ZERO;
    let mut sent = Vec::new();
    loop {
        while let Some(packet) = pacer.pop(now) {
            sent.push((now.as_micros() / 1_000, packet.class, packet.frame.number));
        }
        match pacer.next_send() {
            Some(next) if next < Instant::from_millis(end_ms) => {
                assert!(next > now, "would spin");
                now = next;
            }
            _ => return sent,
        }
    }
}

#[test]
fn packets_leave_at_the_rate_after_one_burst() {
    let mut pacer = Pacer::new(PacerConfig::default(), Bitrate::from_kbps(800));
    for i in 0..20 {
        pacer.push(packet(Class::Base, i, 1_000));
    }
    assert_eq!(pacer.queue_delay(), Duration::from_millis(200));
    let times: Vec<_> = run(&mut pacer, 1_000).iter().map(|sent| sent.0).collect();
    let expected: Vec<_> = [0].into_iter().chain((0..19).map(|i| i * 10)).collect();
    assert_eq!(times, expected);
}

#[test]
fn audio_overtakes_and_is_not_held_back() {
    let mut pacer = Pacer::new(PacerConfig::default(), Bitrate::from_kbps(100));
    for (i, class) in [
        Class::Enhancement,
        Class::Base,
        Class::Retransmission,
        Class::Audio,
        Class::Audio,
    ]
    .into_iter()
    .enumerate()
    {
        pacer.push(packet(class, i as u32, 200));
    }
    let sent = run(&mut pacer, 1_000);
    let order: Vec<_> = sent.iter().map(|sent| sent.1).collect();
    assert_eq!(
        order,
        [
            Class::Audio,
            Class::Audio,
            Class::Retransmission,
            Class::Base,
            Class::Enhancement
        ]
    );
    assert_eq!((sent[0].0, sent[1].0), (0, 0));
    assert_eq!(
        sent[2].0, 22,
        "two packets of 16 ms were sent before it, less a burst of 10"
    );
}

#[test]
fn the_queue_is_cut_by_frames_that_nobody_refers_to_first() {
    let mut pacer = Pacer::new(PacerConfig::default(), Bitrate::from_kbps(400));
    for i in 0..30 {
        pacer.push(packet(
            if i % 2 == 0 {
                Class::Base
            } else {
                Class::Enhancement
            },
            i,
            1_000,
        ));
    }
    pacer.push(packet(Class::Audio, 30, 1_000));
    let dropped = pacer.cut();
    assert_eq!(dropped.len(), 11, "31 packets of 20 ms, and 400 ms to keep");
    assert!(
        dropped
            .iter()
            .all(|dropped| !dropped.breaks_layer && dropped.frame.number % 2 == 1)
    );
    assert_eq!(dropped[0].frame.number, 1, "the oldest first");
    assert!(pacer.queue_delay() <= Duration::from_millis(400));
}

#[test]
fn a_broken_layer_goes_up_to_its_next_key_frame() {
    let mut pacer = Pacer::new(PacerConfig::default(), Bitrate::from_kbps(400));
    for i in 0..30 {
        pacer.push(Queued {
            key: i == 25,
            ..packet(Class::Base, i, 1_000)
        });
    }
    let dropped = pacer.cut();
    assert_eq!(dropped.len(), 25);
    assert!(
        dropped.iter().all(|dropped| !dropped.breaks_layer),
        "the key frame mends it"
    );
    assert_eq!(pacer.pop(Instant::ZERO).unwrap().frame.number, 25);

    let mut pacer = Pacer::new(PacerConfig::default(), Bitrate::from_kbps(400));
    for i in 0..30 {
        pacer.push(packet(Class::Base, i, 1_000));
    }
    let dropped = pacer.cut();
    assert_eq!(dropped.len(), 30);
    assert!(dropped.iter().any(|dropped| dropped.breaks_layer));
    assert_eq!(pacer.queued_bytes(), 0);
}

#[test]
fn a_lone_key_frame_stays_however_long_it_takes() {
    let mut pacer = Pacer::new(PacerConfig::default(), Bitrate::from_kbps(50));
    for fragment in 0..40 {
        pacer.push(Queued {
            key: true,
            fragment,
            ..packet(Class::Base, 1, 1_000)
        });
    }
    assert_eq!(pacer.cut(), []);
    for fragment in 0..40 {
        pacer.push(Queued {
            key: true,
            fragment,
            ..packet(Class::Base, 2, 1_000)
        });
    }
    let first = TrackId::new(1, Class::Base as u8).stream(0).frame(1);
    assert_eq!(
        pacer.cut(),
        [Dropped {
            frame: first,
            breaks_layer: false
        }]
    );
}
