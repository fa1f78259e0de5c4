//! A participant alone in its group is shown any bytes as every kind of message, and stays where it
//! is. The same bytes on its control stream and in datagrams do no harm either.
#![no_main]

use std::time::Duration;

use smrtc_client::{
    DownlinkOptions, GroupEvent, GroupOptions, Input, KeyMessage, KeySource, Output, Participant,
    ParticipantEvent, ParticipantOptions, Side, UplinkOptions, WallClock,
};
use smrtc_e2ee::mls::{Policy, Suite};
use smrtc_e2ee::sframe::CipherSuite;
use smrtc_engine::Instant;
use smrtc_engine::control::v1::{
    self, ClientMessage, client_message::Body as Request, server_message::Body,
};
use smrtc_engine::control::Framer;
use smrtc_engine::send::UplinkConfig;
use smrtc_engine_fuzz::{message, randomness};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(message) = KeyMessage::from_bytes(bytes) {
        assert_eq!(message.to_bytes().expose(), bytes);
    }
    let mut room = Room::new(bytes);
    room.run(Duration::from_secs(3));
    assert_eq!((room.participant.epoch(), room.codes.len()), (Some(0), 1), "a group of one");

    let bob = v1::Peer {
        participant_id: BOB,
        user_id: "bob".into(),
        ..v1::Peer::default()
    };
    room.tell(Body::PeerJoined(bob));
    for body in messages(bytes) {
        room.tell(body);
        room.run(Duration::from_secs(1));
    }
    assert_eq!((room.participant.epoch(), room.codes.len()), (Some(0), 1), "it stays");

    let now = room.now;
    for side in [Side::Uplink, Side::Downlink] {
        room.participant.handle_input(now, Input::Datagram(side, bytes));
    }
    room.participant.handle_input(now, Input::Control(bytes));
    room.run(Duration::from_secs(1));
});

const BOB: u32 = 2;

/// Every kind of message about the group, made of `bytes`.
fn messages(bytes: &[u8]) -> [Body; 6] {
    let any = || bytes.to_vec();
    [
        Body::MlsHeartbeat(v1::MlsHeartbeat {
            participant_id: BOB,
            heartbeat: any(),
        }),
        Body::MlsAddWanted(v1::MlsAddWanted { participant_id: BOB }),
        Body::MlsKeyPackage(v1::MlsKeyPackage {
            participant_id: BOB,
            key_package: any(),
        }),
        Body::MlsWelcome(v1::MlsWelcome {
            epoch: 1,
            participant_id: BOB,
            welcome: any(),
            ratchet_tree: any().into(),
        }),
        Body::MlsCommitted(v1::MlsCommitted {
            epoch: 0,
            participant_id: BOB,
            commit: any().into(),
            created: false,
        }),
        Body::MlsGroup(v1::MlsGroup {
            exists: true,
            epoch: 0,
            group_info: any().into(),
            ratchet_tree: any().into(),
        }),
    ]
}

/// A room whose gateway answers with the fuzzer's bytes wherever an answer carries any.
struct Room<'a> {
    bytes: &'a [u8],
    now: Instant,
    participant: Participant,
    framer: Framer,
    has_group: bool,
    /// The verification codes of its epochs.
    codes: Vec<String>,
}

impl<'a> Room<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let options = ParticipantOptions {
            uplink: UplinkOptions {
                keys: KeySource::Group(GroupOptions {
                    suite: Suite::P256Aes128GcmSha256,
                    sframe_suite: CipherSuite::Sm4GcmSm3,
                    policy: Policy::Everyone,
                    identity: None,
                    chain: Vec::new(),
                    wall_clock: WallClock::new(|| 1_800_000_000),
                }),
                capture: None,
                engine: UplinkConfig::default(),
            },
            downlink: DownlinkOptions::default(),
            decode_codecs: Vec::new(),
            auto_subscribe: true,
        };
        Self {
            bytes,
            now: Instant::ZERO,
            participant: Participant::new(options, randomness()).expect("no key to be refused"),
            framer: Framer::new(),
            has_group: false,
            codes: Vec::new(),
        }
    }

    fn tell(&mut self, body: Body) {
        let bytes = message(0, body);
        self.participant.handle_input(self.now, Input::Control(&bytes));
    }

    /// Lets time pass.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            match self.participant.poll_output() {
                Output::Connect(side, _) => {
                    self.framer = Framer::new();
                    self.participant.handle_input(self.now, Input::Connected(side));
                }
                Output::Control(bytes) => self.answer_all(&bytes),
                Output::Event(ParticipantEvent::Group(GroupEvent::Epoch {
                    verification_code, ..
                })) => self.codes.push(verification_code),
                Output::Event(_) | Output::Datagram(..) | Output::Disconnect => {}
                Output::Timeout(at) if at > end => break,
                Output::Timeout(at) => {
                    self.now = self.now.max(at);
                    self.participant.handle_input(self.now, Input::Timeout);
                }
            }
        }
        self.now = end;
    }

    fn answer_all(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
        while let Some(request) = self.framer.next_message().expect("our own messages parse") {
            let ClientMessage { request_id, body } = request;
            let answer = self.answer(body.expect("our own messages have a body"));
            let bytes = message(request_id, answer);
            self.participant.handle_input(self.now, Input::Control(&bytes));
        }
    }

    fn answer(&mut self, request: Request) -> Body {
        match request {
            Request::Join(_) => Body::Joined(v1::Joined {
                participant_id: 1,
                user_id: "alice".into(),
                room_id: "room".into(),
                ..v1::Joined::default()
            }),
            Request::MlsGetGroup(_) if !self.has_group => Body::MlsGroup(v1::MlsGroup::default()),
            Request::MlsGetGroup(_) => Body::MlsGroup(v1::MlsGroup {
                exists: true,
                epoch: 0,
                group_info: self.bytes.to_vec().into(),
                ratchet_tree: self.bytes.to_vec().into(),
            }),
            Request::MlsClaim(claim) => Body::MlsKeyPackage(v1::MlsKeyPackage {
                participant_id: claim.participant_id,
                key_package: self.bytes.to_vec(),
            }),
            Request::MlsCommit(commit) => {
                assert!(commit.create && !self.has_group, "there was nobody to add");
                self.has_group = true;
                let accepted = true;
                Body::MlsOutcome(v1::MlsOutcome { accepted, epoch: 0 })
            }
            _ => Body::Done(v1::Done {}),
        }
    }
}
