//! Random inputs against what must always hold.

use proptest::prelude::*;
use smrtc_engine::control::v1::{Leave, Unpublish};

use super::*;

#[derive(Clone, Debug)]
enum Input {
    Join {
        room: u8,
        user: u8,
    },
    Leave {
        who: u8,
    },
    Attach {
        who: u8,
    },
    Detach {
        who: u8,
    },
    Publish {
        who: u8,
        track: u32,
    },
    Unpublish {
        who: u8,
        track: u32,
    },
    Subscribe {
        who: u8,
        to: u32,
        track: u32,
    },
    Media {
        who: u8,
        sender: u32,
        track: u8,
        frame: u32,
        fragment: u16,
    },
    Nack {
        who: u8,
        sender: u32,
        track: u8,
        frame: u32,
    },
    Bytes {
        who: u8,
        down: bool,
        bytes: Vec<u8>,
    },
    Timeout {
        who: u8,
    },
}

fn input() -> impl Strategy<Value = Input> {
    let who = || 0u8..6;
    let to = || 1u32..5;
    let join = (0u8..2, 0u8..4).prop_map(|(room, user)| Input::Join { room, user });
    let publish = (who(), 0u32..3).prop_map(|(who, track)| Input::Publish { who, track });
    let unpublish = (who(), 0u32..3).prop_map(|(who, track)| Input::Unpublish { who, track });
    let subscribe =
        (who(), to(), 0u32..3).prop_map(|(who, to, track)| Input::Subscribe { who, to, track });
    let media = (who(), to(), 0u8..3, 0u32..20, 0u16..4).prop_map(
        |(who, sender, track, frame, fragment)| Input::Media {
            who,
            sender,
            track,
            frame,
            fragment,
        },
    );
    let nack =
        (who(), to(), 0u8..3, 0u32..20).prop_map(|(who, sender, track, frame)| Input::Nack {
            who,
            sender,
            track,
            frame,
        });
    let any_bytes = prop::collection::vec(any::<u8>(), 0..60);
    let bytes = (who(), any::<bool>(), 0u8..8, any_bytes).prop_map(|(who, down, kind, rest)| {
        let bytes = [&[kind, 0x10], &rest[..]].concat();
        Input::Bytes { who, down, bytes }
    });
    prop_oneof![
        3 => join,
        1 => who().prop_map(|who| Input::Leave { who }),
        3 => who().prop_map(|who| Input::Attach { who }),
        1 => who().prop_map(|who| Input::Detach { who }),
        3 => publish,
        1 => unpublish,
        5 => subscribe,
        8 => media,
        3 => nack,
        2 => bytes,
        2 => who().prop_map(|who| Input::Timeout { who }),
    ]
}

/// A hub under random inputs.
struct Run {
    hub: Hub,
    now: Instant,
    tickets: Vec<(Member, [u8; 32])>,
    attachments: Vec<(Member, u64)>,
    joins: u8,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn outputs_name_only_those_who_are_in_and_everything_goes_when_they_do(
        inputs in prop::collection::vec(input(), 1..200)
    ) {
        let mut limits = Limits::default();
        limits.media.queue_bytes = 2_000;
        let mut run = Run {
            hub: Hub::new(limits),
            now: Instant::ZERO,
            tickets: Vec::new(),
            attachments: Vec::new(),
            joins: 0,
        };
        for input in inputs {
            run.now += Duration::from_millis(7);
            run.apply(input)?;
            run.check_outputs()?;
        }
        run.end()?;
    }
}

impl Run {
    /// The member of this index; beyond the end, one who never was.
    fn pick(&self, index: u8) -> Member {
        let nobody = Member {
            room: RoomKey(99),
            participant: 9,
        };
        self.hub.members().nth(index.into()).unwrap_or(nobody)
    }

