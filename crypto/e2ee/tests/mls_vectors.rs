//! Published vectors of RFC 9420 for suite 0x0002, through the provider that all suites share.
#![allow(
    clippy::unwrap_used,
    reason = "a vector that is not as the RFC says fails the test"
)]

mod support;

use mls_rs::client_builder::ClientBuilder;
use mls_rs::error::MlsError;
use mls_rs::group::ExportedTree;
use mls_rs::identity::basic::BasicIdentityProvider;
use mls_rs::psk::ExternalPskId;
use mls_rs::storage_provider::in_memory::InMemoryKeyPackageStorage;
use mls_rs::time::MlsTime;
use mls_rs::{CipherSuiteProvider, KeyPackageStorage, MlsMessage};
use mls_rs_codec::MlsEncode;
use mls_rs_core::crypto::{HpkeCiphertext, HpkePublicKey, SignatureSecretKey};
use mls_rs_core::key_package::KeyPackageData;
use serde::Deserialize;
use smrtc_e2ee::mls::{Ciphers, Provider, Suite};
use smrtc_vectors::{Hex, load};

use support::SeededRng;

const SUITE: Suite = Suite::P256Aes128GcmSha256;

fn provider() -> Provider {
    Provider::new(SUITE, Box::new(SeededRng::new(1)))
}

/// `<V>` of RFC 9420 §2.1.2.
fn vector(bytes: &[u8]) -> Vec<u8> {
    let mut out = match bytes.len() {
        len @ 0..64 => vec![len as u8],
        len @ 64..16384 => ((len as u16) | 0x4000).to_be_bytes().to_vec(),
        len => ((len as u32) | 0x8000_0000).to_be_bytes().to_vec(),
    };
    out.extend_from_slice(bytes);
    out
}

fn label(label: &str) -> Vec<u8> {
    vector(format!("MLS 1.0 {label}").as_bytes())
}

fn expand_with_label(
    ciphers: &impl CipherSuiteProvider,
    secret: &[u8],
    name: &str,
    context: &[u8],
    length: usize,
) -> Vec<u8> {
    let info = [
        (length as u16).to_be_bytes().to_vec(),
        label(name),
        vector(context),
    ]
    .concat();
    ciphers.kdf_expand(secret, &info, length).unwrap().to_vec()
}

fn derive_secret(ciphers: &impl CipherSuiteProvider, secret: &[u8], name: &str) -> Vec<u8> {
    expand_with_label(ciphers, secret, name, b"", ciphers.kdf_extract_size())
}

#[derive(Deserialize)]
struct Basics {
    cipher_suite: u16,
    ref_hash: RefHash,
    expand_with_label: Expand,
    derive_secret: Derive,
    derive_tree_secret: DeriveTree,
    sign_with_label: Sign,
    encrypt_with_label: Encrypt,
}

#[derive(Deserialize)]
struct RefHash {
    label: String,
    value: Hex,
    out: Hex,
}

#[derive(Deserialize)]
struct Expand {
    secret: Hex,
    label: String,
    context: Hex,
    length: usize,
    out: Hex,
}

#[derive(Deserialize)]
struct Derive {
    secret: Hex,
    label: String,
    out: Hex,
}

#[derive(Deserialize)]
struct DeriveTree {
    secret: Hex,
    label: String,
    generation: u32,
    length: usize,
    out: Hex,
}

#[derive(Deserialize)]
struct Sign {
    #[serde(rename = "priv")]
    secret: Hex,
    #[serde(rename = "pub")]
    public: Hex,
    content: Hex,
    label: String,
    signature: Hex,
}

#[derive(Deserialize)]
struct Encrypt {
    #[serde(rename = "priv")]
    secret: Hex,
    #[serde(rename = "pub")]
    public: Hex,
    label: String,
    context: Hex,
    plaintext: Hex,
    kem_output: Hex,
    ciphertext: Hex,
}

#[test]
fn crypto_basics() {
    let cases: Vec<Basics> = load("mls/crypto-basics.json");
    assert_eq!(cases.len(), 1);
    let ciphers = provider().ciphers();
    for case in cases {
        assert_eq!(case.cipher_suite, SUITE.id());

        let hash = case.ref_hash;
        let input = [vector(hash.label.as_bytes()), vector(&hash.value)].concat();
        assert_eq!(ciphers.hash(&input).unwrap(), hash.out.0);

        let expand = case.expand_with_label;
        let out = expand_with_label(
            &ciphers,
            &expand.secret,
            &expand.label,
            &expand.context,
            expand.length,
        );
        assert_eq!(out, expand.out.0);

        let derive = case.derive_secret;
        let out = derive_secret(&ciphers, &derive.secret, &derive.label);
        assert_eq!(out, derive.out.0);

        let tree = case.derive_tree_secret;
        let generation = tree.generation.to_be_bytes();
        let out = expand_with_label(
            &ciphers,
            &tree.secret,
            &tree.label,
            &generation,
            tree.length,
        );
        assert_eq!(out, tree.out.0);

        check_signature(&ciphers, case.sign_with_label);
        check_encryption(&ciphers, case.encrypt_with_label);
    }
}

