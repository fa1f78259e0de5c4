//! Chains that OpenSSL and openHiTLS made, good and bad, against the profile of `crypto/SPEC.md`
//! §7.8.
#![allow(
    clippy::unwrap_used,
    reason = "a file that cannot be read fails the test"
)]

mod support;

use CertificateError as Error;
use smrtc_e2ee::mls::{CertificateError, Identity, IdentityError, MAX_CHAIN, Suite, TrustAnchors};
use support::SeededRng;
use support::certificates::{hitls, made, secret};

/// 2027-01-15, as good as any.
const NOW: u64 = 1_800_000_000;

const SM2: Suite = Suite::Sm2Sm4GcmSm3;
const P256: Suite = Suite::P256Aes128GcmSha256;

fn root() -> TrustAnchors {
    TrustAnchors::new(SM2, &[made("root")]).unwrap()
}

fn verify(anchors: &TrustAnchors, chain: &[&str]) -> Result<String, Error> {
    let chain: Vec<_> = chain.iter().map(|name| made(name)).collect();
    anchors.verify(&chain, NOW)
}

fn named(user: &str) -> Result<String, Error> {
    Ok(user.to_owned())
}

#[test]
fn chains_of_another_implementation_verify_with_the_root_and_without() {
    for user in ["alice", "bob", "carol"] {
        assert_eq!(verify(&root(), &[user, "inter"]), named(user));
        assert_eq!(verify(&root(), &[user, "inter", "root"]), named(user));
    }
    // Any authority may be the anchor, not only one that signed itself.
    let inter = TrustAnchors::new(SM2, &[made("stranger"), made("inter")]).unwrap();
    assert_eq!(verify(&inter, &["alice"]), named("alice"));
    let p256 = TrustAnchors::new(P256, &[made("p256_root")]).unwrap();
    assert_eq!(verify(&p256, &["p256_alice"]), named("alice"));
}

#[test]
fn a_certificate_names_one_user_or_nobody() {
    for (name, user) in [
        ("name_common", named("dave")),
        ("name_uri", named("张三")),
        ("name_two_uris", Err(Error::User)),
        ("name_bad_uri", Err(Error::User)),
        ("name_none", Err(Error::User)),
        ("member_uncritical", named("dave")),
    ] {
        assert_eq!(verify(&root(), &[name]), user, "{name}");
    }
}

#[test]
fn each_thing_that_is_wrong_has_its_error() {
    let root = root();
    let cases: [(&[&str], Error); 20] = [
        (&[], Error::Missing),
        (&["alice"], Error::UnknownAuthority),
        (&["alice", "bob"], Error::UnknownAuthority),
        (&["alice", "inter", "stranger"], Error::UnknownAuthority),
        (&["mallory_stranger"], Error::UnknownAuthority),
        (&["mallory_stranger", "stranger"], Error::UnknownAuthority),
        (&["by_impostor"], Error::Signature),
        (&["by_impostor", "impostor"], Error::Signature),
        (&["other_id"], Error::Signature),
        (&["mallory_expired"], Error::Expired),
        (&["not_yet"], Error::NotYetValid),
        (&["by_inter_expired", "inter_expired"], Error::Expired),
        (&["member_is_ca"], Error::KeyUsage),
        (&["inter"], Error::KeyUsage),
        (&["member_encrypts"], Error::KeyUsage),
        (&["member_is_server"], Error::KeyUsage),
        (&["member_critical"], Error::CriticalExtension),
        (&["by_inter_names", "inter_names"], Error::CriticalExtension),
        (&["by_inter_no_sign", "inter_no_sign"], Error::KeyUsage),
        (&["by_inter_not_ca", "inter_not_ca"], Error::NotAuthority),
    ];
    for (chain, error) in cases {
        assert_eq!(verify(&root, chain), Err(error), "{chain:?}");
    }
    // Of another algorithm, either way round.
    assert_eq!(verify(&root, &["member_p256"]), Err(Error::Algorithm));
    let p256 = TrustAnchors::new(P256, &[made("p256_root")]).unwrap();
    assert_eq!(verify(&p256, &["alice"]), Err(Error::Algorithm));
    let none: [&[u8]; 0] = [];
    let nobody = TrustAnchors::new(SM2, &none).unwrap();
    let chain = ["alice", "inter", "root"];
    assert_eq!(verify(&nobody, &chain), Err(Error::UnknownAuthority));
}