    fn apply(&mut self, input: Input) -> Result<(), TestCaseError> {
        match input {
            Input::Join { room, user } => self.join(room, user),
            Input::Leave { who } => self.ask(who, Request::Leave(Leave {})),
            Input::Attach { who } => self.attach(who)?,
            Input::Detach { who } => {
                let who = self.pick(who);
                let of = self.attachments.iter().filter(|(member, _)| *member == who);
                for (member, attachment) in of {
                    self.hub.detach(*member, *attachment);
                }
            }
            Input::Publish { who, track } => {
                let track = Track {
                    number: track,
                    kind: MediaKind::Video.into(),
                    codec: "vp8".into(),
                    ..Track::default()
                };
                self.ask(who, Request::Publish(Publish { track: Some(track) }));
            }
            Input::Unpublish { who, track } => {
                self.ask(who, Request::Unpublish(Unpublish { number: track }));
            }
            Input::Subscribe { who, to, track } => {
                let subscribe = Subscribe {
                    participant_id: to,
                    track,
                    ..Subscribe::default()
                };
                self.ask(who, Request::Subscribe(subscribe));
            }
            Input::Media {
                who,
                sender,
                track,
                frame,
                fragment,
            } => {
                let datagram = media(sender, track, frame, fragment);
                self.datagram(who, Side::Uplink, &datagram);
            }
            Input::Nack {
                who,
                sender,
                track,
                frame,
            } => {
                let frame = TrackId::new(sender, track).stream(0).frame(frame);
                let mut bytes = Vec::new();
                nack::encode(&[NackEntry::whole_frame(frame)], &mut bytes);
                self.datagram(who, Side::Downlink, &Datagram::copy_of(&bytes));
            }
            Input::Bytes { who, down, bytes } => {
                let side = if down { Side::Downlink } else { Side::Uplink };
                self.datagram(who, side, &Datagram::copy_of(&bytes));
            }
            Input::Timeout { who } => self.hub.timeout(self.now, self.pick(who)),
        }
        Ok(())
    }

    fn join(&mut self, room: u8, user: u8) {
        let permissions = Permissions::for_test(&room.to_string(), &user.to_string(), Role::Anchor);
        self.joins = self.joins.wrapping_add(1);
        let ticket = [self.joins; 32];
        let joined = self
            .hub
            .join(self.now, &permissions, 1, &Join::default(), ticket);
        self.tickets.push((joined.unwrap(), ticket));
    }

    fn attach(&mut self, who: u8) -> Result<(), TestCaseError> {
        let who = self.pick(who);
        let mut tickets = self.tickets.iter().rev();
        if let Some((member, ticket)) = tickets.find(|(member, _)| *member == who) {
            let (attached, attachment) = self.hub.attach(self.now, ticket).unwrap();
            prop_assert_eq!(attached, *member);
            self.attachments.push((attached, attachment));
        }
        prop_assert!(self.hub.attach(self.now, b"nobody's").is_err());
        Ok(())
    }

    fn ask(&mut self, who: u8, request: Request) {
        let who = self.pick(who);
        self.hub.request(self.now, who, 2, Some(request));
    }

    fn datagram(&mut self, who: u8, side: Side, datagram: &Datagram) {
        let who = self.pick(who);
        self.hub.datagram(self.now, who, side, datagram);
    }

    fn check_outputs(&mut self) -> Result<(), TestCaseError> {
        let mut closed = BTreeSet::new();
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Message(member, message) => {
                    // One who leaves hears the answer to that, and one who is replaced nothing
                    // more.
                    let message = message.decode();
                    let done = matches!(message.body, Some(Body::Done(_)));
                    let is_in = self.hub.is_in(member);
                    prop_assert!(is_in || done, "{:?} to one who is out", message);
                    prop_assert!(!closed.contains(&member), "after the end");
                }
                Output::Ready(member, side) => {
                    prop_assert!(self.hub.is_in(member));
                    while let Some(datagram) = self.hub.pop_datagram(self.now, member, side) {
                        if let Ok(packet) = MediaPacket::parse(datagram.payload()) {
                            prop_assert_eq!(side, Side::Downlink);
                            let own = packet.header.sender == member.participant;
                            prop_assert!(!own, "one's own media");
                        }
                    }
                }
                Output::Rearm(member, _) => prop_assert!(self.hub.is_in(member)),
                Output::Close(member, ..) => {
                    closed.insert(member);
                }
            }
        }
        Ok(())
    }

    /// Everybody leaves.
    fn end(&mut self) -> Result<(), TestCaseError> {
        let members: Vec<_> = self.hub.members().collect();
        for member in members {
            let (reason, code) = (LeaveReason::Disconnected, CloseCode::Left);
            self.hub.leave(self.now, member, reason, code, "test");
        }
        let hub = &self.hub;
        prop_assert_eq!((hub.rooms(), hub.participants()), (0, 0));
        prop_assert_eq!((hub.shared.tickets.len(), hub.names.len()), (0, 0));
        prop_assert_eq!(hub.counters().joins, hub.counters().leaves);
        Ok(())
    }
}
