"""Writes the SFrame vectors of the project from the reference in this folder, after checking that
reference against everything published that it can be checked against.

    python3 vectors/reference/generate.py
"""

import hashlib
import json
import pathlib

import gcm
import hkdf
import sframe
import sm4

VECTORS = pathlib.Path(__file__).resolve().parent.parent


def load(name):
    return json.loads((VECTORS / name).read_text())


def check_gcm():
    count = 0
    for group in load("wycheproof/sm4_gcm_test.json")["testGroups"]:
        for t in group["tests"]:
            key, iv, aad, msg, ct, tag = (
                bytes.fromhex(t[f]) for f in ("key", "iv", "aad", "msg", "ct", "tag")
            )
            if not iv:
                continue  # refused before any arithmetic
            opened = gcm.open_(sm4.encryptor(key), iv, aad, ct, tag)
            assert (opened == msg) == (t["result"] == "valid"), t["tcId"]
            count += 1
    return count


def check_hmac():
    count = 0
    for group in load("wycheproof/hmac_sm3_test.json")["testGroups"]:
        for t in group["tests"]:
            tag = hkdf.hmac("SM3", bytes.fromhex(t["key"]), bytes.fromhex(t["msg"]))
            ok = tag[: group["tagSize"] // 8].hex() == t["tag"]
            assert ok == (t["result"] == "valid"), t["tcId"]
            count += 1
    return count


def check_sframe():
    published = load("sframe/rfc9605-test-vectors.json")
    count = 0
    for t in published["header"]:
        assert sframe.header(t["kid"], t["ctr"]).hex() == t["encoded"]
        count += 1
    for t in published["sframe"]:
        suite = sframe.SUITES.get(t["cipher_suite"])
        if suite is None:
            continue
        ours = sframe.seal(
            suite, t["kid"], t["ctr"], *(bytes.fromhex(t[f]) for f in ("base_key", "metadata", "pt"))
        )
        assert ours == t, t["cipher_suite"]
        count += 1
    return count


def stream(label, length):
    """Bytes that nobody chose."""
    return hashlib.shake_128(label.encode()).digest(length)


def sm_vectors():
    suite = sframe.SUITES[0xF001]
    base_key = bytes(range(16))
    metadata, text = b"IETF SFrame WG", b"draft-ietf-sframe-enc"
    yield sframe.seal(suite, 0x123, 0x4567, base_key, metadata, text)
    edges = (0, 7, 8, 255, 256, 2**32 - 1, 2**32, 2**63, 2**64 - 1)
    for kid in edges:
        for ctr in (0, 7, 8, 2**24, 2**64 - 1):
            yield sframe.seal(suite, kid, ctr, base_key, metadata, text)
    for length in (0, 1, 15, 16, 17, 31, 32, 33, 160, 511, 512, 513, 1150, 1200, 4099):
        label = f"length {length}"
        yield sframe.seal(
            suite, 2**64 - 1 - length, length, stream(label + " key", 32), stream(label + " metadata", 20),
            stream(label, length),
        )
    for length in (0, 1, 16, 20, 255, 1000):
        label = f"metadata {length}"
        yield sframe.seal(suite, length, 1, stream(label + " key", 32), stream(label, length), text)


def external_vectors():
    for suite in sframe.SUITES.values():
        for length in (16, 17, 32, 64):
            for kid in (0, 0x0123456789ABCDEF, 2**64 - 1):
                secret = stream(f"external {suite.id} {length}", length)
                base_key = sframe.external_base_key(suite, secret, kid)
                yield {
                    "cipher_suite": suite.id,
                    "kid": kid,
                    "secret": secret.hex(),
                    "base_key": base_key.hex(),
                    "frame": sframe.seal(suite, kid, 5, base_key, b"metadata", b"plaintext")["ct"],
                }


def hkdf_vectors():
    for name in hkdf.HASHES:
        for salt, ikm, info, length in ((0, 16, 0, 16), (13, 22, 10, 42), (80, 80, 80, 200), (0, 0, 1, 64)):
            s, k, i = (stream(f"hkdf {w} {n}", n) for w, n in (("salt", salt), ("ikm", ikm), ("info", info)))
            prk = hkdf.extract(name, s, k)
            yield {
                "hash": name,
                "salt": s.hex(),
                "ikm": k.hex(),
                "info": i.hex(),
                "prk": prk.hex(),
                "okm": hkdf.expand(name, prk, i, length).hex(),
            }


def write(name, content):
    text = json.dumps(content, indent=1) + "\n"
    path = VECTORS / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    print(f"{name}: {sum(len(v) for v in content.values())} cases")


def main():
    print(f"reference agrees with {check_gcm()} SM4-GCM, {check_hmac()} HMAC-SM3, {check_sframe()} SFrame vectors")
    write("smrtc/sframe_sm4_gcm_sm3.json", {"sframe": list(sm_vectors())})
    write("smrtc/external_key.json", {"external_key": list(external_vectors())})
    write("smrtc/hkdf.json", {"hkdf": list(hkdf_vectors())})


if __name__ == "__main__":
    main()
