//! NACKs and what answers them.

use super::*;

#[test]
fn a_nack_is_answered_once_in_a_round_trip_under_a_new_number() {
    let mut uplink = uplink();
    let header = frame(&mut uplink, at(0), VIDEO, true, 3_000);
    let first = run(&mut uplink, at(40));
    assert_eq!(first.len(), 3);
    let mut bytes = Vec::new();
    let entry = NackEntry {
        sender: ME,
        track: VIDEO,
        spatial: 0,
        frame_id: header.frame_id,
        first_fragment: 0,
        mask: 0b110,
    };
    nack::encode(
        &[
            entry,
            NackEntry {
                sender: ME + 1,
                ..entry
            },
        ],
        &mut bytes,
    );
    uplink
        .handle_input(at(50), UplinkInput::Datagram(&bytes))
        .unwrap();
    uplink
        .handle_input(at(51), UplinkInput::Datagram(&bytes))
        .unwrap();
    let again = run(&mut uplink, at(80));
    assert_eq!(again.len(), 2);
    for (i, (_, bytes)) in again.iter().enumerate() {
        let packet = MediaPacket::parse(bytes).unwrap();
        let original = MediaPacket::parse(&first[i + 1].1).unwrap();
        assert_eq!(
            packet,
            MediaPacket {
                rtx: true,
                transport_seq: 3 + i as u16,
                ..original
            }
        );
    }
    uplink
        .handle_input(at(200), UplinkInput::Datagram(&bytes))
        .unwrap();
    assert_eq!(
        run(&mut uplink, at(220)).len(),
        2,
        "a round trip later they may be lost again"
    );
    let stats = uplink.stats(at(220));
    let video = stats
        .outbound
        .iter()
        .find(|stats| stats.track == VIDEO)
        .unwrap();
    assert_eq!(
        (
            video.packets_sent,
            video.retransmitted_packets_sent,
            video.frames_sent
        ),
        (7, 4, 1)
    );
}

#[test]
fn whole_frames_are_repeated_and_unknown_ones_ignored() {
    let mut uplink = uplink();
    frame(&mut uplink, at(0), VIDEO, true, 5_000);
    run(&mut uplink, at(40));
    let mut bytes = Vec::new();
    nack::encode(
        &[
            NackEntry::whole_frame(TrackId::new(ME, VIDEO).stream(0).frame(0)),
            NackEntry::whole_frame(TrackId::new(ME, VIDEO).stream(0).frame(1)),
        ],
        &mut bytes,
    );
    uplink
        .handle_input(at(50), UplinkInput::Datagram(&bytes))
        .unwrap();
    assert_eq!(run(&mut uplink, at(90)).len(), 5);
}

#[test]
fn a_nack_is_no_more_work_than_the_longest_frame_however_often_it_says_the_same() {
    let mut uplink = uplink();
    frame(&mut uplink, at(0), VIDEO, true, 100_000);
    run(&mut uplink, at(1_400));
    let ask = |entries: &[NackEntry]| {
        let mut bytes = Vec::new();
        nack::encode(entries, &mut bytes);
        bytes
    };
    let looked_at = |uplink: &mut Uplink, bytes: &[u8]| {
        let asked = |uplink: &mut Uplink| {
            let stats = uplink.stats(at(1_400));
            let video = stats.outbound.iter().find(|it| it.track == VIDEO);
            video.unwrap().nack_count
        };
        let before = asked(uplink);
        let datagram = UplinkInput::Datagram(bytes);
        uplink.handle_input(at(1_400), datagram).unwrap();
        asked(uplink) - before
    };
    let whole = NackEntry::whole_frame(TrackId::new(ME, VIDEO).stream(0).frame(0));
    let once = looked_at(&mut uplink, &ask(&[whole]));
    assert!(once > 40, "{once} packets are kept of the frame");
    let again = looked_at(&mut uplink, &ask(&[whole; nack::MAX_ENTRIES]));
    assert_eq!(again, once, "of 64 entries that are the same");
    let masks: Vec<_> = (0..64u32)
        .map(|i| NackEntry {
            first_fragment: 0,
            mask: u32::MAX - i,
            ..whole
        })
        .collect();
    let overlapping = looked_at(&mut uplink, &ask(&masks));
    assert!(
        overlapping > 0 && overlapping <= u64::from(media::MAX_FRAGMENTS),
        "{overlapping} for 64 entries that differ by a bit"
    );
}
