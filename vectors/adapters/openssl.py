#!/usr/bin/env python3
"""OpenSSL, through the Python package `cryptography` and, for SM2, its own program, behind the pipe.

    pip install cryptography
    smrtc-vectors check --impl 'python3 -B vectors/adapters/openssl.py'

SM4-GCM needs OpenSSL 3.2 or later (the wheels of `cryptography` carry their own); what the package or the
library lacks is answered as unsupported, in words.
"""

import platform
import sys

import openssl_sm2
from protocol import Refused, Unsupported, bytes_of, hexed, serve

try:
    import cryptography
    from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
    from cryptography.hazmat.backends.openssl.backend import backend
    from cryptography.hazmat.primitives import constant_time, hashes, hmac, padding
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError as error:
    sys.exit(f"openssl.py needs the Python package `cryptography`: {error}")

try:  # where newer versions keep them
    from cryptography.hazmat.decrepit.ciphers.modes import CFB, OFB
except ImportError:
    CFB, OFB = modes.CFB, modes.OFB

HASHES = {"SM3": hashes.SM3, "SHA-256": hashes.SHA256, "SHA-512": hashes.SHA512}
CIPHERS = {"SM4": (algorithms.SM4, 16), "AES-128": (algorithms.AES, 16), "AES-256": (algorithms.AES, 32)}
GCM_NONCE_BYTES = range(8, 129)  # what `cryptography` lets through to OpenSSL


def guarded(operation):
    """Turns the library's own words for "I do not have that" into the pipe's."""

    def run(request):
        try:
            return operation(request)
        except UnsupportedAlgorithm as error:
            raise Unsupported(f"{request['algorithm']}: {error}") from error

    return run


def gcm(request, key, iv, tag=None):
    name, _, mode = request["algorithm"].rpartition("-")
    if mode != "GCM" or name not in CIPHERS:
        raise Unsupported(f"`cryptography` has no {request['algorithm']}")
    algorithm, key_bytes = CIPHERS[name]
    if len(key) != key_bytes:
        raise Refused("wrong length of key")
    if iv and len(iv) not in GCM_NONCE_BYTES:
        raise Unsupported("`cryptography` takes nonces of 8 to 128 bytes in GCM")
    try:
        return Cipher(algorithm(key), modes.GCM(iv, tag) if tag else modes.GCM(iv))
    except ValueError as error:
        raise Refused(str(error)) from error


def aead_seal(request):
    key, iv, aad, msg = bytes_of(request, "key", "iv", "aad", "msg")
    encryptor = gcm(request, key, iv).encryptor()
    encryptor.authenticate_additional_data(aad)
    ct = encryptor.update(msg) + encryptor.finalize()
    return hexed(ct=ct, tag=encryptor.tag[: request["tag_bytes"]])


def aead_open(request):
    key, iv, aad, ct, tag = bytes_of(request, "key", "iv", "aad", "ct", "tag")
    if len(tag) != 16:
        raise Unsupported("this adapter opens with tags of 16 bytes only")
    decryptor = gcm(request, key, iv, tag).decryptor()
    decryptor.authenticate_additional_data(aad)
    msg = decryptor.update(ct)
    try:
        msg += decryptor.finalize()
    except InvalidTag as error:
        raise Refused("wrong tag") from error
    return hexed(msg=msg)


def block_mode(request):
    key, iv = bytes_of(request, "key", "iv")
    made = {
        "SM4-ECB": lambda: modes.ECB(),
        "SM4-CBC": lambda: modes.CBC(iv),
        "SM4-CTR": lambda: modes.CTR(iv),
        "SM4-OFB": lambda: OFB(iv),
        "SM4-CFB": lambda: CFB(iv),
    }.get(request["algorithm"])
    if made is None:
        raise Unsupported(f"`cryptography` has no {request['algorithm']}")
    try:
        return Cipher(algorithms.SM4(key), made())
    except ValueError as error:
        raise Refused(str(error)) from error


def encrypt(request):
    (msg,) = bytes_of(request, "msg")
    if request["padding"] == "pkcs7":
        padder = padding.PKCS7(128).padder()
        msg = padder.update(msg) + padder.finalize()
    return hexed(ct=run(block_mode(request).encryptor(), msg))


def decrypt(request):
    (ct,) = bytes_of(request, "ct")
    msg = run(block_mode(request).decryptor(), ct)
    if request["padding"] == "pkcs7":
        unpadder = padding.PKCS7(128).unpadder()
        try:
            msg = unpadder.update(msg) + unpadder.finalize()
        except ValueError as error:
            raise Refused(str(error)) from error
    return hexed(msg=msg)


def run(context, data):
    try:
        return context.update(data) + context.finalize()
    except ValueError as error:
        raise Refused(str(error)) from error


def hash_of(request, prefix):
    name = request["algorithm"].removeprefix(prefix)
    if name not in HASHES:
        raise Unsupported(f"this adapter has no {request['algorithm']}")
    return HASHES[name]()


def hash_(request):
    digest = hashes.Hash(hash_of(request, ""))
    digest.update(*bytes_of(request, "msg"))
    return hexed(md=digest.finalize())


def hmac_of(request):
    key, msg = bytes_of(request, "key", "msg")
    if not key:
        raise Unsupported("an empty HMAC key")
    state = hmac.HMAC(key, hash_of(request, "HMAC-"))
    state.update(msg)
    return state


def mac(request):
    return hexed(tag=hmac_of(request).finalize()[: request["tag_bytes"]])


def mac_verify(request):
    (tag,) = bytes_of(request, "tag")
    state = hmac_of(request)
    if len(tag) < state.algorithm.digest_size:  # the package verifies whole tags only
        if not constant_time.bytes_eq(state.finalize()[: len(tag)], tag):
            raise Refused("wrong tag")
        return {}
    try:
        state.verify(tag)
    except InvalidSignature as error:
        raise Refused("wrong tag") from error
    return {}


def hkdf(request):
    ikm, salt, info = bytes_of(request, "ikm", "salt", "info")
    try:
        derived = HKDF(hash_of(request, "HKDF-"), request["size"], salt or None, info)
    except ValueError as error:
        raise Refused(str(error)) from error
    return hexed(okm=derived.derive(ikm))


if __name__ == "__main__":
    serve(
        f"{backend.openssl_version_text()} through cryptography {cryptography.__version__}",
        f"Python {platform.python_version()}; SM2 with the program of {openssl_sm2.version()}",
        {
            "aead-seal": guarded(aead_seal),
            "aead-open": guarded(aead_open),
            "encrypt": guarded(encrypt),
            "decrypt": guarded(decrypt),
            "hash": guarded(hash_),
            "mac": guarded(mac),
            "mac-verify": guarded(mac_verify),
            "hkdf": guarded(hkdf),
            **openssl_sm2.OPERATIONS,
        },
    )
