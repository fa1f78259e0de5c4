"""Writes edge cases of SM2 encryption and key exchange, computed by the reference in this folder.

    python3 -B vectors/reference/sm2_edges_keys.py        # a minute or two; the same bytes each time
"""

import functools

import sm2
from convert import opens
from generate import stream
from sm2 import DEFAULT_ID, G, N, P, be, der_cipher, der_int, encode, mul, num, raw, tlv
from sm2_edges import D, HEADER, POINT, SCHEMA, bad_points, case, flip, scalar, walk
from testfile import Groups, write

SOURCE = "vectors/reference/sm2_edges_keys.py (SM2 in plain Python, from GB/T 32918)"

# --- encryption

PKE = {
    "Length": "FUNCTIONALITY: a length of a message at or beside a border of the key derivation",
    "EmptyMessage": "EDGE_CASE: no message: the standard does not say whether that may be",
    "SpecialNonce": "EDGE_CASE: a nonce at a border",
    "SpecialKey": "EDGE_CASE: a private key at a border",
    "ShortNumber": "FUNCTIONALITY: a coordinate of C1 is so small that its INTEGER is shorter",
    "NonceRange": "EDGE_CASE: k is not from 1 to n-1",
    "ZeroStream": "CONFIDENTIALITY: the key stream is all zero, so the message would be sent as it is",
    "ModifiedHash": "AUTH_BYPASS: a bit of C3 is flipped",
    "ModifiedText": "AUTH_BYPASS: C2 is not what was encrypted",
    "OldOrder": "WRONG_PRIMITIVE: C1 C2 C3, the order of 2010",
    "WrongKey": "AUTH_BYPASS: encrypted to another key",
    "CompressedPoint": "EDGE_CASE: C1 is a compressed point, which GB/T 32918.4 allows and few implementations take",
    "InvalidPoint": "INVALID_KEY: C1 is not a point of the curve, or is infinity",
    "InvalidCurve": "CONFIDENTIALITY: C1 is on a curve with another b, where the formulas still work",
    "UnreducedCoordinate": "INVALID_KEY: a coordinate of C1 is p or more, and right modulo p",
    "InvalidEncoding": "MALLEABILITY: not DER, or not one sequence of two integers and two octet strings",
}
PKE_LENGTHS = sorted(set(range(1, 35)) | {32 * k + d for k in range(2, 10) for d in (-1, 0, 1)} | {300, 1000, 4097})


def with_secret(c1, msg, d=D):
    """A ciphertext whose first point need not be on the curve: (C3, C2) from the formulas alone."""
    x2, y2 = mul(d, c1)
    return sm2.sm3(be(x2) + msg + be(y2)), sm2.xor(msg, sm2.kdf(be(x2) + be(y2), len(msg)))


@functools.cache
def zero_stream(size):
    """k, and the same ciphertext that it would give, with a key stream of `size` zeros."""
    k, shared = scalar("zero stream"), mul(scalar("zero stream"), POINT)
    while any(sm2.kdf(be(shared[0]) + be(shared[1]), size)):
        k, shared = k + 1, sm2.add(shared, POINT)
    return k, shared


