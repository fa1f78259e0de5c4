//! SM2: `smrtc_crypto::sm2`, with nonces given through its test-only door.

use smrtc_crypto::conformance::sm2_exchange::{
    self as exchange, Confirmation, Initiator, Local, Offer, Peer, Responder,
};
use smrtc_crypto::sm2::{PUBLIC_KEY_BYTES, PublicKey, SecretKey, Signature, pke};
use smrtc_vectors::Hex;

use crate::implementation::Answer;
use crate::request::{Encoding, Request, Role, hex};

/// What the inputs must not be worked with for.
type Refusal = Answer;

pub(super) fn answer(request: &Request) -> Answer {
    if request.algorithm() != "SM2" {
        let algorithm = request.algorithm();
        return Answer::Unsupported(format!("{algorithm} is not in smrtc-crypto"));
    }
    let done = match request {
        Request::SignatureVerify {
            public_key,
            distinguishing_id,
            msg,
            sig,
            ..
        } => verify(public_key, distinguishing_id, msg, sig),
        Request::SignatureSign {
            private_key,
            distinguishing_id,
            msg,
            nonce,
            ..
        } => sign(private_key, distinguishing_id, msg, nonce),
        Request::PublicKey { private_key, .. } => secret(private_key).map(|key| {
            let public_key = hex(&key.public_key().to_sec1());
            Answer::done([("public_key", public_key)])
        }),
        Request::Ecdh {
            private_key,
            public_key,
            ..
        } => ecdh(private_key, public_key),
        Request::PkeEncrypt {
            encoding,
            public_key,
            msg,
            nonce,
            ..
        } => encrypt(*encoding, public_key, msg, nonce),
        Request::PkeDecrypt {
            encoding,
            private_key,
            ct,
            ..
        } => decrypt(*encoding, private_key, ct),
        Request::KeyExchange { .. } => key_exchange(request),
        _ => Err(Answer::Unsupported("not a request for SM2".into())),
    };
    done.unwrap_or_else(|refusal| refusal)
}

fn refused(error: impl std::fmt::Display) -> Refusal {
    Answer::Refused(error.to_string())
}

fn public(bytes: &[u8]) -> Result<PublicKey, Refusal> {
    PublicKey::from_sec1(bytes).map_err(refused)
}

fn secret(bytes: &[u8]) -> Result<SecretKey, Refusal> {
    SecretKey::from_bytes(bytes).map_err(refused)
}

fn scalar(bytes: &[u8]) -> Result<&[u8; 32], Refusal> {
    bytes
        .try_into()
        .map_err(|_| refused("a nonce has 32 bytes"))
}

fn verify(key: &[u8], id: &[u8], msg: &[u8], sig: &[u8]) -> Result<Answer, Refusal> {
    let signature = Signature::from_der(sig).map_err(refused)?;
    public(key)?.verify(id, msg, &signature).map_err(refused)?;
    Ok(Answer::done([]))
}

fn sign(key: &[u8], id: &[u8], msg: &[u8], k: &[u8]) -> Result<Answer, Refusal> {
    let signature = secret(key)?
        .sign_with_k(id, msg, scalar(k)?)
        .ok_or_else(|| refused("this nonce or identity gives no signature"))?;
    Ok(Answer::done([("sig", hex(&signature.to_der()))]))
}

fn ecdh(private_key: &[u8], public_key: &[u8]) -> Result<Answer, Refusal> {
    let shared = secret(private_key)?
        .agree(&public(public_key)?)
        .map_err(refused)?;
    Ok(Answer::done([("shared", hex(shared.expose()))]))
}

fn encrypt(encoding: Encoding, to: &[u8], msg: &[u8], k: &[u8]) -> Result<Answer, Refusal> {
    let raw = pke::encrypt_with_k(&public(to)?, msg, scalar(k)?)
        .ok_or_else(|| refused("this nonce gives no ciphertext"))?;
    let ct = match encoding {
        Encoding::Raw => raw,
        Encoding::Der => pke::raw_to_der(&raw).map_err(refused)?,
    };
    Ok(Answer::done([("ct", hex(&ct))]))
}

fn decrypt(encoding: Encoding, key: &[u8], ct: &Hex) -> Result<Answer, Refusal> {
    let raw = match encoding {
        Encoding::Raw => ct.0.clone(),
        Encoding::Der => pke::der_to_raw(ct).map_err(refused)?,
    };
    let msg = pke::decrypt(&secret(key)?, &raw).map_err(refused)?;
    Ok(Answer::done([("msg", hex(msg.expose()))]))
}

fn key_exchange(request: &Request) -> Result<Answer, Refusal> {
    let Request::KeyExchange {
        role,
        private_key,
        ephemeral_private_key,
        distinguishing_id,
        peer_public_key,
        peer_ephemeral,
        peer_distinguishing_id,
        peer_confirmation,
        size,
        ..
    } = request
    else {
        return Err(Answer::Unsupported("not a key exchange".into()));
    };
    let (own_key, peer_key) = (secret(private_key)?, public(peer_public_key)?);
    let local = Local {
        key: &own_key,
        id: distinguishing_id,
    };
    let peer = Peer {
        key: &peer_key,
        id: peer_distinguishing_id,
    };
    let r = scalar(ephemeral_private_key)?;
    let peer_point = <[u8; PUBLIC_KEY_BYTES]>::try_from(&peer_ephemeral[..])
        .map_err(|_| refused("an ephemeral point has 65 bytes"))?;
    let peer_tag = <[u8; 32]>::try_from(&peer_confirmation[..])
        .map_err(|_| refused("a confirmation has 32 bytes"))?;
    let (ephemeral, confirmation, shared) = match role {
        Role::Initiator => {
            let (initiator, offer) =
                Initiator::start_with_r(local, peer, *size, r).map_err(refused)?;
            let answer = exchange::Answer {
                point: peer_point,
                confirmation: peer_tag,
            };
            let (key, confirmation) = initiator.finish(&answer).map_err(refused)?;
            (offer.0, confirmation.0, key)
        }
        Role::Responder => {
            let (responder, answer) =
                Responder::answer_with_r(local, peer, *size, &Offer(peer_point), r)
                    .map_err(refused)?;
            let key = responder
                .confirm(&Confirmation(peer_tag))
                .map_err(refused)?;
            (answer.point, answer.confirmation, key)
        }
    };
    Ok(Answer::done([
        ("ephemeral", hex(&ephemeral)),
        ("confirmation", hex(&confirmation)),
        ("shared", hex(shared.expose())),
    ]))
}
