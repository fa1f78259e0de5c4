"""HPKE (RFC 9180) and the key schedule of MLS (RFC 9420) in the private suites 0xF001 and 0xF002 of crypto/SPEC.md section 7,
down to an SFrame frame under a key of the exporter.

    python3 -B vectors/reference/mls.py    # writes vectors/mls/sm_suites.json
"""

import gcm
import hkdf
import json
import pathlib
import sframe
import sm2
import sm3
import sm4

HASH, NH, NK, NN = "SM3", 32, 16, 12
KDF, AEAD = 0xF801, 0xF801
KEM = {0xF001: 0xF810, 0xF002: 0xF811}


def u16(value):
    return value.to_bytes(2, "big")


def stream(label, size):
    return hkdf.expand("SHA-256", hkdf.extract("SHA-256", b"", b"smrtc mls"), label.encode(), size)


# --- HPKE


def labeled_extract(suite_id, salt, label, ikm):
    return hkdf.extract(HASH, salt, b"HPKE-v1" + suite_id + label + ikm)


def labeled_expand(suite_id, prk, label, info, size):
    return hkdf.expand(HASH, prk, u16(size) + b"HPKE-v1" + suite_id + label + info, size)


def kem_id(suite):
    return b"KEM" + u16(KEM[suite])


def derive_key_pair(suite, ikm):
    prk = labeled_extract(kem_id(suite), b"", b"dkp_prk", ikm)
    for i in range(255):
        d = int.from_bytes(labeled_expand(kem_id(suite), prk, b"candidate", bytes([i]), 32), "big")
        if 1 <= d <= sm2.N - 2:
            return d, sm2.mul(d, sm2.G)
    raise ValueError("no key")


def extract_and_expand(suite, secret, context):
    prk = labeled_extract(kem_id(suite), b"", b"eae_prk", secret)
    return labeled_expand(kem_id(suite), prk, b"shared_secret", context, 32)


def encap(suite, public, random):
    """`random`: a label for the ephemeral key, or for the secret and the k of SM2 encryption."""
    if suite == 0xF001:
        d, point = derive_key_pair(suite, stream(random, 32))
        enc, secret = sm2.encode(point), sm2.ecdh(d, public)
    else:
        secret = stream(random, 32)
        k = int.from_bytes(stream(random + " k", 32), "big") % (sm2.N - 1) + 1
        enc = sm2.raw(*sm2.encrypt(public, secret, k))
    return enc, extract_and_expand(suite, secret, enc + sm2.encode(public))


def hpke_seal(suite, public, random, info, aad, text):
    suite_id = b"HPKE" + u16(KEM[suite]) + u16(KDF) + u16(AEAD)
    enc, shared = encap(suite, public, random)
    context = b"\0" + b"".join(
        labeled_extract(suite_id, b"", label, value) for label, value in ((b"psk_id_hash", b""), (b"info_hash", info))
    )
    secret = labeled_extract(suite_id, shared, b"secret", b"")
    key = labeled_expand(suite_id, secret, b"key", context, NK)
    nonce = labeled_expand(suite_id, secret, b"base_nonce", context, NN)
    ciphertext, tag = gcm.seal(sm4.encryptor(key), nonce, aad, text)
    return enc, ciphertext + tag


# --- the key schedule of MLS


def vector(data):
    if len(data) < 64:
        return bytes([len(data)]) + data
    return u16(len(data) | 0x4000) + data


def expand_with_label(secret, label, context, size):
    return hkdf.expand(HASH, secret, u16(size) + vector(b"MLS 1.0 " + label) + vector(context), size)


def derive_secret(secret, label):
    return expand_with_label(secret, label, b"", NH)


def epoch(suite, number, init, group_id):
    commit, tree, transcript = (stream(f"{w} {suite} {number}", NH) for w in ("commit", "tree", "transcript"))
    context = u16(1) + u16(suite) + vector(group_id) + number.to_bytes(8, "big") + vector(tree) + vector(transcript) + vector(b"")
    joiner = expand_with_label(hkdf.extract(HASH, init, commit), b"joiner", context, NH)
    member = hkdf.extract(HASH, joiner, bytes(NH))
    secret = expand_with_label(member, b"epoch", context, NH)
    exporter = derive_secret(secret, b"exporter")
    external = derive_secret(secret, b"external")
    derived = derive_secret(exporter, b"SFrame 1.0 Base Key")
    base_key = expand_with_label(derived, b"exported", sm3.sm3(b""), NK)
    kid = (int.from_bytes(stream(f"context {suite} {number}", 5), "big") << 24) | (number + 1) << 8 | number % 256
    return derive_secret(secret, b"init"), {
        "epoch": number,
        "commit_secret": commit.hex(),
        "group_context": context.hex(),
        "joiner_secret": joiner.hex(),
        "welcome_secret": derive_secret(member, b"welcome").hex(),
        "exporter_secret": exporter.hex(),
        "epoch_authenticator": derive_secret(secret, b"authentication").hex(),
        "external_secret": external.hex(),
        "external_pub": sm2.encode(derive_key_pair(suite, external)[1]).hex(),
        "base_key": base_key.hex(),
        "kid": str(kid),
        "frame": sframe.seal(sframe.SUITES[0xF001], kid, number, base_key, b"metadata", b"a frame")["ct"],
    }


def case(suite):
    d, public = derive_key_pair(suite, stream(f"receiver {suite}", 32))
    sealed = []
    for i, (info, aad, text) in enumerate(((b"", b"", b""), (b"info", b"aad", b"text"), (stream("i", 90), b"", stream("t", 32)))):
        enc, ciphertext = hpke_seal(suite, public, f"sender {suite} {i}", info, aad, text)
        sealed.append({k: v.hex() for k, v in dict(info=info, aad=aad, text=text, enc=enc, ciphertext=ciphertext).items()})
    init = stream(f"init {suite}", NH)
    epochs, group_id, secret = [], stream("group", 32), init
    for number in range(3):
        secret, values = epoch(suite, number, secret, group_id)
        epochs.append(values)
    return {
        "cipher_suite": suite,
        "hpke": {
            "ikm": stream(f"receiver {suite}", 32).hex(),
            "secret": sm2.be(d).hex(),
            "public": sm2.encode(public).hex(),
            "sealed": sealed,
        },
        "initial_init_secret": init.hex(),
        "epochs": epochs,
    }


def main():
    path = pathlib.Path(__file__).resolve().parent.parent / "mls/sm_suites.json"
    path.write_text(json.dumps([case(suite) for suite in KEM], indent=1) + "\n")


if __name__ == "__main__":
    main()
