"""SFrame, written from RFC 9605 §4, with the private suite 0xF001 SM4_GCM_SM3 of `crypto/SPEC.md`."""

from dataclasses import dataclass
from typing import Callable

import aes
import gcm
import hkdf
import sm4


@dataclass(frozen=True)
class Suite:
    id: int
    hash: str
    nk: int
    cipher: Callable


SUITES = {
    s.id: s
    for s in (
        Suite(0x0004, "SHA-256", 16, aes.encryptor),
        Suite(0x0005, "SHA-512", 32, aes.encryptor),
        Suite(0xF001, "SM3", 16, sm4.encryptor),
    )
}


def _field(value):
    """(flag, three bits, bytes that follow) of one header field (§4.3)."""
    if value < 8:
        return 0, value, b""
    encoded = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return 1, len(encoded) - 1, encoded


def header(kid, ctr):
    x, k, kid_bytes = _field(kid)
    y, c, ctr_bytes = _field(ctr)
    return bytes([x << 7 | k << 4 | y << 3 | c]) + kid_bytes + ctr_bytes


def derive(suite, kid, base_key):
    """(secret, key, salt, key label, salt label) of §4.4.2."""
    tail = kid.to_bytes(8, "big") + suite.id.to_bytes(2, "big")
    key_label = b"SFrame 1.0 Secret key " + tail
    salt_label = b"SFrame 1.0 Secret salt " + tail
    secret = hkdf.extract(suite.hash, b"", base_key)
    key = hkdf.expand(suite.hash, secret, key_label, suite.nk)
    salt = hkdf.expand(suite.hash, secret, salt_label, 12)
    return secret, key, salt, key_label, salt_label


def seal(suite, kid, ctr, base_key, metadata, plaintext):
    """Every intermediate value, in the fields of RFC 9605's own vectors."""
    secret, key, salt, key_label, salt_label = derive(suite, kid, base_key)
    nonce = gcm.xor(salt, ctr.to_bytes(12, "big"))
    aad = header(kid, ctr) + metadata
    ciphertext, tag = gcm.seal(suite.cipher(key), nonce, aad, plaintext)
    return {
        "cipher_suite": suite.id,
        "kid": kid,
        "ctr": ctr,
        "base_key": base_key.hex(),
        "sframe_key_label": key_label.hex(),
        "sframe_salt_label": salt_label.hex(),
        "sframe_secret": secret.hex(),
        "sframe_key": key.hex(),
        "sframe_salt": salt.hex(),
        "metadata": metadata.hex(),
        "nonce": nonce.hex(),
        "aad": aad.hex(),
        "pt": plaintext.hex(),
        "ct": (header(kid, ctr) + ciphertext + tag).hex(),
    }


def external_base_key(suite, secret, kid):
    """The base key of a sender under an external key (`crypto/SPEC.md` §4)."""
    prk = hkdf.extract(suite.hash, b"smrtc 1 external key", secret)
    info = b"smrtc 1 SFrame base key" + suite.id.to_bytes(2, "big") + kid.to_bytes(8, "big")
    return hkdf.expand(suite.hash, prk, info, hkdf.HASHES[suite.hash][1])
