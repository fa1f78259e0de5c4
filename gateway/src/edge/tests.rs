//! An edge by itself: its room is a list of events, and no owner is near.

use smrtc_engine::{
    control::v1::{PeerLeft, Subscribe, Unsubscribe, server_message::Body},
    time::MediaTime,
    wire::media::{FrameHeader, MediaPacket},
};

use super::{datagrams::TooMany, *};
use crate::room::Refusal;

const TRACK: TrackId = TrackId::new(1, 5);
const NOW: Instant = Instant::from_millis(1_000);

struct Run {
    edge: Edge,
    shared: Shared,
    seq: u16,
}

impl Run {
    fn new() -> Self {
        let limits = Limits {
            media: forward::Limits::default(),
            subscriptions: 2,
            malformed_datagrams: 3,
            requests: 10,
        };
        Self {
            edge: Edge::new(RoomKey(9), limits),
            shared: Shared::default(),
            seq: 0,
        }
    }

    /// A room in which 1 publishes a track and those up to `last` are, all with sessions here.
    fn with_members(last: ParticipantId) -> Self {
        let mut run = Self::new();
        for id in 1..=last {
            run.happens(Some(Change::Joined(id)), Recipients::AllBut(id));
            run.edge.enter(NOW, id, &[id as u8; 32], &mut run.shared);
            run.edge.attach(NOW, id, &mut run.shared);
        }
        run.happens(
            Some(Change::Published(TRACK, MediaKind::Video)),
            Recipients::AllBut(1),
        );
        run.outputs();
        run
    }

    fn happens(&mut self, change: Option<Change>, to: Recipients) {
        let event = Event {
            number: self.edge.last_event + 1,
            to,
            message: EncodedMessage::new(0, Body::PeerLeft(PeerLeft::default())),
            change,
        };
        self.edge.apply(NOW, event, &mut self.shared);
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.shared.outputs.pop()).collect()
    }

    fn subscribe(&mut self, id: ParticipantId, track: TrackId) -> Result<(), Refusal> {
        let subscribe = Subscribe {
            participant_id: track.sender,
            track: track.number.into(),
            ..Subscribe::default()
        };
        self.edge.subscribe(NOW, id, &subscribe, &mut self.shared)
    }

    /// One packet of a frame of its own, of the track, by participant 1.
    fn publish(&mut self) {
        let (publisher, track) = (TRACK.sender, TRACK.number);
        let header = FrameHeader {
            key: true,
            discardable: false,
            reserved_flags: 0,
            media_kind: MediaKind::Video,
            track,
            spatial: 0,
            temporal: 0,
            sender: publisher,
            frame_id: self.seq.into(),
            reference_distance: 0,
            media_time: MediaTime::from_micros(0),
        };
        let mut bytes = Vec::new();
        MediaPacket {
            rtx: false,
            transport_seq: self.seq,
            fragment_index: 0,
            fragment_count: 1,
            header,
            metadata: header.metadata(),
            payload: &[7; 100],
        }
        .encode(&mut bytes);
        self.seq += 1;
        let datagram = Datagram::copy_of(&bytes);
        self.edge
            .datagram(NOW, publisher, Side::Uplink, &datagram, &mut self.shared)
            .unwrap();
    }

    /// How many datagrams wait for each of the participants up to `last`.
    fn received(&mut self, last: ParticipantId) -> Vec<usize> {
        let (edge, shared) = (&mut self.edge, &mut self.shared);
        let mut of = |id| {
            let pop = || edge.pop_datagram(NOW, id, Side::Downlink, shared);
            std::iter::from_fn(pop).count()
        };
        (1..=last).map(&mut of).collect()
    }
}