def bad_ciphers(c1, c3, c2):
    """(words, encoding): what is not the DER of this ciphertext."""
    x, y, h, t = der_int(c1[0]), der_int(c1[1]), tlv(4, c3), tlv(4, c2)
    good = der_cipher(c1, c3, c2)
    yield "empty", b""
    yield "a byte after the sequence", good + b"\0"
    yield "cut by a byte", good[:-1]
    yield "a byte in the sequence after C2", tlv(0x30, x + y + h + t + b"\0")
    yield "a fifth field", tlv(0x30, x + y + h + t + der_int(1))
    yield "without C2", tlv(0x30, x + y + h)
    yield "empty C2", tlv(0x30, x + y + h + tlv(4, b""))
    yield "without C3", tlv(0x30, x + y + t)
    yield "C3 of 31 bytes", tlv(0x30, x + y + tlv(4, c3[:31]) + t)
    yield "C3 of 33 bytes", tlv(0x30, x + y + tlv(4, c3 + b"\0") + t)
    yield "empty C3", tlv(0x30, x + y + tlv(4, b"") + t)
    yield "C2 before C3", tlv(0x30, x + y + t + h)
    yield "C1 as an octet string", tlv(0x30, tlv(4, encode(c1)) + h + t)
    yield "indefinite length", b"\x30\x80" + x + y + h + t + b"\0\0"
    yield "length in long form with a leading zero", b"\x30\x82\0" + bytes([len(good) - 2 if good[1] < 128 else good[2]]) + x + y + h + t
    yield "length of C2 in long form", tlv(0x30, x + y + h + bytes([4, 0x81, len(c2)]) + c2)
    yield "length of C2 one too large", tlv(0x30, x + y + h + bytes([4, len(c2) + 1]) + c2)
    yield "length of C2 of 2^32", tlv(0x30, x + y + h + b"\4\x85\1\0\0\0\0" + c2)
    yield "a needless zero before x", tlv(0x30, tlv(2, b"\0\0" + be(c1[0])) + y + h + t)
    yield "x as its own negative", tlv(0x30, der_int(-c1[0]) + y + h + t)
    yield "x - p, negative", tlv(0x30, der_int(c1[0] - P) + y + h + t)
    yield "y - p, negative", tlv(0x30, x + der_int(c1[1] - P) + h + t)
    yield "x and y exchanged", tlv(0x30, y + x + h + t)
    yield "x + 2^256", tlv(0x30, der_int(c1[0] + 2**256) + y + h + t)
    yield "x of 1000 bytes", tlv(0x30, der_int(2**7999) + y + h + t)
    yield "x and y of 0", tlv(0x30, der_int(0) + der_int(0) + h + t)
    yield "a set instead of a sequence", tlv(0x31, x + y + h + t)
    yield "bit strings", tlv(0x30, x + y + tlv(3, c3) + tlv(3, c2))
    yield "the raw form", raw(c1, c3, c2)
    yield "the raw form in an octet string", tlv(4, raw(c1, c3, c2))