/// Signatures of the vectors and ours verify, over their content only.
fn check_signature(ciphers: &Ciphers, sign: Sign) {
    let content = [label(&sign.label), vector(&sign.content)].concat();
    let secret = SignatureSecretKey::from(sign.secret.0);
    let public = sign.public.0.into();
    assert_eq!(
        ciphers.signature_key_derive_public(&secret).unwrap(),
        public
    );
    ciphers.verify(&public, &sign.signature, &content).unwrap();
    let signature = ciphers.sign(&secret, &content).unwrap();
    ciphers.verify(&public, &signature, &content).unwrap();
    assert!(ciphers.verify(&public, &signature, &content[1..]).is_err());
}

/// What is encrypted in the vectors and by us opens, with its info only.
fn check_encryption(ciphers: &Ciphers, encrypt: Encrypt) {
    let info = [label(&encrypt.label), vector(&encrypt.context)].concat();
    let (secret, public) = (
        encrypt.secret.0.into(),
        HpkePublicKey::from(encrypt.public.0),
    );
    let sent = HpkeCiphertext {
        kem_output: encrypt.kem_output.0,
        ciphertext: encrypt.ciphertext.0,
    };
    let ours = ciphers
        .hpke_seal(&public, &info, None, &encrypt.plaintext)
        .unwrap();
    for ciphertext in [sent, ours] {
        let opened = ciphers.hpke_open(&ciphertext, &secret, &public, &info, None);
        assert_eq!(*opened.unwrap(), encrypt.plaintext.0);
        let opened = ciphers.hpke_open(&ciphertext, &secret, &public, &info[1..], None);
        assert!(opened.is_err());
    }
}

#[derive(Deserialize)]
struct KeySchedule {
    cipher_suite: u16,
    group_id: Hex,
    initial_init_secret: Hex,
    epochs: Vec<ScheduledEpoch>,
}

#[derive(Deserialize)]
struct ScheduledEpoch {
    tree_hash: Hex,
    commit_secret: Hex,
    psk_secret: Hex,
    confirmed_transcript_hash: Hex,
    group_context: Hex,
    joiner_secret: Hex,
    welcome_secret: Hex,
    init_secret: Hex,
    exporter_secret: Hex,
    epoch_authenticator: Hex,
    confirmation_key: Hex,
    membership_key: Hex,
    external_secret: Hex,
    external_pub: Hex,
    exporter: Exporter,
}

#[derive(Deserialize)]
struct Exporter {
    label: String,
    context: Hex,
    length: usize,
    secret: Hex,
}

#[test]
fn key_schedule() {
    let cases: Vec<KeySchedule> = load("mls/key-schedule.json");
    assert_eq!(cases.len(), 1);
    let ciphers = provider().ciphers();
    for case in cases {
        assert_eq!(case.cipher_suite, SUITE.id());
        assert!(case.epochs.len() >= 5);
        let mut init = case.initial_init_secret.0;
        for (number, epoch) in case.epochs.iter().enumerate() {
            let context = [
                1u16.to_be_bytes().to_vec(),
                case.cipher_suite.to_be_bytes().to_vec(),
                vector(&case.group_id),
                (number as u64).to_be_bytes().to_vec(),
                vector(&epoch.tree_hash),
                vector(&epoch.confirmed_transcript_hash),
                vector(b""),
            ]
            .concat();
            assert_eq!(context, epoch.group_context.0);
            let size = ciphers.kdf_extract_size();
            let extracted = ciphers.kdf_extract(&init, &epoch.commit_secret).unwrap();
            let joiner = expand_with_label(&ciphers, &extracted, "joiner", &context, size);
            assert_eq!(joiner, epoch.joiner_secret.0);
            let member = ciphers.kdf_extract(&joiner, &epoch.psk_secret).unwrap();
            let derive = |name| derive_secret(&ciphers, &member, name);
            assert_eq!(derive("welcome"), epoch.welcome_secret.0);
            let secret = expand_with_label(&ciphers, &member, "epoch", &context, size);
            let derive = |name| derive_secret(&ciphers, &secret, name);
            for (name, expected) in [
                ("exporter", &epoch.exporter_secret),
                ("authentication", &epoch.epoch_authenticator),
                ("confirm", &epoch.confirmation_key),
                ("membership", &epoch.membership_key),
                ("external", &epoch.external_secret),
                ("init", &epoch.init_secret),
            ] {
                assert_eq!(derive(name), expected.0, "{name}");
            }
            let (_, external_pub) = ciphers.kem_derive(&epoch.external_secret).unwrap();
            assert_eq!(external_pub.to_vec(), epoch.external_pub.0);
            let exporter = &epoch.exporter;
            let derived = derive_secret(&ciphers, &epoch.exporter_secret, &exporter.label);
            let hashed = ciphers.hash(&exporter.context).unwrap();
            let out = expand_with_label(&ciphers, &derived, "exported", &hashed, exporter.length);
            assert_eq!(out, exporter.secret.0);
            init = epoch.init_secret.0.clone();
        }
    }
}