#[test]
fn media_goes_to_those_who_subscribed_here_until_the_room_says_that_it_ended() {
    let mut run = Run::with_members(4);
    for id in [2, 4] {
        assert_eq!(run.subscribe(id, TRACK), Ok(()));
    }
    assert_eq!(
        run.subscribe(1, TRACK),
        Err(Refusal::InvalidArgument("one's own track"))
    );
    assert_eq!(
        run.subscribe(3, TrackId::new(2, 5)),
        Err(Refusal::NoSuchTrack)
    );
    run.publish();
    assert_eq!(run.received(4), [0, 1, 0, 1]);

    let unsubscribe = Unsubscribe {
        participant_id: TRACK.sender,
        track: TRACK.number.into(),
    };
    assert_eq!(run.edge.unsubscribe(4, &unsubscribe), Ok(()));
    run.publish();
    assert_eq!(run.received(4), [0, 1, 0, 0]);

    run.happens(Some(Change::Unpublished(TRACK)), Recipients::AllBut(1));
    run.publish();
    assert_eq!(run.received(4), [0, 0, 0, 0]);
    assert_eq!(run.shared.counters.unpublished, 1);
    assert_eq!(run.edge.subscriptions(2), []);
}

#[test]
fn a_track_of_somebody_without_a_session_here_can_be_subscribed_to() {
    let mut run = Run::with_members(2);
    run.happens(Some(Change::Joined(3)), Recipients::AllBut(3));
    let track = Change::Published(TrackId::new(3, 0), MediaKind::Audio);
    run.happens(Some(track), Recipients::AllBut(3));
    assert_eq!(run.subscribe(2, TrackId::new(3, 0)), Ok(()));
    assert!(!run.edge.contains(3));
    run.happens(Some(Change::Left(3)), Recipients::AllBut(3));
    assert_eq!(run.edge.subscriptions(2), []);
    assert_eq!(
        run.subscribe(2, TrackId::new(3, 0)),
        Err(Refusal::NoSuchTrack)
    );
}

#[test]
fn who_is_out_by_the_room_loses_sessions_subscriptions_and_ticket() {
    let mut run = Run::with_members(3);
    run.subscribe(2, TRACK).unwrap();
    run.outputs();
    assert_eq!(run.shared.tickets.len(), 3);
    run.happens(Some(Change::Left(2)), Recipients::AllBut(2));
    let closed = |side| {
        let why = "the same user joined again";
        Output::Close(run.edge.member(2), side, CloseCode::Replaced, why)
    };
    let closed = [Side::Uplink, Side::Downlink].map(closed);
    assert_eq!(run.outputs()[..2], closed);
    assert_eq!((run.edge.len(), run.shared.tickets.len()), (2, 2));
    assert_eq!(run.edge.receivers(TRACK), []);
    run.publish();
    assert_eq!(run.received(3), [0, 0, 0]);

    // Its place is given to the next one, who gets nothing that was for it.
    run.happens(Some(Change::Joined(4)), Recipients::AllBut(4));
    run.edge.enter(NOW, 4, &[4; 32], &mut run.shared);
    run.edge.attach(NOW, 4, &mut run.shared);
    run.publish();
    assert_eq!(run.received(4), [0, 0, 0, 0]);
}

#[test]
fn a_message_reaches_its_recipients_who_are_here_and_nobody_else() {
    let mut run = Run::with_members(3);
    let mut told = |to| {
        run.happens(None, to);
        let outputs = run.outputs().into_iter();
        let to = outputs.map(|output| match output {
            Output::Message(member, _) => member.participant,
            other => panic!("{other:?}"),
        });
        to.collect::<Vec<_>>()
    };
    assert_eq!(told(Recipients::One(2)), [2]);
    assert!(told(Recipients::One(8)).is_empty());
    assert_eq!(told(Recipients::AllBut(2)), [1, 3]);
    assert_eq!(told(Recipients::These(vec![1, 7, 3])), [1, 3]);
}

#[test]
fn whoever_sends_too_much_rubbish_has_to_go() {
    let mut run = Run::with_members(1);
    let rubbish = Datagram::copy_of(&[3, 0x10]);
    let mut sent = |side| run.edge.datagram(NOW, 1, side, &rubbish, &mut run.shared);
    let sides = [Side::Uplink, Side::Downlink, Side::Uplink, Side::Downlink];
    assert_eq!(sides.map(&mut sent), [Ok(()), Ok(()), Ok(()), Err(TooMany)]);
    assert_eq!(run.shared.counters.malformed_datagrams, 4);
}
