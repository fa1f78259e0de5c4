//! A member alone in its group is shown any bytes as every kind of message, and stays where it is.
#![no_main]

use smrtc_e2ee::mls::{
    EpochKeys, GroupSnapshot, Identity, Input, MlsSession, Now, Output, Policy, Request,
    SessionConfig, Suite, Timing,
};
use smrtc_e2ee::sframe::CipherSuite;
use smrtc_e2ee::{Rng, RngError};

/// No two draws are equal; more is not asked of it here.
struct Counting(u64);

impl Rng for Counting {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        for chunk in out.chunks_mut(8) {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            chunk.copy_from_slice(&self.0.to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

const SUITE: Suite = Suite::P256Aes128GcmSha256;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(keys) = EpochKeys::from_bytes(bytes) {
        assert_eq!(keys.to_bytes().expose(), bytes);
    }
    let now = Now {
        micros: 0,
        unix_seconds: 1_800_000_000,
    };
    let config = SessionConfig {
        identity: Identity::generate(SUITE, "alice", &mut Counting(1)).expect("a key"),
        sframe_suite: CipherSuite::Sm4GcmSm3,
        room: "room".into(),
        policy: Policy::Everyone,
        timing: Timing::default(),
    };
    let mut session = MlsSession::new(config, Box::new(Counting(2)));
    let peers = vec![(2, "bob".to_owned())];
    session.handle_input(
        now,
        Input::Joined {
            participant_id: 1,
            peers,
        },
    );
    session.handle_input(now, Input::Group(None));
    session.handle_input(
        now,
        Input::Outcome {
            accepted: true,
            epoch: 0,
        },
    );
    let code = session
        .verification_code()
        .expect("in the group")
        .to_owned();
    let any = || bytes.to_vec();
    session.handle_input(
        now,
        Input::Heartbeat {
            participant_id: 2,
            heartbeat: any(),
        },
    );
    session.handle_input(now, Input::AddWanted { participant_id: 2 });
    session.handle_input(
        now,
        Input::KeyPackage {
            participant_id: 2,
            key_package: Some(any()),
        },
    );
    session.handle_input(
        now,
        Input::Welcome {
            epoch: 1,
            welcome: any(),
            ratchet_tree: any(),
        },
    );
    session.handle_input(
        now,
        Input::Committed {
            epoch: 0,
            participant_id: 2,
            commit: any(),
            created: false,
        },
    );
    let snapshot = GroupSnapshot {
        epoch: 0,
        group_info: any(),
        ratchet_tree: Some(any()),
    };
    session.handle_input(now, Input::Group(Some(snapshot)));
    assert_eq!(session.verification_code(), Some(code.as_str()));
    while let Some(output) = session.poll_output() {
        if let Output::Send(Request::Commit(commit)) = output {
            assert!(commit.create, "there was nobody to add");
        }
    }
});