#[test]
fn path_lengths_hold() {
    let root = root();
    // `inter` allows no authority below itself.
    let below = ["by_inter_below", "inter_below", "inter"];
    assert_eq!(verify(&root, &below), Err(Error::PathLength));
    let second = ["by_inter_second", "inter_second", "inter_free"];
    assert_eq!(verify(&root, &second), named("dave"));
    // Four certificates are the most, the member's and the root's included.
    let third = [
        "by_inter_third",
        "inter_third",
        "inter_second",
        "inter_free",
    ];
    assert_eq!(third.len(), MAX_CHAIN);
    assert_eq!(verify(&root, &third), named("dave"));
    let with_root = [third.as_slice(), &["root"]].concat();
    assert_eq!(verify(&root, &with_root), Err(Error::PathLength));
    // An anchor's own limit counts too.
    let inter = TrustAnchors::new(SM2, &[made("inter")]).unwrap();
    assert_eq!(
        verify(&inter, &["by_inter_below", "inter_below"]),
        Err(Error::PathLength)
    );
}

#[test]
fn a_certificate_is_valid_from_its_first_second_to_its_last() {
    let (root, chain) = (root(), [made("brief")]);
    // 2026-01-01 00:00:00 to 2027-01-15 08:02:00.
    for (at, valid) in [
        (1_767_225_599, Err(Error::NotYetValid)),
        (1_767_225_600, named("brief")),
        (1_800_000_120, named("brief")),
        (1_800_000_121, Err(Error::Expired)),
        (u64::MAX, Err(Error::Expired)),
    ] {
        assert_eq!(root.verify(&chain, at), valid, "{at}");
    }
}

#[test]
fn revoked_certificates_are_refused_and_lists_must_be_current_and_genuine() {
    let carol = ["carol", "inter"];
    let with = |lists: &[&str]| {
        lists.iter().fold(root(), |anchors, list| {
            anchors.with_revocation_list(&made(list)).unwrap()
        })
    };
    assert_eq!(verify(&with(&["inter_crl_before"]), &carol), named("carol"));
    let revoking = with(&["inter_crl", "root_crl"]);
    assert_eq!(verify(&revoking, &carol), Err(Error::Revoked));
    assert_eq!(verify(&revoking, &["alice", "inter"]), named("alice"));
    // An older list that is still current does not bring her back.
    let both = with(&["inter_crl_before", "inter_crl"]);
    assert_eq!(verify(&both, &carol), Err(Error::Revoked));
    // Out of date, or of somebody of the same name: nothing is known then.
    for list in ["inter_crl_old", "inter_crl_forged"] {
        let anchors = with(&[list]);
        assert_eq!(
            verify(&anchors, &carol),
            Err(Error::RevocationUnknown),
            "{list}"
        );
        assert_eq!(
            verify(&anchors, &["name_common"]),
            named("dave"),
            "of the root"
        );
    }
    // Where lists are required, each authority in the chain needs one.
    let required = |lists: &[&str]| with(lists).requiring_revocation_lists();
    let alice = ["alice", "inter"];
    assert_eq!(
        verify(&required(&[]), &alice),
        Err(Error::RevocationUnknown)
    );
    assert_eq!(
        verify(&required(&["inter_crl"]), &alice),
        Err(Error::RevocationUnknown)
    );
    assert_eq!(
        verify(&required(&["inter_crl", "root_crl"]), &alice),
        named("alice")
    );
}

#[test]
fn only_an_authority_is_an_anchor() {
    let anchor = |name: &str| TrustAnchors::new(SM2, &[made(name)]).map(|_| ());
    assert_eq!(anchor("alice"), Err(Error::NotAuthority));
    assert_eq!(anchor("inter_not_ca"), Err(Error::NotAuthority));
    assert_eq!(anchor("inter_no_sign"), Err(Error::KeyUsage));
    assert_eq!(anchor("p256_root"), Err(Error::Algorithm));
    assert_eq!(anchor("inter_crl"), Err(Error::Malformed));
    assert_eq!(
        TrustAnchors::new(SM2, &[[0; 5000]]).map(|_| ()),
        Err(Error::Malformed)
    );
    assert_eq!(
        root().with_revocation_list(&made("root")).map(|_| ()),
        Err(Error::Malformed)
    );
}

