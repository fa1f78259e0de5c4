"""Writes edge cases of SM4-GCM in Wycheproof's schema, computed by the reference in this folder.

    python3 -B vectors/reference/edges.py        # some seconds; the same bytes each time

Lengths around every border of a block, of a batch of blocks and of a power of two; long associated data; nonces of
other lengths than 12 bytes; counters that wrap at 2^32; and what must be refused: every bit of a tag
flipped, changed inputs, no nonce.
"""

import json

import generate
import gcm
import sm4
from generate import stream

KEY = stream("edges key", 16)
SOURCE = "vectors/reference/edges.py (SM4 and GCM in plain Python, from GB/T 32907-2016 and NIST SP 800-38D)"

NOTES = {
    "Length": "FUNCTIONALITY: a length of text at or beside a border",
    "Aad": "FUNCTIONALITY: a length of associated data at or beside a border",
    "LongAad": "FUNCTIONALITY: associated data much longer than the text",
    "Nonce": "FUNCTIONALITY: GHASH makes the first counter of a nonce that has not 12 bytes",
    "CounterWrap": "FUNCTIONALITY: the counter passes 2^32 and does not carry into the rest of the block",
    "ModifiedTag": "AUTH_BYPASS: one bit of the tag is flipped",
    "ModifiedInput": "AUTH_BYPASS: the ciphertext, the associated data or the nonce is not what was sealed",
    "ZeroLengthIv": "AUTH_BYPASS: a nonce has at least one bit",
    "SpecialKey": "EDGE_CASE: a key, a nonce or a text of one bit pattern",
}


def inverse(h):
    """h^(2^128 - 2)."""
    r, square = None, h
    for _ in range(127):
        square = gcm.gf128_mul(square, square)
        r = square if r is None else gcm.gf128_mul(r, square)
    return r


def nonce_for(key, j0):
    """The 16-byte nonce whose first counter block is `j0`: GHASH of one block and its length, solved for the block."""
    h = int.from_bytes(sm4.encryptor(key)(bytes(16)), "big")
    i = inverse(h)
    y = gcm.gf128_mul(int.from_bytes(j0, "big"), i) ^ 128
    nonce = gcm.gf128_mul(y, i).to_bytes(16, "big")
    assert gcm.ghash(h, nonce + bytes(8) + (128).to_bytes(8, "big")) == j0
    return nonce


def case(comment, flag, key, iv, aad, msg):
    ct, tag = gcm.seal(sm4.encryptor(key), iv, aad, msg)
    return {
        "comment": comment, "flags": [flag], "key": key, "iv": iv, "aad": aad, "msg": msg, "ct": ct, "tag": tag,
        "result": "valid",
    }


def changed(valid, comment, flag, **fields):
    return {**valid, "comment": comment, "flags": [flag], "result": "invalid", **fields}


def flip(data, bit):
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def text_lengths():
    """0 to 80 one by one, then about each border of four blocks up to 300, then powers of two."""
    around = {16 * k + d for k in range(5, 19) for d in (-1, 0, 1)}
    powers = {2**k + d for k in range(13) for d in (-1, 0, 1)}
    return sorted(set(range(81)) | around | {300} | powers)