#[derive(Deserialize)]
struct PassiveClient {
    cipher_suite: u16,
    external_psks: Vec<Psk>,
    key_package: Hex,
    signature_priv: Hex,
    encryption_priv: Hex,
    init_priv: Hex,
    welcome: Hex,
    ratchet_tree: Option<Hex>,
    initial_epoch_authenticator: Hex,
    epochs: Vec<PassiveEpoch>,
}

#[derive(Deserialize)]
struct Psk {
    psk_id: Hex,
    psk: Hex,
}

#[derive(Deserialize)]
struct PassiveEpoch {
    proposals: Vec<Hex>,
    commit: Hex,
    epoch_authenticator: Hex,
}

/// Joins by the case's Welcome, follows its commits, and returns how many it followed; None once
/// one asks for a secret of a past epoch (a resumption PSK), which we do not keep.
fn follow(case: PassiveClient) -> Option<usize> {
    assert_eq!(case.cipher_suite, SUITE.id());
    let ciphers = provider().ciphers();
    let message = MlsMessage::from_bytes(&case.key_package).unwrap();
    let key_package = message.into_key_package().unwrap();
    let reference = key_package.to_reference(&ciphers).unwrap();
    let mut store = InMemoryKeyPackageStorage::new();
    let data = KeyPackageData::new(
        key_package.mls_encode_to_vec().unwrap(),
        case.init_priv.0.into(),
        case.encryption_priv.0.into(),
        u64::MAX,
    );
    KeyPackageStorage::insert(&mut store, reference.to_vec(), data).unwrap();
    let mut builder = ClientBuilder::new()
        .crypto_provider(provider())
        .identity_provider(BasicIdentityProvider::new())
        .key_package_repo(store)
        .signing_identity(
            key_package.signing_identity().clone(),
            case.signature_priv.0.into(),
            SUITE.into(),
        );
    for psk in case.external_psks {
        builder = builder.psk(ExternalPskId::new(psk.psk_id.0), psk.psk.0.into());
    }
    let client = builder.build();
    let tree = case
        .ratchet_tree
        .map(|tree| ExportedTree::from_bytes(&tree).unwrap());
    let welcome = MlsMessage::from_bytes(&case.welcome).unwrap();
    let (mut group, _) = client.join_group(tree, &welcome, None).unwrap();
    let authenticator = group.epoch_authenticator().unwrap();
    assert_eq!(authenticator.to_vec(), case.initial_epoch_authenticator.0);

    let epochs = case.epochs.len();
    for epoch in case.epochs {
        let messages = epoch.proposals.iter().chain([&epoch.commit]);
        for message in messages {
            let message = MlsMessage::from_bytes(message).unwrap();
            // After the vectors were made, and within the lifetimes in them.
            let time = MlsTime::from(1_700_000_000);
            match group.process_incoming_message_with_time(message, time) {
                Err(MlsError::OldGroupStateNotFound) => return None,
                processed => drop(processed.unwrap()),
            }
        }
        let authenticator = group.epoch_authenticator().unwrap();
        assert_eq!(authenticator.to_vec(), epoch.epoch_authenticator.0);
    }
    Some(epochs)
}

#[test]
fn a_passive_client_joins_by_each_welcome() {
    let cases: Vec<PassiveClient> = load("mls/passive-client-welcome.json");
    assert_eq!(cases.len(), 8);
    for case in cases {
        assert_eq!(follow(case), Some(0));
    }
}

#[test]
fn a_passive_client_follows_every_commit() {
    let cases: Vec<PassiveClient> = load("mls/passive-client-handling-commit.json");
    assert_eq!(cases.len(), 13);
    let followed: Vec<_> = cases.into_iter().filter_map(follow).collect();
    assert_eq!(followed.len(), 9, "all but the four with a resumption PSK");
    assert!(followed.iter().sum::<usize>() >= 9, "{followed:?}");
}
