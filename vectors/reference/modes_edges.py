"""Writes edge cases of SM4 in CCM, CTR, CBC and XTS, and of SM3, HMAC and HKDF, computed by the reference in this folder.

    python3 -B vectors/reference/modes_edges.py        # half a minute; the same bytes each time
"""

import hkdf
import modes
import sm4
from generate import stream
from sm2_edges import flip
from sm3 import sm3
from testfile import Groups, write

SOURCE = "vectors/reference/modes_edges.py (SM3, SM4 and modes in plain Python, from the standards)"
KEY = stream("modes edges key", 16)

LENGTH = {"Length": "FUNCTIONALITY: a length of text at or beside a border"}
SPECIAL = {"SpecialKey": "EDGE_CASE: a key, an IV or a text of one bit pattern"}


def header(words):
    return [f"Edge cases of {words}, computed by a plain-Python implementation of the standards."]


def lengths(most, every):
    """0 to `every` one by one, then about each border of blocks to 300, then powers of two."""
    around = {16 * k + d for k in range(every // 16, 19) for d in (-1, 0, 1)}
    powers = {2**k + d for k in range(5, 20) for d in (-1, 0, 1) if 2**k + d <= most}
    return sorted(set(range(every + 1)) | around | {300} | powers)


def case(comment, flag, result="valid", **fields):
    return {"comment": comment, "flags": [flag], "result": result, **fields}


# --- CCM

CCM = LENGTH | SPECIAL | {
    "Aad": "FUNCTIONALITY: a length of associated data at or beside a border",
    "LongAad": "FUNCTIONALITY: associated data whose length takes six bytes, and its borders",
    "Nonce": "FUNCTIONALITY: each length of a nonce that CCM allows",
    "ModifiedTag": "AUTH_BYPASS: one bit of the tag is flipped",
    "ModifiedInput": "AUTH_BYPASS: the ciphertext, the associated data or the nonce is not what was sealed",
    "InvalidNonceSize": "EDGE_CASE: CCM allows nonces of 7 to 13 bytes",
}


def ccm():
    groups = Groups("AeadTest", SOURCE)

    def add(c):
        groups.add({"ivSize": 8 * len(c["iv"]), "keySize": 128, "tagSize": 128}, c)

    def sealed(comment, flag, iv, aad, msg, key=KEY):
        ct, tag = modes.ccm_seal(sm4.encryptor(key), iv, aad, msg)
        c = case(comment, flag, key=key, iv=iv, aad=aad, msg=msg, ct=ct, tag=tag)
        add(c)
        return c

    for n in lengths(4097, 80):
        sealed(f"text of {n} bytes", "Length", stream(f"ccm iv {n}", 12), stream(f"ccm aad {n}", 20), stream(f"ccm {n}", n))
    for n in (*range(1, 34), 46, 47, 48, 255, 256, 257, 1023, 1024, 1025):
        sealed(f"associated data of {n} bytes", "Aad", stream(f"ccm aad iv {n}", 12), stream(f"ccm a {n}", n), stream("ccm text", 33))
    sealed("neither text nor associated data", "Aad", stream("ccm none", 12), b"", b"")
    for n in (0xFEFF, 0xFF00, 0xFF01, 0xFFFF, 0x10000):
        sealed(f"associated data of {n} bytes", "LongAad", stream(f"ccm long {n}", 12), stream(f"ccm long aad {n}", n), b"text")
    for n in range(7, 14):
        for size in (0, 16, 33):
            sealed(f"nonce of {n} bytes, text of {size}", "Nonce", stream(f"ccm nonce {n}", n), b"aad", stream("ccm", size))
    for fill in (b"\0", b"\xff", b"\x80", b"\1"):
        sealed(f"all of {fill.hex()}", "SpecialKey", 12 * fill, 20 * fill, 40 * fill, key=16 * fill)
    good = sealed("to be changed", "Length", stream("ccm negative", 12), stream("ccm negative aad", 20), stream("ccm negative text", 37))
    changed = lambda comment, flag, **fields: add({**good, "comment": comment, "flags": [flag], "result": "invalid", **fields})
    for bit in range(128):
        changed(f"bit {bit} of the tag flipped", "ModifiedTag", tag=flip(good["tag"], bit))
    changed("tag of zeros", "ModifiedTag", tag=bytes(16))
    for bit in (0, 7, 8 * 15, 8 * 16, 8 * 32, 8 * 37 - 1):
        changed(f"bit {bit} of the ciphertext flipped", "ModifiedInput", ct=flip(good["ct"], bit))
    for bit in (0, 8 * 14, 8 * 20 - 1):
        changed(f"bit {bit} of the associated data flipped", "ModifiedInput", aad=flip(good["aad"], bit))
    for bit in (0, 95):
        changed(f"bit {bit} of the nonce flipped", "ModifiedInput", iv=flip(good["iv"], bit))
    changed("ciphertext cut by a byte", "ModifiedInput", ct=good["ct"][:-1])
    changed("a zero after the ciphertext", "ModifiedInput", ct=good["ct"] + b"\0")
    changed("a zero after the associated data", "ModifiedInput", aad=good["aad"] + b"\0")
    changed("no associated data", "ModifiedInput", aad=b"")
    for n in (0, 1, 6, 14, 15, 16):
        changed(f"nonce of {n} bytes", "InvalidNonceSize", iv=stream("ccm bad nonce", n))
    write("smrtc/sm4_ccm_edges_test.json", "SM4-CCM", "aead_test_schema_v1.json", header("SM4-CCM"), CCM, groups)


# --- modes that authenticate nothing

CIPHER = "ind_cpa_test_schema_v1.json"


def cipher_file(name, algorithm, flags, cases):
    groups = Groups("IndCpaTest", SOURCE)
    for c in cases:
        groups.add({"ivSize": 8 * len(c["iv"]), "keySize": 8 * len(c["key"])}, c)
    write(f"smrtc/{name}", algorithm, CIPHER, header(algorithm), flags, groups)


CTR = LENGTH | SPECIAL | {
    "CounterWrap": "FUNCTIONALITY: the counter carries out of its last 32, 64 or 128 bits",
    "InvalidIvSize": "EDGE_CASE: the first counter has 16 bytes",
}


def ctr():
    run = lambda key, iv, msg: modes.ctr(sm4.encryptor(key), iv, msg)

    def text(comment, flag, iv, msg, key=KEY):
        return case(comment, flag, key=key, iv=iv, msg=msg, ct=run(key, iv, msg))

    for n in lengths(4097, 80):
        yield text(f"text of {n} bytes", "Length", stream(f"ctr iv {n}", 16), stream(f"ctr {n}", n))
    for bits in (8, 16, 24, 32, 40, 64, 96, 120, 128):
        for back in (0, 1, 2, 3, 7, 15, 31):
            top = int.from_bytes(stream(f"ctr wrap {bits}", 16), "big") >> bits << bits
            iv = (top | 2**bits - 1 - back).to_bytes(16, "big")
            yield text(f"{back + 1} blocks before a carry out of {bits} bits", "CounterWrap", iv, stream("ctr wrap", 16 * 36 + 5))
    for fill in (b"\0", b"\xff", b"\x80", b"\1"):
        yield text(f"all of {fill.hex()}", "SpecialKey", 16 * fill, 40 * fill, 16 * fill)
    for n in (0, 1, 12, 15, 17):
        yield case(f"IV of {n} bytes", "InvalidIvSize", "invalid", key=KEY, iv=stream("ctr", n), msg=b"", ct=bytes(20))


CBC = LENGTH | SPECIAL | {
    "PartialBlock": "EDGE_CASE: not whole blocks",
    "InvalidIvSize": "EDGE_CASE: an IV has 16 bytes",
}


def cbc():
    run = lambda key, iv, msg: modes.cbc_encrypt(sm4.encryptor(key), iv, msg)

    def text(comment, flag, iv, msg, key=KEY):
        return case(comment, flag, key=key, iv=iv, msg=msg, ct=run(key, iv, msg))

    for n in (*range(0, 40), 63, 64, 65, 127, 128, 129, 256):
        yield text(f"text of {n} blocks", "Length", stream(f"cbc iv {n}", 16), stream(f"cbc {n}", 16 * n))
    for fill in (b"\0", b"\xff", b"\x80", b"\1"):
        yield text(f"all of {fill.hex()}", "SpecialKey", 16 * fill, 48 * fill, 16 * fill)
    for n in (1, 15, 17, 31, 33):
        yield case(f"ciphertext of {n} bytes", "PartialBlock", "invalid", key=KEY, iv=bytes(16), msg=b"", ct=stream("cbc", n))
    for n in (0, 1, 15, 17):
        yield case(f"IV of {n} bytes", "InvalidIvSize", "invalid", key=KEY, iv=stream("cbc", n), msg=b"", ct=bytes(32))


PKCS7 = LENGTH | {
    "PartialBlock": CBC["PartialBlock"],
    "BadPadding": "EDGE_CASE: the padding is not what PKCS#7 writes",
}


def cbc_pkcs7():
    encrypt, iv = sm4.encryptor(KEY), stream("pkcs7 iv", 16)
    for n in lengths(1025, 80):
        msg = stream(f"pkcs7 {n}", n)
        yield case(f"text of {n} bytes", "Length", key=KEY, iv=iv, msg=msg, ct=modes.cbc_encrypt(encrypt, iv, modes.pkcs7(msg)))
    bad = lambda comment, padded: case(
        comment, "BadPadding", "invalid", key=KEY, iv=iv, msg=b"", ct=modes.cbc_encrypt(encrypt, iv, padded)
    )
    block = b"\x5a" * 16
    for count in range(2, 17):
        yield bad(f"{count} bytes of padding, the first of them wrong", block + (block[:-count] + bytes([count ^ 0x40]) + bytes([count]) * (count - 1)))
    for last in (0, 17, 18, 32, 33, 0x80, 0xFF):
        yield bad(f"padding of {last}", block + bytes([last]) * 16)
    yield bad("padding longer than a block and right over two", bytes([32]) * 32)
    yield bad("ISO 7816 padding", block + b"\x80" + bytes(15))
    yield bad("padding of zeros", block + bytes(16))
    yield bad("X9.23 padding", block[:12] + b"\0\0\0\4")
    yield case("no ciphertext", "BadPadding", "invalid", key=KEY, iv=iv, msg=b"", ct=b"")
    for n in (1, 15, 17):
        yield case(f"ciphertext of {n} bytes", "PartialBlock", "invalid", key=KEY, iv=iv, msg=b"", ct=stream("pkcs7 part", n))


XTS = LENGTH | SPECIAL | {
    "Stealing": "FUNCTIONALITY: the last block is short, so it steals from the one before",
    "Tweak": "FUNCTIONALITY: tweaks of all kinds, whose multiples carry",
    "SameKeys": "EDGE_CASE: both keys are the same, which FIPS 140 forbids",
    "TooShort": "EDGE_CASE: less than a block",
    "InvalidKeySize": "EDGE_CASE: XTS with SM4 takes 32 bytes of keys",
}


def xts(gb):
    keys = stream("xts keys", 32)
    run = lambda key, iv, msg: modes.xts(key, iv, msg, gb, True)

    def text(comment, flag, iv, msg, key=keys, result="valid"):
        return case(comment, flag, result, key=key, iv=iv, msg=msg, ct=run(key, iv, msg))

    for n in [n for n in lengths(4097, 96) if n >= 16]:
        yield text(f"text of {n} bytes", "Stealing" if n % 16 else "Length", stream(f"xts tweak {n}", 16), stream(f"xts {n}", n))
    for i in range(16):
        yield text(f"tweak {i}", "Tweak", stream(f"xts tweaks {i}", 16), stream("xts tweaks", 16 * 33 + 7))
    for sector in (0, 1, 255, 2**32 - 1, 2**64 - 1, 2**127, 2**128 - 1):
        for order in ("little", "big"):
            yield text(f"sector {sector}, {order} end first", "Tweak", sector.to_bytes(16, order), stream("xts sectors", 50))
    for fill in (b"\0", b"\xff", b"\x80", b"\1"):
        yield text(f"all of {fill.hex()}", "SameKeys", 16 * fill, 40 * fill, 32 * fill, "acceptable")
        yield text(f"text and tweak of {fill.hex()}", "SpecialKey", 16 * fill, 40 * fill)
    for n in (0, 1, 15):
        yield case(f"ciphertext of {n} bytes", "TooShort", "invalid", key=keys, iv=bytes(16), msg=b"", ct=stream("xts short", n))
    for n in (16, 31, 33):
        yield case(f"keys of {n} bytes", "InvalidKeySize", "invalid", key=stream("xts key", n), iv=bytes(16), msg=b"", ct=bytes(32))


# --- SM3

HASH_LENGTHS = sorted(set(range(301)) | {2**k + d for k in range(8, 15) for d in (-1, 0, 1)})


def hashes():
    groups = Groups("HashTest", SOURCE)
    for n in HASH_LENGTHS:
        msg = stream(f"sm3 {n}", n)
        groups.add({}, case(f"{n} bytes", "Length", msg=msg, md=sm3(msg)))
    schema = "vectors/schema/smrtc_test_schema.json"
    write("smrtc/sm3_edges_test.json", "SM3", schema, header("SM3"), LENGTH, groups)


MAC = LENGTH | {
    "KeyLength": "FUNCTIONALITY: a length of the key at or beside a border; above 64 bytes it is hashed first",
    "ModifiedTag": "AUTH_BYPASS: one bit of the tag is flipped",
}


def macs():
    groups = Groups("MacTest", SOURCE)
    for size in (256, 128):
        def add(comment, flag, key, msg, result="valid", change=lambda tag: tag):
            tag = change(hkdf.hmac("SM3", key, msg)[: size // 8])
            groups.add({"keySize": 8 * len(key), "tagSize": size}, case(comment, flag, result, key=key, msg=msg, tag=tag))

        for n in (*range(1, 131), 192, 255, 256, 1000):
            add(f"key of {n} bytes", "KeyLength", stream(f"hmac key {n}", n), stream("hmac", 20))
        for n in (0, 1, 54, 55, 56, 63, 64, 65, 118, 119, 120, 127, 128, 129, 300, 1000):
            add(f"text of {n} bytes", "Length", stream("hmac key", 32), stream(f"hmac {n}", n))
        for bit in range(size):
            add(f"bit {bit} of the tag flipped", "ModifiedTag", stream("hmac key", 32), b"message", "invalid", lambda t: flip(t, bit))
    write("smrtc/hmac_sm3_edges_test.json", "HMACSM3", "mac_test_schema_v1.json", header("HMAC-SM3"), MAC, groups)


HKDF = {
    "Size": "FUNCTIONALITY: a length of the output at or beside a border",
    "Inputs": "FUNCTIONALITY: lengths of salt, input key and info",
    "SizeTooLarge": "EDGE_CASE: more than 255 outputs of the hash",
}


def hkdfs():
    groups = Groups("HkdfTest", SOURCE)

    def add(comment, flag, ikm, salt, info, size):
        fields = {"ikm": ikm, "salt": salt, "info": info, "size": size}
        if size > 255 * 32:
            groups.add({"keySize": 8 * len(ikm)}, case(comment, flag, "invalid", **fields, okm=b""))
            return
        prk = hkdf.extract("SM3", salt, ikm)
        groups.add({"keySize": 8 * len(ikm)}, case(comment, flag, **fields, prk=prk, okm=hkdf.expand("SM3", prk, info, size)))

    ikm, salt, info = (stream("hkdf " + w, n) for w, n in (("ikm", 22), ("salt", 13), ("info", 10)))
    for n in (1, 2, 12, 15, 16, 17, 31, 32, 33, 42, 63, 64, 65, 95, 96, 97, 255, 256, 257, 1000, 255 * 32 - 1, 255 * 32):
        add(f"{n} bytes", "Size", ikm, salt, info, n)
    for n in (255 * 32 + 1, 255 * 32 + 32, 65536):
        add(f"{n} bytes", "SizeTooLarge", ikm, salt, info, n)
    for n in (0, 1, 31, 32, 33, 63, 64, 65, 128, 300):
        add(f"salt of {n} bytes", "Inputs", ikm, stream(f"hkdf salt {n}", n), info, 42)
        add(f"input key of {n} bytes", "Inputs", stream(f"hkdf ikm {n}", n), salt, info, 42)
        add(f"info of {n} bytes", "Inputs", ikm, salt, stream(f"hkdf info {n}", n), 42)
    write("smrtc/hkdf_sm3_edges_test.json", "HKDF-SM3", "hkdf_test_schema_v1.json", header("HKDF-SM3"), HKDF, groups)


if __name__ == "__main__":
    ccm()
    cipher_file("sm4_ctr_edges_test.json", "SM4-CTR", CTR, ctr())
    cipher_file("sm4_cbc_edges_test.json", "SM4-CBC", CBC, cbc())
    cipher_file("sm4_cbc_pkcs7_edges_test.json", "SM4-CBC-PKCS7", PKCS7, cbc_pkcs7())
    cipher_file("sm4_xts_gb_edges_test.json", "SM4-XTS-GB", XTS, xts(True))
    cipher_file("sm4_xts_ieee_edges_test.json", "SM4-XTS", XTS, xts(False))
    hashes()
    macs()
    hkdfs()
