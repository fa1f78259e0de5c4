"""HMAC (RFC 2104) and HKDF (RFC 5869) over any hash."""

import hashlib

from sm3 import sm3

# name -> (function, output bytes, block bytes)
HASHES = {
    "SM3": (sm3, 32, 64),
    "SHA-256": (lambda m: hashlib.sha256(m).digest(), 32, 64),
    "SHA-512": (lambda m: hashlib.sha512(m).digest(), 64, 128),
}


def hmac(name, key, message):
    function, _, block = HASHES[name]
    if len(key) > block:
        key = function(key)
    key = key.ljust(block, b"\0")
    inner = function(bytes(k ^ 0x36 for k in key) + message)
    return function(bytes(k ^ 0x5C for k in key) + inner)


def extract(name, salt, ikm):
    return hmac(name, salt or bytes(HASHES[name][1]), ikm)


def expand(name, prk, info, length):
    okm, t, i = b"", b"", 1
    while len(okm) < length:
        t = hmac(name, prk, t + info + bytes([i]))
        okm, i = okm + t, i + 1
    return okm[:length]
