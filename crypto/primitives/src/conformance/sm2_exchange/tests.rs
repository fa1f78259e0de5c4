//! Key exchange: who comes to one key, and what stops it.

use super::shared_key::shortened_x;
use super::{
    Answer, Confirmation, ExchangeError, Initiator, Local, MAX_KEY_BYTES, MIN_KEY_BYTES, Offer,
    Peer, Responder,
};
use crate::rng::RngError;
use crate::secret::Secret;
use crate::sm2::tests::{BrokenRng, SeededRng, key};
use crate::sm2::{InvalidId, MAX_ID_BYTES, SecretKey, point, scalar};

/// What each side believes, and what happens to the messages on the way.
struct Run {
    a: SecretKey,
    b: SecretKey,
    /// Whom A thinks it talks to, and as whom.
    a_sees: (SecretKey, &'static [u8], &'static [u8]),
    b_sees: (SecretKey, &'static [u8], &'static [u8]),
    key_bytes: (usize, usize),
    offer: fn(&mut Offer),
    answer: fn(&mut Answer),
    confirmation: fn(&mut Confirmation),
}

impl Run {
    fn new() -> Self {
        let (a, b) = (key(1), key(2));
        Self {
            a_sees: (b.clone(), b"alice", b"bob"),
            b_sees: (a.clone(), b"bob", b"alice"),
            a,
            b,
            key_bytes: (32, 32),
            offer: |_| {},
            answer: |_| {},
            confirmation: |_| {},
        }
    }

    fn go(&self) -> Result<(Secret, Secret), ExchangeError> {
        let mut rng = SeededRng::new(3);
        let (peer, own_id, peer_id) = &self.a_sees;
        let (local, remote) = (
            Local {
                key: &self.a,
                id: own_id,
            },
            Peer {
                key: peer.public_key(),
                id: peer_id,
            },
        );
        let (initiator, mut offer) = Initiator::start(local, remote, self.key_bytes.0, &mut rng)?;
        (self.offer)(&mut offer);
        let (peer, own_id, peer_id) = &self.b_sees;
        let (local, remote) = (
            Local {
                key: &self.b,
                id: own_id,
            },
            Peer {
                key: peer.public_key(),
                id: peer_id,
            },
        );
        let (responder, mut answer) =
            Responder::answer(local, remote, self.key_bytes.1, &offer, &mut rng)?;
        (self.answer)(&mut answer);
        let (a, mut confirmation) = initiator.finish(&answer)?;
        (self.confirmation)(&mut confirmation);
        Ok((a, responder.confirm(&confirmation)?))
    }

    fn error(&self) -> Option<ExchangeError> {
        self.go().err()
    }
}

#[test]
fn both_sides_come_to_one_key_of_the_length_asked_for() {
    for len in [MIN_KEY_BYTES, 32, 48, MAX_KEY_BYTES] {
        let (a, b) = Run {
            key_bytes: (len, len),
            ..Run::new()
        }
        .go()
        .unwrap();
        assert_eq!(a, b);
        assert_eq!(a.expose().len(), len);
    }
    // Other parties, another key.
    let (one, _) = Run::new().go().unwrap();
    let other = Run {
        a_sees: (key(2), b"carol", b"bob"),
        b_sees: (key(1), b"bob", b"carol"),
        ..Run::new()
    };
    assert_ne!(other.go().unwrap().0, one);
}

#[test]
fn a_key_length_out_of_bounds_is_refused() {
    for len in [0, MIN_KEY_BYTES - 1, MAX_KEY_BYTES + 1] {
        let initiator = Run {
            key_bytes: (len, 32),
            ..Run::new()
        };
        let responder = Run {
            key_bytes: (32, len),
            ..Run::new()
        };
        assert_eq!(initiator.error(), Some(ExchangeError::KeyLength));
        assert_eq!(responder.error(), Some(ExchangeError::KeyLength));
    }
}

#[test]
fn sides_that_disagree_about_who_they_are_get_no_key() {
    for a_sees in [
        (key(9), &b"alice"[..], &b"bob"[..]),
        (key(2), b"alic", b"bob"),
        (key(2), b"alice", b"bob "),
        // Each thinks itself the other.
        (key(2), b"bob", b"alice"),
    ] {
        let run = Run {
            a_sees,
            ..Run::new()
        };
        assert_eq!(run.error(), Some(ExchangeError::Confirmation));
    }
    let run = Run {
        b_sees: (key(9), b"bob", b"alice"),
        ..Run::new()
    };
    assert_eq!(run.error(), Some(ExchangeError::Confirmation));
}

