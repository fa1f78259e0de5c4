//! Native participants in a real gateway, with real group keys, over both transports.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use smrtc_engine::control::v1;
use smrtc_engine::send::{FrameParams, TrackConfig};
use smrtc_engine::time::Bitrate;
use smrtc_engine::wire::media::MediaKind;
use smrtc_gateway::auth::{Role, Signer, Verifier};
use smrtc_gateway::{Gateway, Settings, StartError};
use smrtc_native::client::{GroupEvent, ParticipantEvent};
use smrtc_native::{Address, Call, CallOptions, Event, Events, Transport, group_keys};
use tokio::time::timeout;

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
/// Longer than anything here takes on a busy machine. Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);
const VIDEO: u8 = 1;

/// Starts one; the sockets of one that was before may still be on their way out.
async fn gateway(listen: SocketAddr) -> Gateway {
    let start = async {
        loop {
            let settings = Settings::new(vec![listen], Verifier::hs256(SECRET).unwrap());
            match Gateway::start(settings).await {
                Ok(gateway) => return gateway,
                Err(StartError::Listen(..)) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    timeout(PATIENCE, start).await.expect("the address is free")
}

fn token(room: &str, user: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let signer = Signer::hs256(SECRET).unwrap();
    let lifetime = Duration::from_secs(600);
    signer
        .sign(room, user, Role::Anchor, now, lifetime)
        .unwrap()
}

struct Member {
    call: Call,
    events: Events,
    /// Of the latest epoch.
    verification_code: String,
}

impl Member {
    fn join(gateway: &Gateway, user: &str, websocket: bool) -> Self {
        let transport = if websocket {
            Transport::WebSocket
        } else {
            Transport::WebTransportPinned(gateway.certificate_hashes())
        };
        let (call, events) = Call::start(CallOptions {
            address: Address {
                authority: gateway.addresses()[0].to_string(),
                transport,
            },
            token: token("board", user),
            keys: group_keys(),
            decode_codecs: vec!["vp8".to_owned()],
            audio: false,
        })
        .unwrap();
        let track = v1::Track {
            number: u32::from(VIDEO),
            kind: v1::MediaKind::Video.into(),
            codec: "vp8".to_owned(),
            width: 64,
            height: 48,
            ..v1::Track::default()
        };
        let config = TrackConfig {
            kind: MediaKind::Video,
            max_bitrate: Bitrate::from_kbps(500),
        };
        call.publish(track, config);
        Self::of(call, events)
    }

    fn of(call: Call, events: Events) -> Self {
        Self {
            call,
            events,
            verification_code: String::new(),
        }
    }

    async fn next(&mut self) -> Event {
        let event = self.events.next().await.expect("the call goes on");
        if let Event::Participant(ParticipantEvent::Group(GroupEvent::Epoch {
            verification_code,
            ..
        })) = &event
        {
            self.verification_code.clone_from(verification_code);
        }
        event
    }

    fn send(&self, number: u32) {
        let params = FrameParams {
            key: true,
            discardable: false,
            spatial: 0,
            temporal: 0,
            reference_distance: 0,
            media_time: smrtc_engine::time::MediaTime::from_micros(self.call.now().as_micros()),
        };
        let frame = [&number.to_be_bytes()[..], &[7; 1_500]].concat();
        self.call.send_frame(VIDEO, params, frame);
    }

    async fn event<T>(&mut self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        let next = async {
            loop {
                if let Some(found) = wanted(self.next().await) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, next).await.expect("the event comes")
    }

    /// Sends frames until each of the others was heard here, and says which numbers came.
    async fn hears(&mut self, others: usize, from: &[&Member], numbers: &mut u32) -> BTreeSet<u32> {
        let mut heard = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut ticks = tokio::time::interval(Duration::from_millis(40));
        let all = async {
            while heard.len() < others {
                tokio::select! {
                    _ = ticks.tick() => {
                        *numbers += 1;
                        from.iter().for_each(|member| member.send(*numbers));
                    }
                    event = self.next() => if let Event::Video(frame) = event {
                        let (number, rest) = frame.text().split_first_chunk().expect("a number");
                        assert_eq!(rest, [7; 1_500], "another frame than was sent");
                        seen.insert(u32::from_be_bytes(*number));
                        heard.insert(frame.header.sender);
                    }
                }
            }
        };
        timeout(PATIENCE, all).await.expect("everybody is heard");
        seen
    }
}

#[tokio::test]
async fn members_over_both_transports_see_each_other_under_group_keys_and_again_after_a_restart() {
    let first = gateway("127.0.0.1:0".parse().unwrap()).await;
    let address = first.addresses()[0];
    let mut ada = Member::join(&first, "ada", true);
    let mut bob = Member::join(&first, "bob", true);
    let eve = Member::join(&first, "eve", false);
    let mut number = 0;
    let seen = ada.hears(2, &[&bob, &eve], &mut number).await;
    assert!(seen.iter().all(|seen| *seen <= number), "{seen:?}");
    let code = &ada.verification_code;
    assert_eq!(code.split(' ').count(), 6, "{code}");

    // The gateway goes, and another comes up at the same address. Over WebSocket its certificate
    // does not matter.
    eve.call.leave().await;
    first.shutdown().await;
    ada.event(|event| match event {
        Event::Participant(ParticipantEvent::Disconnected { ends, .. }) => {
            assert!(!ends, "it comes back");
            Some(())
        }
        _ => None,
    })
    .await;
    let _second = gateway(address).await;
    bob.event(|event| match event {
        Event::Participant(ParticipantEvent::Disconnected { .. }) => Some(()),
        _ => None,
    })
    .await;
    let again = ada.hears(1, &[&bob], &mut number).await;
    assert!(
        again.is_disjoint(&seen),
        "frames of the first session: {again:?}"
    );
    ada.call.leave().await;
    bob.call.leave().await;
}

#[tokio::test]
async fn a_token_that_is_not_valid_ends_the_call_with_its_code() {
    let gateway = gateway("127.0.0.1:0".parse().unwrap()).await;
    let (call, events) = Call::start(CallOptions {
        address: Address {
            authority: gateway.addresses()[0].to_string(),
            transport: Transport::WebTransportPinned(gateway.certificate_hashes()),
        },
        token: "nonsense".to_owned(),
        keys: group_keys(),
        decode_codecs: Vec::new(),
        audio: false,
    })
    .unwrap();
    let mut member = Member::of(call, events);
    let code = member
        .event(|event| match event {
            Event::Participant(ParticipantEvent::Disconnected { code, ends: true }) => Some(code),
            _ => None,
        })
        .await;
    assert_eq!(code, Some(smrtc_engine::wire::CloseCode::TokenInvalid));
}