#[test]
fn no_flipped_bit_and_no_cut_makes_another_valid_certificate() {
    let (root, inter) = (root(), made("inter"));
    let good = made("alice");
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(root.verify(&[&bad, &inter], NOW).is_err(), "bit {bit}");
    }
    for len in 0..good.len() {
        assert!(
            root.verify(&[&good[..len], &inter], NOW).is_err(),
            "{len} bytes"
        );
    }
    let longer = [good.as_slice(), &[0]].concat();
    assert_eq!(root.verify(&[longer, inter], NOW), Err(Error::Malformed));
}

/// Chains of openHiTLS, at a time when all of them are valid. Their signatures are made with the
/// empty identifier, so none is ours to take; what else is wrong with one shows first, as far as it
/// needs no signature.
#[test]
fn chains_of_openhitls_are_refused_for_their_identifier_or_for_what_is_wrong_before() {
    const AT: u64 = 1_735_689_600;
    let verify = |anchor: &str, chain: [&str; 2]| {
        let chain = chain.map(|name| hitls(&format!("{name}.der")));
        TrustAnchors::new(SM2, &[hitls(&format!("{anchor}.der"))])?.verify(&chain, AT)
    };
    let sign = ["sm2_cert/sign", "sm2_cert/inter"];
    let not_authority = ["sm2_cert/sign.notCA", "sm2_cert/inter.notCA"];
    let no_usage = ["sm2_cert/sign.noCRL", "sm2_cert/inter.noCRL"];
    for (anchor, chain, error) in [
        ("sm2_cert/ca", sign, Error::Signature),
        ("sm2_cert/ca_pathlen1", sign, Error::Signature),
        (
            "sm2_cert/ca.mul",
            ["sm2_cert/sign2.mul", "sm2_cert/inter.mul"],
            Error::Signature,
        ),
        // The pair for encryption of TLCP: no key for messages.
        (
            "sm2_cert/ca",
            ["sm2_cert/enc", "sm2_cert/inter"],
            Error::KeyUsage,
        ),
        ("sm2-v3/ca", ["sm2-v3/end", "sm2-v3/inter"], Error::KeyUsage),
        // Issuers that are no authorities, above and in between.
        ("sm2_cert/ca.notCA", not_authority, Error::NotAuthority),
        ("sm2_cert/ca", not_authority, Error::NotAuthority),
        ("sm2_cert/ca.noCRL", no_usage, Error::KeyUsage),
        ("sm2_cert/ca", no_usage, Error::KeyUsage),
        // Its key is said to be of `sm2`, where `id-ecPublicKey` belongs.
        ("sm2_cert/sm2_ssl.crt", sign, Error::Algorithm),
    ] {
        assert_eq!(verify(anchor, chain), Err(error), "{anchor} {chain:?}");
    }
}

#[test]
fn an_identity_takes_the_chain_of_its_own_key_and_user_only() {
    let chain = [made("alice"), made("inter")];
    let identity = Identity::with_chain(SM2, "alice", &secret("alice"), &chain).unwrap();
    assert!(identity.is_certified());
    let refused = |suite, user: &str, key: &str, chain: &[Vec<u8>]| match Identity::with_chain(
        suite,
        user,
        &secret(key),
        chain,
    ) {
        Err(IdentityError::Certificate(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(SM2, "alice", "bob", &chain), Error::Key);
    assert_eq!(refused(SM2, "bob", "alice", &chain), Error::User);
    assert_eq!(refused(SM2, "alice", "alice", &[]), Error::Missing);
    assert_eq!(
        refused(SM2, "alice", "alice", &[vec![0x30, 0]]),
        Error::Malformed
    );
    assert_eq!(
        refused(P256, "alice", "p256_alice", &chain),
        Error::Algorithm
    );
}

/// OpenSSL checks it when it is there; the gateway's tests check it with the authority that answers
/// it.
#[test]
fn a_request_names_the_user_and_is_signed_by_its_key() {
    for suite in [SM2, P256] {
        let mut rng = SeededRng::new(5);
        let identity = Identity::generate(suite, "alice", &mut rng).unwrap();
        let request = identity.certificate_request(&mut rng).unwrap();
        let contains = |part: &[u8]| request.windows(part.len()).any(|window| window == part);
        assert!(contains(identity.public_key()) && contains(b"alice"));
        let long = Identity::generate(suite, &"x".repeat(128), &mut rng).unwrap();
        assert!(long.certificate_request(&mut rng).unwrap().len() < request.len());
    }
}