#[test]
fn a_changed_point_gives_no_key() {
    // Off the curve.
    let off_the_curve: [fn(&mut Run); 4] = [
        |run| run.offer = |o| o.0[40] ^= 1,
        |run| run.answer = |a| a.point[40] ^= 1,
        |run| run.offer = |o| o.0 = [0; 65],
        |run| run.answer = |a| a.point[0] = 6,
    ];
    for change in off_the_curve {
        let mut run = Run::new();
        change(&mut run);
        assert_eq!(run.error(), Some(ExchangeError::Point));
    }
    let another_point: [fn(&mut Run); 2] = [
        |run| run.offer = |o| o.0 = key(7).public_key().to_sec1(),
        |run| run.answer = |a| a.point = key(7).public_key().to_sec1(),
    ];
    for change in another_point {
        let mut run = Run::new();
        change(&mut run);
        assert_eq!(run.error(), Some(ExchangeError::Confirmation));
    }
}

#[test]
fn a_changed_tag_gives_no_key_to_either_side() {
    let changes: [fn(&mut Run); 2] = [
        |run| run.answer = |a| a.confirmation[31] ^= 1,
        |run| run.confirmation = |c| c.0[0] ^= 0x80,
    ];
    for change in changes {
        let mut run = Run::new();
        change(&mut run);
        assert_eq!(run.error(), Some(ExchangeError::Confirmation));
    }
}

#[test]
fn the_tag_of_one_side_does_not_serve_the_other() {
    // A reflected tag: S_A in the place of S_B cannot be had before A checked S_B; the reverse can
    // be tried.
    let mut rng = SeededRng::new(3);
    let (a, b) = (key(1), key(2));
    let (initiator, offer) = Initiator::start(
        Local {
            key: &a,
            id: b"alice",
        },
        Peer {
            key: b.public_key(),
            id: b"bob",
        },
        32,
        &mut rng,
    )
    .unwrap();
    let (responder, answer) = Responder::answer(
        Local {
            key: &b,
            id: b"bob",
        },
        Peer {
            key: a.public_key(),
            id: b"alice",
        },
        32,
        &offer,
        &mut rng,
    )
    .unwrap();
    let reflected = Confirmation(answer.confirmation);
    assert_eq!(
        responder.confirm(&reflected).err(),
        Some(ExchangeError::Confirmation)
    );
    assert!(initiator.finish(&answer).is_ok());
}

#[test]
fn a_peer_whose_points_cancel_is_refused() {
    // d = −x̄·r gives P + [x̄]R = infinity, and everybody would know the key.
    let r = scalar::reduce(&[5; 32]);
    let point = point::multiply_generator(&r).unwrap();
    let d = -(shortened_x(&point) * r);
    let hostile = SecretKey::from_bytes(&scalar::encode(&d)).unwrap();
    let b = key(2);
    let answered = Responder::answer(
        Local {
            key: &b,
            id: b"bob",
        },
        Peer {
            key: hostile.public_key(),
            id: b"mallory",
        },
        32,
        &Offer(point::encode(&point)),
        &mut SeededRng::new(3),
    );
    assert_eq!(answered.map(|_| ()), Err(ExchangeError::Point));
}

#[test]
fn a_long_identity_or_a_source_that_fails_stops_it() {
    static LONG: [u8; MAX_ID_BYTES + 1] = [b'i'; MAX_ID_BYTES + 1];
    let run = Run {
        a_sees: (key(2), &LONG, b"bob"),
        ..Run::new()
    };
    assert_eq!(run.error(), Some(ExchangeError::Id(InvalidId)));
    let run = Run {
        b_sees: (key(1), b"bob", &LONG),
        ..Run::new()
    };
    assert_eq!(run.error(), Some(ExchangeError::Id(InvalidId)));

    let (a, b) = (key(1), key(2));
    let local = Local {
        key: &a,
        id: b"alice",
    };
    let peer = Peer {
        key: b.public_key(),
        id: b"bob",
    };
    assert_eq!(
        Initiator::start(local, peer, 32, &mut BrokenRng).map(|_| ()),
        Err(ExchangeError::Random(RngError))
    );
    assert_eq!(
        Responder::answer(
            local,
            peer,
            32,
            &Offer(b.public_key().to_sec1()),
            &mut BrokenRng
        )
        .map(|_| ()),
        Err(ExchangeError::Random(RngError))
    );
}
