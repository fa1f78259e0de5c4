#!/usr/bin/env python3
"""The plain-Python reference of `vectors/reference` behind the pipe.

    smrtc-vectors check --impl 'python3 -B vectors/adapters/reference.py'

`--plant` makes it answer some requests wrongly, to see that the checker notices: the last bit of what SM4-GCM
seals, and every tag accepted.
"""

import hmac
import pathlib
import platform
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "reference"))

import aes  # noqa: E402
import gcm  # noqa: E402
import hkdf as hkdf_  # noqa: E402
import modes  # noqa: E402
import sframe  # noqa: E402
import sm4  # noqa: E402
import reference_sm2  # noqa: E402
from protocol import Refused, Unsupported, bytes_of, hexed, serve  # noqa: E402

PLANT = "--plant" in sys.argv[1:]

CIPHERS = {"SM4": (sm4.encryptor, 16), "AES-128": (aes.encryptor, 16), "AES-256": (aes.encryptor, 32)}


def cipher_of(request, key):
    name, _, mode = request["algorithm"].rpartition("-")
    if name not in CIPHERS or mode not in ("GCM", "CCM"):
        raise Unsupported(f"{request['algorithm']} is not in the reference")
    make, key_bytes = CIPHERS[name]
    if len(key) != key_bytes:
        raise Refused("wrong length of key")
    return make(key), mode


def aead_seal(request):
    key, iv, aad, msg = bytes_of(request, "key", "iv", "aad", "msg")
    encrypt, mode = cipher_of(request, key)
    try:
        if mode == "CCM":
            ct, tag = modes.ccm_seal(encrypt, iv, aad, msg, request["tag_bytes"])
        else:
            if not iv:
                raise Refused("a nonce has at least one bit")
            ct, tag = gcm.seal(encrypt, iv, aad, msg)
            tag = tag[: request["tag_bytes"]]
    except ValueError as error:
        raise Refused(str(error)) from error
    if PLANT and mode == "GCM" and ct:
        ct = ct[:-1] + bytes([ct[-1] ^ 1])
    return hexed(ct=ct, tag=tag)


def aead_open(request):
    key, iv, aad, ct, tag = bytes_of(request, "key", "iv", "aad", "ct", "tag")
    encrypt, mode = cipher_of(request, key)
    if mode == "CCM":
        try:
            msg = modes.ccm_open(encrypt, iv, aad, ct, tag)
        except ValueError as error:
            raise Refused(str(error)) from error
    else:
        if not iv:
            raise Refused("a nonce has at least one bit")
        msg = gcm.open_(encrypt, iv, aad, ct, tag)
        if msg is None and PLANT:
            msg = b""
    if msg is None:
        raise Refused("wrong tag")
    return hexed(msg=msg)


def crypt(request, encrypting):
    key, iv, data = bytes_of(request, "key", "iv", "msg" if encrypting else "ct")
    algorithm = request["algorithm"]
    padded = request["padding"] == "pkcs7"
    if padded and encrypting:
        data = modes.pkcs7(data)
    try:
        if algorithm == "SM4-CTR":
            out = modes.ctr(sm4.encryptor(key), iv, data)
        elif algorithm == "SM4-ECB":
            out = modes.ecb((sm4.encryptor if encrypting else modes.decryptor)(key), data)
        elif algorithm == "SM4-CBC" and encrypting:
            out = modes.cbc_encrypt(sm4.encryptor(key), iv, data)
        elif algorithm == "SM4-CBC":
            out = modes.cbc_decrypt(modes.decryptor(key), iv, data)
        elif algorithm == "SM4-OFB":
            out = modes.ofb(sm4.encryptor(key), iv, data)
        elif algorithm == "SM4-CFB":
            out = modes.cfb(sm4.encryptor(key), iv, data, encrypting)
        elif algorithm in ("SM4-XTS", "SM4-XTS-GB"):
            out = modes.xts(key, iv, data, algorithm.endswith("GB"), encrypting)
        else:
            raise Unsupported(f"{algorithm} is not in the reference")
        if padded and not encrypting:
            out = modes.pkcs7_strip(out)
    except ValueError as error:
        raise Refused(str(error)) from error
    return hexed(**{"ct" if encrypting else "msg": out})


def hash_name(request, prefix):
    name = request["algorithm"].removeprefix(prefix)
    if name not in hkdf_.HASHES:
        raise Unsupported(f"{request['algorithm']} is not in the reference")
    return name