def cases():
    for n in text_lengths():
        label = f"text {n}"
        yield case(f"text of {n} bytes", "Length", KEY, stream(label + " iv", 12), stream(label + " aad", 20), stream(label, n))
    for n in sorted(set(range(0, 34)) | {2**k + d for k in range(6, 11) for d in (-1, 0, 1)}):
        label = f"aad {n}"
        yield case(f"associated data of {n} bytes", "Aad", KEY, stream(label + " iv", 12), stream(label, n), stream(label + " text", 33))
    for n in (4095, 4096, 4097, 16384, 65535, 65536):
        label = f"long aad {n}"
        yield case(f"associated data of {n} bytes", "LongAad", KEY, stream(label + " iv", 12), stream(label, n), b"text")
    for n in (1, 2, 7, 8, 11, 13, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129, 256, 1024):
        label = f"nonce {n}"
        yield case(f"nonce of {n} bytes", "Nonce", KEY, stream(label, n), stream(label + " aad", 13), stream(label + " text", 50))
    for before in (0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64):
        for rest in (stream(f"wrap {before}", 12), b"\xff" * 12):
            j0 = rest + (2**32 - 1 - before).to_bytes(4, "big")
            # Long enough that some blocks follow the wrap, and not a whole number of them.
            text = stream(f"wrap text {before}", 16 * (before + 4) + 5)
            yield case(
                f"the counter of the tag is 2^32 - {before + 1}", "CounterWrap", KEY, nonce_for(KEY, j0), b"aad", text
            )
    for fill in (b"\0", b"\xff", b"\x80", b"\x01"):
        yield case(f"all of {fill.hex()}", "SpecialKey", 16 * fill, 12 * fill, 20 * fill, 40 * fill)

    valid = case("", "", KEY, stream("negative iv", 12), stream("negative aad", 20), stream("negative text", 37))
    for bit in range(128):
        yield changed(valid, f"bit {bit} of the tag flipped", "ModifiedTag", tag=flip(valid["tag"], bit))
    yield changed(valid, "tag of zeros", "ModifiedTag", tag=bytes(16))
    yield changed(valid, "tag inverted", "ModifiedTag", tag=bytes(b ^ 0xFF for b in valid["tag"]))
    for n in (0, 7, 8 * 15, 8 * 16, 8 * 31, 8 * 32, 8 * 37 - 1):
        yield changed(valid, f"bit {n} of the ciphertext flipped", "ModifiedInput", ct=flip(valid["ct"], n))
    for n in (0, 8 * 15, 8 * 16, 8 * 20 - 1):
        yield changed(valid, f"bit {n} of the associated data flipped", "ModifiedInput", aad=flip(valid["aad"], n))
    for n in (0, 95):
        yield changed(valid, f"bit {n} of the nonce flipped", "ModifiedInput", iv=flip(valid["iv"], n))
    yield changed(valid, "ciphertext cut by a byte", "ModifiedInput", ct=valid["ct"][:-1])
    yield changed(valid, "a zero after the ciphertext", "ModifiedInput", ct=valid["ct"] + b"\0")
    yield changed(valid, "a zero after the associated data", "ModifiedInput", aad=valid["aad"] + b"\0")
    yield changed(valid, "no associated data", "ModifiedInput", aad=b"")
    yield changed(
        valid, "the border of associated data and ciphertext moved", "ModifiedInput",
        aad=valid["aad"] + valid["ct"][:1], ct=valid["ct"][1:],
    )
    for n in (0, 37):
        empty = changed(valid, "no nonce", "ZeroLengthIv", iv=b"", msg=valid["msg"][:n])
        # The tag that an implementation would come to if it hashed the empty nonce.
        empty["ct"], empty["tag"] = gcm.seal(sm4.encryptor(KEY), b"", empty["aad"], empty["msg"])
        yield empty


def main():
    print(f"reference agrees with {generate.check_gcm()} SM4-GCM vectors of Wycheproof")
    groups, count = {}, 0
    for test in cases():
        count += 1
        iv_bits = 8 * len(test["iv"])
        group = groups.setdefault(
            iv_bits,
            {
                "type": "AeadTest", "source": {"name": SOURCE, "version": "1"},
                "ivSize": iv_bits, "keySize": 128, "tagSize": 128, "tests": [],
            },
        )
        written = {k: v.hex() if isinstance(v, bytes) else v for k, v in test.items()}
        group["tests"].append({"tcId": count, **written, "source": SOURCE})
    notes = {}
    for flag, words in NOTES.items():
        kind, description = words.split(": ", 1)
        notes[flag] = {"bugType": kind, "description": description}
    content = {
        "algorithm": "SM4-GCM",
        "schema": "aead_test_schema_v1.json",
        "numberOfTests": count,
        "header": ["Edge cases of SM4-GCM, computed by a plain-Python implementation of the standards."],
        "notes": notes,
        "testGroups": list(groups.values()),
    }
    path = generate.VECTORS / "smrtc/sm4_gcm_edges_test.json"
    path.write_text(json.dumps(content, indent=0) + "\n")
    print(f"{path.name}: {count} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
