//! A member that keeps to RFC 9420 and not to the rules of a room.

use mls_rs::client_builder::{
    BaseConfig, ClientBuilder, WithCryptoProvider, WithIdentityProvider, WithMlsRules,
};
use mls_rs::mls_rules::{CommitOptions, DefaultMlsRules};
use mls_rs::{CipherSuite, Extension, ExtensionList};
use mls_rs_core::extension::ExtensionType;
use mls_rs_core::protocol_version::ProtocolVersion;

use super::client::LIFETIME;
use super::*;
use crate::mls::admission::{Admission, Policy};
use crate::mls::commit_policy::{ROOM_EXTENSION, RuleViolation, room_extension};
use crate::mls::identity::Identity;
use crate::mls::provider::Provider;
use crate::rng::{Rng, RngError};

const SUITE: Suite = Suite::P256Aes128GcmSha256;
const NOW: u64 = 1_800_000_000;

/// A counter through a hash: no two draws are equal.
struct Counting(u64);

impl Rng for Counting {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            let block = SUITE.hash().digest(&[&self.0.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

fn room() -> ExtensionList {
    room_extension("room", crate::sframe::CipherSuite::Sm4GcmSm3)
}

fn provider(seed: u64) -> Provider {
    Provider::new(SUITE, Box::new(Counting(seed << 32)))
}

fn identity(user: &str, seed: u64) -> Identity {
    Identity::generate(SUITE, user, &mut Counting(seed << 40)).expect("a key")
}

type Lawless = Group<
    WithMlsRules<
        DefaultMlsRules,
        WithIdentityProvider<Admission, WithCryptoProvider<Provider, BaseConfig>>,
    >,
>;

/// An honest group, and Mallory in it with rules of her own.
fn pair() -> (Group<Config>, Lawless) {
    let alice = GroupClient::new(&identity("alice", 1), provider(1), Policy::Everyone, room());
    let mut group = alice.create(NOW).expect("a group");
    let mallory = identity("mallory", 2);
    let options = CommitOptions::new().with_ratchet_tree_extension(true);
    let client = ClientBuilder::new()
        .crypto_provider(provider(2))
        .identity_provider(Admission::new(SUITE, Policy::Everyone))
        .mls_rules(DefaultMlsRules::new().with_commit_options(options))
        .extension_type(ROOM_EXTENSION)
        .key_package_lifetime(LIFETIME)
        .signing_identity(mallory.signing().clone(), mallory.signer(), SUITE.into())
        .build();
    let info = group.group_info_message_allowing_ext_commit(true);
    let builder = client.external_commit_builder().expect("a builder");
    let (hers, commit) = builder
        .commit_time(at(NOW))
        .build(info.expect("GroupInfo"))
        .expect("a commit");
    let commit = commit.to_bytes().expect("bytes");
    apply(SUITE, &mut group, NOW, &commit).expect("she is in");
    (group, hers)
}

/// What the honest member says to a message, and that its group is as it was.
fn refusal(group: &mut Group<Config>, message: &MlsMessage) -> GroupError {
    let before = group.epoch_authenticator().expect("a secret").to_vec();
    let bytes = message.to_bytes().expect("bytes");
    let Err(error) = apply(SUITE, group, NOW, &bytes) else {
        panic!("taken");
    };
    assert_eq!(
        group.epoch_authenticator().expect("a secret").to_vec(),
        before
    );
    assert_eq!(group.context().extensions, room());
    error
}

fn violates(error: &GroupError, rule: RuleViolation) -> bool {
    error.to_string().contains(&rule.to_string())
}

#[test]
fn a_commit_that_changes_the_pinned_room_is_refused() {
    let (mut group, mut hers) = pair();
    let other = room_extension("another room", crate::sframe::CipherSuite::Aes128GcmSha256);
    let none = ExtensionList::new();
    for extensions in [other, none] {
        hers.clear_pending_commit();
        let builder = hers.commit_builder().commit_time(at(NOW));
        let commit = builder
            .set_group_context_ext(extensions)
            .and_then(|it| it.build());
        let error = refusal(&mut group, &commit.expect("a commit").commit_message);
        assert!(violates(&error, RuleViolation::Kind), "{error}");
    }
}

#[test]
fn a_commit_that_would_begin_the_group_again_is_refused() {
    let (mut group, mut hers) = pair();
    let builder = hers.commit_builder().commit_time(at(NOW));
    let other = CipherSuite::from(Suite::Sm2Sm4GcmSm3);
    let commit = builder
        .reinit(None, ProtocolVersion::MLS_10, other, ExtensionList::new())
        .and_then(|it| it.build());
    let error = refusal(&mut group, &commit.expect("a commit").commit_message);
    // Such a commit brings no path either, which is seen first.
    assert!(matches!(error, GroupError::NoPath), "{error}");
}

#[test]
fn proposals_outside_of_commits_and_commits_by_reference_are_refused() {
    let (mut group, mut hers) = pair();
    let proposal = hers.propose_remove(0, Vec::new()).expect("a proposal");
    let error = refusal(&mut group, &proposal);
    assert!(matches!(error, GroupError::Malformed), "{error}");
    let update = hers.propose_update(Vec::new()).expect("a proposal");
    assert!(matches!(
        refusal(&mut group, &update),
        GroupError::Malformed
    ));
    // Her commit refers to what nobody else has.
    hers.clear_proposal_cache();
    hers.propose_remove(0, Vec::new()).expect("a proposal");
    let commit = hers
        .commit_builder()
        .commit_time(at(NOW))
        .build()
        .expect("a commit");
    refusal(&mut group, &commit.commit_message);
}

#[test]
fn application_messages_and_commits_of_other_epochs_are_refused() {
    let (mut group, mut hers) = pair();
    let message = hers.encrypt_application_message(b"hello", Vec::new());
    let error = refusal(&mut group, &message.expect("a message"));
    assert!(matches!(error, GroupError::Malformed), "{error}");
    let ahead = |hers: &mut Lawless| {
        let commit = hers.commit_builder().commit_time(at(NOW)).build();
        commit.expect("a commit").commit_message
    };
    ahead(&mut hers);
    hers.apply_pending_commit().expect("applied");
    let error = refusal(&mut group, &ahead(&mut hers));
    assert!(matches!(error, GroupError::Stale), "{error}");
}

#[test]
fn an_extension_that_nobody_has_agreed_on_is_refused() {
    let (mut group, mut hers) = pair();
    let mut extensions = room();
    extensions.set(Extension::new(ExtensionType::new(0xF0F0), vec![1]));
    let builder = hers.commit_builder().commit_time(at(NOW));
    let commit = builder
        .set_group_context_ext(extensions)
        .and_then(|it| it.build());
    // She may not even be able to make it: her own leaf does not list the extension.
    if let Ok(commit) = commit {
        refusal(&mut group, &commit.commit_message);
    }
}

#[test]
fn a_commit_without_an_update_path_is_refused() {
    let (mut group, mut hers) = pair();
    let bob = GroupClient::new(&identity("bob", 3), provider(3), Policy::Everyone, room());
    let key_package = bob.key_package(NOW).expect("a KeyPackage");
    let commit = hers
        .commit_builder()
        .commit_time(at(NOW))
        .add_member(MlsMessage::from_bytes(&key_package).expect("a message"))
        .and_then(|it| it.build())
        .expect("a commit");
    assert!(
        !commit.contains_update_path,
        "RFC 9420 §12.4 lets it do without"
    );
    let error = refusal(&mut group, &commit.commit_message);
    assert!(matches!(error, GroupError::NoPath), "{error}");
}

/// What the group of somebody at `NOW` says to the key package of somebody whose clock is at
/// `theirs`.
fn refusal_of_key_package(theirs: u64) -> Option<String> {
    let member = |user, seed| {
        GroupClient::new(
            &identity(user, seed),
            provider(seed),
            Policy::Everyone,
            room(),
        )
    };
    let mut group = member("alice", 1).create(NOW).expect("a group");
    let package = member("bob", 2).key_package(theirs).expect("a package");
    let refused = commit(&mut group, NOW, &[&package], &[]).err();
    refused.map(|error| error.to_string())
}

#[test]
fn a_key_package_of_another_time_is_refused_in_words_that_name_the_clocks_and_how_far_they_are_apart()
 {
    const MINUTE: u64 = 60;
    assert_eq!(refusal_of_key_package(NOW + 50 * MINUTE), None);
    assert_eq!(refusal_of_key_package(NOW - 50 * MINUTE), None);
    let ahead = refusal_of_key_package(NOW + 185 * MINUTE).expect("refused");
    assert!(
        ahead.contains("clock") && ahead.contains("about 3 h 5 min ahead"),
        "{ahead}"
    );
    let behind = refusal_of_key_package(NOW - 3 * 1_440 * MINUTE).expect("refused");
    assert!(
        behind.contains("clock") && behind.contains("3 d 0 h old"),
        "{behind}"
    );
}