def hash_(request):
    return hexed(md=hkdf_.HASHES[hash_name(request, "")][0](*bytes_of(request, "msg")))


def mac(request):
    tag = hkdf_.hmac(hash_name(request, "HMAC-"), *bytes_of(request, "key", "msg"))
    return hexed(tag=tag[: request["tag_bytes"]])


def mac_verify(request):
    (tag,) = bytes_of(request, "tag")
    computed = hkdf_.hmac(hash_name(request, "HMAC-"), *bytes_of(request, "key", "msg"))
    if not hmac.compare_digest(computed[: len(tag)], tag):
        raise Refused("wrong tag")
    return {}


def hkdf_extract(request):
    return hexed(prk=hkdf_.extract(hash_name(request, "HKDF-"), *bytes_of(request, "salt", "ikm")))


def hkdf(request):
    name = hash_name(request, "HKDF-")
    if request["size"] > 255 * hkdf_.HASHES[name][1]:
        raise Refused("longer than 255 outputs")
    prk = hkdf_.extract(name, *bytes_of(request, "salt", "ikm"))
    return hexed(okm=hkdf_.expand(name, prk, *bytes_of(request, "info"), request["size"]))


def suite_of(request):
    suite = sframe.SUITES.get(request["cipher_suite"])
    if suite is None:
        raise Unsupported(f"SFrame suite 0x{request['cipher_suite']:04x} is not in the reference")
    return suite


def header_encode(request):
    return hexed(encoded=sframe.header(int(request["kid"]), int(request["ctr"])))


def parse(frame):
    """(KID, CTR, length of the header); RFC 9605 §4.3."""
    if not frame:
        raise Refused("no header")
    config, at, fields = frame[0], 1, []
    for flag, small in ((config >> 7, config >> 4 & 7), (config >> 3 & 1, config & 7)):
        if flag:
            fields.append(int.from_bytes(frame[at : at + small + 1], "big"))
            at += small + 1
        else:
            fields.append(small)
    kid, ctr = fields
    if len(frame) < at or sframe.header(kid, ctr) != frame[:at]:
        raise Refused("truncated or not minimal")
    return kid, ctr, at


def header_parse(request):
    (encoded,) = bytes_of(request, "encoded")
    kid, ctr, _ = parse(encoded)
    return {"kid": str(kid), "ctr": str(ctr)}


def sframe_seal(request):
    base_key, metadata, pt = bytes_of(request, "base_key", "metadata", "pt")
    sealed = sframe.seal(suite_of(request), int(request["kid"]), int(request["ctr"]), base_key, metadata, pt)
    return {"ct": sealed["ct"]}


def open_frame(suite, base_key, metadata, frame):
    kid, ctr, at = parse(frame)
    _, key, salt, _, _ = sframe.derive(suite, kid, base_key)
    nonce = gcm.xor(salt, ctr.to_bytes(12, "big"))
    pt = gcm.open_(suite.cipher(key), nonce, frame[:at] + metadata, frame[at:-16], frame[-16:])
    if pt is None:
        raise Refused("wrong tag")
    return {"kid": str(kid), "ctr": str(ctr), "pt": pt.hex()}


def sframe_open(request):
    return open_frame(suite_of(request), *bytes_of(request, "base_key", "metadata", "ct"))


def external_key_open(request):
    suite = suite_of(request)
    secret, metadata, frame = bytes_of(request, "secret", "metadata", "ct")
    return open_frame(suite, sframe.external_base_key(suite, secret, parse(frame)[0]), metadata, frame)


if __name__ == "__main__":
    serve(
        "vectors/reference" + (" with a planted fault" if PLANT else ""),
        f"Python {platform.python_version()}",
        {
            "aead-seal": aead_seal,
            "aead-open": aead_open,
            "encrypt": lambda request: crypt(request, True),
            "decrypt": lambda request: crypt(request, False),
            "hash": hash_,
            "mac": mac,
            "mac-verify": mac_verify,
            "hkdf-extract": hkdf_extract,
            "hkdf": hkdf,
            "sframe-header-encode": header_encode,
            "sframe-header-parse": header_parse,
            "sframe-seal": sframe_seal,
            "sframe-open": sframe_open,
            "external-key-open": external_key_open,
            **reference_sm2.OPERATIONS,
        },
    )