def pke_cases(name, form, add):
    parse = {"raw": sm2.from_raw, "der": sm2.parse_cipher}[name]

    def encrypted(comment, flag, k, msg=b"encryption standard", d=D):
        point = sm2.public_key(d)
        ct = form(*sm2.encrypt(point, msg, k))
        assert opens(d, parse, ct) == msg
        add(case(comment, flag, public=encode(point), private=be(d), k=be(k), msg=msg, ct=ct))

    def invalid(comment, flag, ct, d=D, result="invalid", msg=b""):
        if result == "invalid":
            assert opens(d, parse, ct) is None, comment
        add(case(comment, flag, result, private=be(d), msg=msg, ct=ct))

    for n in PKE_LENGTHS:
        encrypted(f"message of {n} bytes", "Length", scalar(f"pke {n}"), stream(f"sm2 pke {n}", n))
    for words, k in (("1", 1), ("2", 2), ("2^128", 2**128), ("n/2", N // 2), ("n-2", N - 2), ("n-1", N - 1)):
        encrypted(f"k = {words}", "SpecialNonce", k)
    for words, d in (("1", 1), ("2", 2), ("n-3", N - 3), ("n-2", N - 2)):
        encrypted(f"private key {words}", "SpecialKey", scalar("special key"), d=d)
    for index, coordinate in enumerate("xy"):
        k = next(k for k, point in walk(scalar("short " + coordinate)) if point[index] < 2**244)
        encrypted(f"small {coordinate} of C1", "ShortNumber", k)

    msg, k = stream("sm2 pke negative", 40), scalar("pke negative")
    c1, c3, c2 = sm2.encrypt(POINT, msg, k)
    for words, wrong in (("0", 0), ("n", N), ("n+1", N + 1), ("2^256-1", 2**256 - 1)):
        ct = form(*sm2.encrypt(POINT, msg, wrong % N)) if wrong % N else b""
        add(case(f"k = {words}", "NonceRange", "invalid", public=encode(POINT), k=be(wrong), msg=msg, ct=ct))
    for size in (1, 2):
        zero, shared = zero_stream(size)
        text = b"\x5a" * size
        ct = form(mul(zero, G), sm2.sm3(be(shared[0]) + text + be(shared[1])), text)
        fields = {"public": encode(POINT), "k": be(zero), "private": be(D), "msg": text, "ct": ct}
        assert opens(D, parse, ct) is None
        add(case(f"key stream of {size} zeros", "ZeroStream", "invalid", **fields))
    x2, y2 = mul(D, c1)
    empty = form(c1, sm2.sm3(be(x2) + be(y2)), b"")
    add(case("empty message", "EmptyMessage", "acceptable", public=encode(POINT), k=be(k), private=be(D), msg=b"", ct=empty))

    for bit in (*range(0, 256, 16), 7, 100, 255):
        invalid(f"bit {bit} of C3 flipped", "ModifiedHash", form(c1, flip(c3, bit), c2))
    invalid("C3 of zeros", "ModifiedHash", form(c1, bytes(32), c2))
    for bit in (0, 7, 8 * 31, 8 * 32, 8 * 40 - 1):
        invalid(f"bit {bit} of C2 flipped", "ModifiedText", form(c1, c3, flip(c2, bit)))
    invalid("C2 cut by a byte", "ModifiedText", form(c1, c3, c2[:-1]))
    invalid("a zero after C2", "ModifiedText", form(c1, c3, c2 + b"\0"))
    invalid("C2 of one byte", "ModifiedText", form(c1, c3, c2[:1]))
    invalid("-C1 instead of C1", "ModifiedText", form(sm2.neg(c1), c3, c2))
    invalid("another point as C1", "ModifiedText", form(POINT, c3, c2))
    invalid("the next private key", "WrongKey", form(c1, c3, c2), d=D + 1)
    invalid("the negative of the private key", "WrongKey", form(c1, c3, c2), d=N - D)
    for dy in (1, P - 1):
        off = c1[0], (c1[1] + dy) % P
        invalid(f"C1 with y{1 if dy == 1 else -1:+d}", "InvalidCurve", form(off, *with_secret(off, msg)))
    off = c1[0], 0
    shared = off if D % 2 else (0, 0)
    c3_off = sm2.sm3(be(shared[0]) + msg + be(shared[1]))
    ct = form(off, c3_off, sm2.xor(msg, sm2.kdf(be(shared[0]) + be(shared[1]), len(msg))))
    invalid("C1 with y = 0, of order 2", "InvalidCurve", ct)
    for x in [x for x in range(40) if sm2.lift(x, 0)][:2]:
        point = sm2.lift(x, 0)
        invalid(f"C1 with x = p+{x}", "UnreducedCoordinate", form((x + P, point[1]), *with_secret(point, msg)))
    if name == "der":
        for words, ct in bad_ciphers(c1, c3, c2):
            invalid(words, "InvalidEncoding", ct)
        return
    invalid("C1 C2 C3", "OldOrder", encode(c1) + c2 + c3)
    ct = encode(c1, True) + c3 + c2
    invalid("compressed C1", "CompressedPoint", ct, result="acceptable", msg=msg)
    for words, c1_bytes in bad_points():
        invalid("C1: " + words, "InvalidPoint", c1_bytes + c3 + c2)
    zero = sm2.sm3(bytes(32) + msg + bytes(32))
    invalid("C1 at infinity, secret of zeros", "InvalidPoint", b"\0" + zero + sm2.xor(msg, sm2.kdf(bytes(64), len(msg))))
    for n in (0, 1, 65, 96, 97):
        invalid(f"cut to {n} bytes", "ModifiedText", raw(c1, c3, c2)[:n])


# --- key exchange

EXCHANGE = {
    "Valid": "FUNCTIONALITY: an ordinary exchange",
    "Identity": "FUNCTIONALITY: identities of other lengths than the default one",
    "LongIdentity": "EDGE_CASE: an identity of more than 65535 bits, whose length Z cannot hold",
    "KeyLength": "FUNCTIONALITY: a length of the key at or beside a border of the key derivation",
    "ShortKey": "EDGE_CASE: a key of less than 16 bytes, which an implementation may refuse",
    "SpecialEphemeral": "EDGE_CASE: an ephemeral private key at a border",
    "SameKeys": "EDGE_CASE: both sides have the same key or the same identity",
    "Doubling": "FUNCTIONALITY: the peer's public point equals the multiple of its ephemeral point that is added to it",
    "Infinity": "AUTH_BYPASS: the common point is at infinity, so its secret is known to everybody",
    "ModifiedConfirmation": "AUTH_BYPASS: the peer's confirmation is wrong",
    "Reflection": "AUTH_BYPASS: the own confirmation comes back",
    "WrongInput": "AUTH_BYPASS: an identity or a point is not what the peer used",
    "InvalidEphemeral": "INVALID_KEY: the peer's ephemeral point is not on the curve, or is infinity",
    "InvalidCurve": "CONFIDENTIALITY: the peer's ephemeral point is on a curve with another b, where the formulas still work",
    "InvalidKey": "INVALID_KEY: the peer's public key is not on the curve, or is infinity",
    "Range": "INVALID_KEY: an own private key is out of range",
}
EMPTY = {"ephemeral": b"", "confirmation": b"", "shared": b""}


class Side:
    def __init__(self, label, id_=DEFAULT_ID, d=None, r=None):
        self.d, self.r, self.id = d or scalar(label + " key"), r or scalar(label + " ephemeral"), id_
        self.point, self.ephemeral = sm2.public_key(self.d), mul(self.r, G)


def view(initiator, own, peer, size):
    """What one side puts in and gets out."""
    own_r, key, s_b, s_a = sm2.exchange(
        initiator, own.d, own.r, own.id, peer.id, peer.point, peer.ephemeral, size
    )
    confirmation, theirs = (s_a, s_b) if initiator else (s_b, s_a)
    return {
        "role": "initiator" if initiator else "responder", "private": be(own.d), "ephemeralPrivate": be(own.r), "id": own.id,
        "peerPublic": encode(peer.point), "peerEphemeral": encode(peer.ephemeral), "peerId": peer.id,
        "peerConfirmation": theirs, "size": size, "ephemeral": encode(own_r), "confirmation": confirmation, "shared": key,
    }


def exchange_cases(add):
    def both(comment, flag, a, b, size=16, result="valid"):
        views = view(True, a, b, size), view(False, b, a, size)
        assert views[0]["shared"] == views[1]["shared"]
        assert views[0]["confirmation"] == views[1]["peerConfirmation"]
        for fields in views:
            add(case(comment, flag, result, **fields))

    for i in range(4):
        both(f"exchange {i}", "Valid", Side(f"a{i}"), Side(f"b{i}"))
    for n, m in ((0, 0), (0, 16), (18, 1), (255, 300), (8191, 8191)):
        both(f"identities of {n} and {m} bytes", "Identity", Side("a", stream(f"sm2 a {n}", n)), Side("b", stream(f"sm2 b {m}", m)))
    a, b = Side("a"), Side("b")
    for n in (17, 24, 31, 32, 33, 48, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1000, 1024):
        both(f"key of {n} bytes", "KeyLength", a, b, n)
    for n in (1, 8, 15):
        both(f"key of {n} bytes", "ShortKey", a, b, n, "acceptable")
    for words, r in (("1", 1), ("2", 2), ("2^127", 2**127), ("n-2", N - 2), ("n-1", N - 1)):
        both(f"ephemeral {words}", "SpecialEphemeral", Side("a", r=r), b)
        both(f"ephemeral {words} of the responder", "SpecialEphemeral", a, Side("b", r=r))
    both("the same ephemeral on both sides", "SpecialEphemeral", a, Side("b", r=a.r))
    both("the ephemeral is the key", "SpecialEphemeral", Side("a", r=a.d), b)
    both("the same key, other identities", "SameKeys", Side("a", b"Alice"), Side("b", b"Bob", d=a.d))
    both("the same key and identity", "SameKeys", a, Side("b", d=a.d))
    both("the same key, identity and ephemeral", "SameKeys", a, a)
    x_bar = sm2.short(b.ephemeral[0])
    both("P + [x]R is a doubling", "Doubling", a, Side("b", d=x_bar * b.r % N))

    lost = Side("b", d=-x_bar * b.r % N)
    for initiator in (True, False):
        good = view(initiator, a, b, 16)
        invalid = lambda comment, flag, **other: add(case(comment, flag, "invalid", **{**good, **EMPTY, **other}))
        # t = 0 for the peer, so P + [x]R is infinity; then t = 0 for ourselves. Whoever goes on computes with zeros.
        inner = lambda za, zb, ra, rb: sm2.sm3(bytes(32) + za + zb + b"".join(map(be, (*ra, *rb))))
        for comment, own, peer in (("the peer's sum is infinity", a, lost), ("the own sum is zero", lost, a)):
            first, second = (own, peer) if initiator else (peer, own)
            h = inner(sm2.za(first.id, first.point), sm2.za(second.id, second.point), first.ephemeral, second.ephemeral)
            fields = {
                "private": be(own.d), "ephemeralPrivate": be(own.r), "peerPublic": encode(peer.point),
                "peerEphemeral": encode(peer.ephemeral), "peerConfirmation": sm2.sm3((b"\2" if initiator else b"\3") + bytes(32) + h),
            }
            invalid(comment, "Infinity", **fields)
        tag = good["peerConfirmation"]
        for bit in (*range(0, 256, 32), 255):
            invalid(f"bit {bit} of the confirmation flipped", "ModifiedConfirmation", peerConfirmation=flip(tag, bit))
        invalid("confirmation of zeros", "ModifiedConfirmation", peerConfirmation=bytes(32))
        invalid("confirmation cut by a byte", "ModifiedConfirmation", peerConfirmation=tag[:-1])
        invalid("no confirmation", "ModifiedConfirmation", peerConfirmation=b"")
        invalid("the own confirmation", "Reflection", peerConfirmation=good["confirmation"])
        invalid("another identity of the peer", "WrongInput", peerId=b"1234567812345679")
        invalid("another own identity", "WrongInput", id=b"")
        invalid("another key of the peer", "WrongInput", peerPublic=encode(mul(7, G)))
        invalid("another ephemeral point of the peer", "WrongInput", peerEphemeral=encode(mul(7, G)))
        invalid("the own ephemeral point", "WrongInput", peerEphemeral=good["ephemeral"])
        invalid("the negative of the ephemeral point", "WrongInput", peerEphemeral=encode(sm2.neg(b.ephemeral)))
        invalid("another own key", "WrongInput", private=be(a.d + 1))
        invalid("other lengths of the identities", "WrongInput", id=DEFAULT_ID + b"\0")
        invalid("peer's identity of 8192 bytes", "LongIdentity", peerId=bytes(8192))
        invalid("own identity of 8192 bytes", "LongIdentity", id=bytes(8192))
        for words, point in bad_points():
            invalid("R: " + words, "InvalidEphemeral", peerEphemeral=point)
        off = Side("b")
        off.ephemeral = b.ephemeral[0], b.ephemeral[1] + 1
        invalid("R with y+1", "InvalidCurve", peerEphemeral=b"\4" + be(off.ephemeral[0]) + be(off.ephemeral[1]),
                peerConfirmation=view(initiator, a, off, 16)["peerConfirmation"])
        for words, point in bad_points():
            invalid("P: " + words, "InvalidKey", peerPublic=point)
        for words, value in (("0", 0), ("n-1", N - 1), ("n", N), ("2^256-1", 2**256 - 1)):
            invalid(f"private key {words}", "Range", private=be(value))
        for words, value in (("0", 0), ("n", N), ("2^256-1", 2**256 - 1)):
            invalid(f"ephemeral private key {words}", "Range", ephemeralPrivate=be(value))


def main():
    groups = Groups("Sm2PkeTest", SOURCE)
    pke_cases("raw", raw_of_any, lambda c: groups.add({"encoding": "raw"}, c))
    pke_cases("der", der_cipher, lambda c: groups.add({"encoding": "der"}, c))
    write("smrtc/sm2_pke_edges_test.json", "SM2", SCHEMA, HEADER, PKE, groups)
    groups = Groups("Sm2KeyExchangeTest", SOURCE)
    exchange_cases(lambda c: groups.add({}, c))
    write("smrtc/sm2_key_exchange_edges_test.json", "SM2", SCHEMA, HEADER, EXCHANGE, groups)


def raw_of_any(c1, c3, c2):
    """`encode` takes points of the curve; here are others too."""
    return b"\4" + be(c1[0]) + be(c1[1]) + c3 + c2


if __name__ == "__main__":
    main()
