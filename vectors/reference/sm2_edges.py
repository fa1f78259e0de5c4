"""Writes edge cases of SM2 signatures and of its curve, computed by the reference in this folder.

    python3 -B vectors/reference/sm2_edges.py        # half a minute; the same bytes each time

Not here, because nobody can make them: a signature with r + k = n or s = 0, and a digest of n or more. Each would take
a preimage of SM3, or 2^32 tries and more.
"""

import sm2
from convert import key_parameters, secret_parameters
from generate import stream
from sm2 import DEFAULT_ID, G, N, P, be, der_int, der_signature, encode, mul, num, tlv
from testfile import Groups, write

SCHEMA = "vectors/schema/sm2_test_schema.json"
SOURCE = "vectors/reference/sm2_edges.py (SM2 in plain Python, from GB/T 32918)"
HEADER = ["Edge cases of SM2, computed by a plain-Python implementation of the standards."]

D = num(stream("sm2 edges key", 32)) % (N - 2) + 1
POINT = sm2.public_key(D)
MSG = b"message digest"


def scalar(label):
    return num(stream("sm2 edges " + label, 32)) % (N - 1) + 1


def walk(k):
    """(k, kG) from this k on, an addition each."""
    point = mul(k, G)
    while True:
        yield k, point
        k, point = k + 1, sm2.add(point, G)


def case(comment, flag, result="valid", **fields):
    return {"comment": comment, "flags": [flag], "result": result, **fields}


def flip(data, bit):
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


# --- signatures

VERIFY = {
    "Valid": "FUNCTIONALITY: an ordinary signature",
    "Identity": "FUNCTIONALITY: identities of other lengths than the default one",
    "LongestIdentity": "EDGE_CASE: the longest identity that Z_A can hold; OpenSSL stops one byte before",
    "LongIdentity": "EDGE_CASE: an identity of more than 65535 bits, whose length Z_A cannot hold",
    "MessageLength": "FUNCTIONALITY: lengths of a message at borders of SM3 and of its padding",
    "ShortNumber": "FUNCTIONALITY: r or s is so small that its INTEGER is shorter",
    "CompressedKey": "FUNCTIONALITY: the public key is a compressed point",
    "MixedForm": "EDGE_CASE: the mixed form of GB/T 32918.1 section 4.2.9, which few implementations take",
    "SpecialKey": "EDGE_CASE: a private key at a border, so a public key near G",
    "Range": "AUTH_BYPASS: r or s is not from 1 to n-1",
    "SumIsN": "AUTH_BYPASS: r + s = n, so t = 0",
    "WrongInput": "AUTH_BYPASS: the identity, the message or the key is not what was signed",
    "ModifiedSignature": "AUTH_BYPASS: a bit of the signature is flipped",
    "WrongScheme": "AUTH_BYPASS: a signature by another formula",
    "InvalidEncoding": "SIGNATURE_MALLEABILITY: not DER, or not one sequence of two integers",
    "InvalidKey": "INVALID_KEY: the public key is not a point of the curve, or is infinity",
}


def small(bound, pick, e):
    """k with a small r or s, and the signature."""
    inverse = pow(1 + D, -1, N)
    for k, point in walk(scalar(f"small {pick}")):
        r = (e + point[0]) % N
        s = inverse * (k - r * D) % N
        if (r, s)[pick] < bound:
            return k, r, s


def not_der(r, s):
    """(words, encoding): what is not the DER of this signature, though some parsers take it."""
    good, ri, si = der_signature(r, s), der_int(r), der_int(s)
    body = ri + si
    pad = lambda v: tlv(2, b"\0" + v.to_bytes(v.bit_length() // 8 + 1, "big"))
    yield "empty", b""
    yield "sequence without content", tlv(0x30, b"")
    yield "a byte after the sequence", good + b"\0"
    yield "a byte in the sequence after s", tlv(0x30, body + b"\0")
    yield "a third integer", tlv(0x30, body + der_int(1))
    yield "r alone", tlv(0x30, ri)
    yield "cut by a byte", good[:-1]
    yield "cut within r", good[:10]
    yield "length of the sequence one too small", bytes([0x30, good[1] - 1]) + good[2:]
    yield "length of the sequence one too large", bytes([0x30, good[1] + 1]) + good[2:]
    yield "length of the sequence in long form", bytes([0x30, 0x81]) + good[1:]
    yield "length of the sequence with a leading zero", bytes([0x30, 0x82, 0]) + good[1:]
    yield "indefinite length", b"\x30\x80" + body + b"\0\0"
    yield "length of r in long form", tlv(0x30, bytes([2, 0x81, len(ri) - 2]) + ri[2:] + si)
    yield "length of s in long form", tlv(0x30, ri + bytes([2, 0x81, len(si) - 2]) + si[2:])
    yield "length of r of 2^32", tlv(0x30, b"\2\x85\1\0\0\0\0" + ri[2:] + si)
    yield "a needless zero before r", tlv(0x30, pad(r) + si)
    yield "a needless zero before s", tlv(0x30, ri + pad(s))
    yield "r as its own negative", tlv(0x30, der_int(-r) + si)
    yield "s as its own negative", tlv(0x30, ri + der_int(-s))
    yield "r - n, negative", tlv(0x30, der_int(r - N) + si)
    yield "s - n, negative", tlv(0x30, ri + der_int(s - N))
    yield "r and s without sign bytes", tlv(0x30, tlv(2, be(r)) + tlv(2, be(s)))
    yield "r and s exchanged", der_signature(s, r)
    yield "a set instead of a sequence", tlv(0x31, body)
    yield "a context tag instead of a sequence", tlv(0xA0, body)
    yield "octet strings instead of integers", tlv(0x30, tlv(4, be(r)) + tlv(4, be(s)))
    yield "an enumerated instead of r", tlv(0x30, b"\x0a" + ri[1:] + si)
    yield "r as an integer without content", tlv(0x30, b"\2\0" + si)
    yield "r as null", tlv(0x30, b"\5\0" + si)
    yield "r as a boolean", tlv(0x30, b"\1\1\xff" + si)
    yield "two sequences in a sequence", tlv(0x30, good)
    yield "in a bit string", tlv(3, b"\0" + good)
    yield "r and s bare, 64 bytes", be(r) + be(s)


def bad_points():
    """(words, encoding): what is no public key."""
    x, y = POINT
    good = encode(POINT)
    no_x = next(v for v in range(1, 99) if sm2.lift(v, 0) is None)
    yield "empty", b""
    yield "infinity", b"\0"
    yield "infinity, 65 zeros", bytes(65)
    yield "coordinates of zero", b"\4" + bytes(64)
    yield "y one too large, on a curve with another b", b"\4" + be(x) + be(y + 1)
    yield "x one too large", b"\4" + be(x + 1) + be(y)
    yield "x and y exchanged", b"\4" + be(y) + be(x)
    yield "y as p - y, and a bit more", b"\4" + be(x) + be(P - y + 1)
    yield "y of p", b"\4" + be(x) + be(P)
    yield "x of p", b"\4" + be(P) + be(y)
    yield "all ones", b"\4" + b"\xff" * 64
    yield "one byte short", good[:-1]
    yield "one byte long", good + b"\0"
    yield "without the first byte", good[1:]
    yield "the first byte is 5", b"\5" + good[1:]
    yield "the first byte is 2 with both coordinates", b"\2" + good[1:]
    yield "compressed, one byte short", encode(POINT, True)[:-1]
    yield "compressed, x of no point", b"\2" + be(no_x)
    yield "compressed, x of p", b"\2" + be(P)


def verify_cases(add):
    sign = lambda label, id_=DEFAULT_ID, msg=MSG, d=D: sm2.sign(d, id_, msg, scalar(label))

    def signed(comment, flag, id_=DEFAULT_ID, msg=MSG, result="valid", d=D):
        r, s = sign(comment, id_, msg, d)
        add(sm2.public_key(d), case(comment, flag, result, id=id_, msg=msg, sig=der_signature(r, s)))

    for i in range(8):
        signed(f"signature {i}", "Valid", msg=stream(f"sm2 message {i}", 32 + i))
    for n in (0, 1, 2, 8, 18, 31, 32, 33, 55, 64, 255, 1000, 8190):
        signed(f"identity of {n} bytes", "Identity", id_=stream(f"sm2 id {n}", n))
    signed("identity of 8191 bytes", "LongestIdentity", id_=stream("sm2 id 8191", 8191), result="acceptable")
    for id_ in (b"\0", b"\0" * 16, b"\xff" * 16, "张三@例子.中国".encode()):
        signed("identity " + id_.hex(), "Identity", id_=id_)
    for n in (0, 1, 22, 23, 24, 31, 32, 33, 63, 64, 86, 87, 88, 127, 128, 300, 1000, 4097):
        signed(f"message of {n} bytes", "MessageLength", msg=stream(f"sm2 length {n}", n))
    for words, d in (("1", 1), ("2", 2), ("3", 3), ("2^128", 2**128), ("n/2", N // 2), ("n-3", N - 3), ("n-2", N - 2)):
        signed(f"private key {words}", "SpecialKey", d=d)
    e = sm2.digest(DEFAULT_ID, POINT, MSG)
    for pick, name in enumerate("rs"):
        _, r, s = small(2**244, pick, e)
        add(POINT, case(f"small {name}", "ShortNumber", id=DEFAULT_ID, msg=MSG, sig=der_signature(r, s)))

    # Both with a first bit of 1, so that DER needs its sign byte.
    r, s = next(rs for i in range(99) if min(rs := sign(f"negative {i}")) >= 2**255)
    sig, inputs = der_signature(r, s), {"id": DEFAULT_ID, "msg": MSG}
    add(encode(POINT, True), case("compressed key", "CompressedKey", **inputs, sig=sig))
    add(bytes([6 + POINT[1] % 2]) + encode(POINT)[1:], case("key in mixed form", "MixedForm", "acceptable", **inputs, sig=sig))
    invalid = lambda comment, flag, sig=sig, key=POINT, **other: add(
        key, case(comment, flag, "invalid", **{**inputs, **other}, sig=sig)
    )
    invalid("compressed key of the other sign", "WrongInput", key=encode(sm2.neg(POINT), True))
    invalid("negative of the key", "WrongInput", key=sm2.neg(POINT))
    invalid("G as the key", "WrongInput", key=G)
    invalid("-G as the key, whose private key signs for nobody", "WrongInput", key=sm2.neg(G))
    invalid("another message", "WrongInput", msg=MSG + b"\0")
    invalid("no message", "WrongInput", msg=b"")
    invalid("another identity", "WrongInput", id=b"1234567812345679")
    invalid("no identity", "WrongInput", id=b"")
    invalid("an identity one byte longer", "WrongInput", id=DEFAULT_ID + b"\0")
    invalid("the border of identity and message moved", "WrongInput", id=DEFAULT_ID + MSG[:1], msg=MSG[1:])
    long = 8192
    for n in (long, long + 16):
        # What an implementation comes to that lets ENTL overflow.
        id_ = stream("sm2 overflow", n)
        parts = b"".join(map(be, (sm2.A, sm2.B, *G, *POINT)))
        overflown = sm2.sm3((8 * n % 65536).to_bytes(2, "big") + id_ + parts)
        r2, s2 = sign_digest(num(sm2.sm3(overflown + MSG)), scalar("overflow"))
        invalid(f"identity of {n} bytes", "LongIdentity", sig=der_signature(r2, s2), id=id_)
    for bit in (0, 1, 7, 8, 100, 255, 256, 257, 300, 511):
        both = flip(be(r) + be(s), bit)
        invalid(f"bit {bit} flipped", "ModifiedSignature", der_signature(num(both[:32]), num(both[32:])))
    for words, r2, s2 in (
        ("r = 0", 0, s), ("s = 0", r, 0), ("r = s = 0", 0, 0), ("r = n", N, s), ("s = n", r, N), ("r = s = n", N, N),
        ("r + n", r + N, s), ("s + n", r, s + N), ("r + 2^256", r + 2**256, s), ("s + 2^256", r, s + 2**256),
        ("r = n + 1", N + 1, s), ("r = 2^256 - 1", 2**256 - 1, s), ("s = 2^256 - 1", r, 2**256 - 1),
        ("r = p", P, s), ("r = 0, s = n", 0, N), ("r of 1000 bytes", 2**7999, s), ("s of 1000 bytes", r, 2**7999),
    ):
        invalid(words, "Range", der_signature(r2, s2))
    for words, r2 in (("r", r), ("1", 1), ("n-1", N - 1), ("n/2", N // 2), ("a random number", scalar("sum"))):
        invalid(f"r = {words}, s = n - r", "SumIsN", der_signature(r2, N - r2))
    for words, r2, s2 in (("1, 1", 1, 1), ("1, n-2", 1, N - 2), ("n-1, n-1", N - 1, N - 1), ("r, n-s", r, N - s), ("n-r, s", N - r, s)):
        invalid(f"r, s = {words}", "ModifiedSignature", der_signature(r2, s2))
    # ECDSA over the same digest, and SM2 over a digest without Z_A, with the same key.
    k = scalar("scheme")
    r2 = mul(k, G)[0] % N
    invalid("ECDSA over the same digest", "WrongScheme", der_signature(r2, (e + r2 * D) * pow(k, -1, N) % N))
    bare = num(sm2.sm3(MSG))
    invalid("the digest without Z_A", "WrongScheme", der_signature(*sign_digest(bare, k)))
    swapped = num(sm2.sm3(MSG + sm2.za(DEFAULT_ID, POINT)))
    invalid("Z_A after the message", "WrongScheme", der_signature(*sign_digest(swapped, k)))
    for words, encoding in not_der(r, s):
        invalid(words, "ModifiedSignature" if "exchanged" in words else "InvalidEncoding", encoding)
    for words, key in bad_points():
        invalid(words, "InvalidKey", key=key)


def sign_digest(e, k):
    r = (e + mul(k, G)[0]) % N
    return r, pow(1 + D, -1, N) * (k - r * D) % N


SIGN = {
    "Valid": "FUNCTIONALITY: an ordinary signature with a given nonce",
    "Identity": VERIFY["Identity"],
    "LongestIdentity": VERIFY["LongestIdentity"],
    "LongIdentity": VERIFY["LongIdentity"],
    "SpecialNonce": "EDGE_CASE: a nonce at a border",
    "SpecialKey": VERIFY["SpecialKey"],
    "ShortNumber": VERIFY["ShortNumber"],
    "NonceRange": "EDGE_CASE: k is not from 1 to n-1",
    "KeyRange": "INVALID_KEY: the private key is not from 1 to n-2",
}


def sign_cases(add):
    def signed(comment, flag, k, d=D, id_=DEFAULT_ID, msg=MSG, result="valid"):
        sig = der_signature(*sm2.sign(d, id_, msg, k))
        add(secret_parameters(d), case(comment, flag, result, id=id_, msg=msg, k=be(k), sig=sig))

    for i in range(8):
        signed(f"signature {i}", "Valid", scalar(f"sign {i}"), msg=stream(f"sm2 sign {i}", 20 * i))
    for n in (0, 1, 18, 255, 8190):
        signed(f"identity of {n} bytes", "Identity", scalar(f"sign id {n}"), id_=stream(f"sm2 id {n}", n))
    longest = stream("sm2 id 8191", 8191)
    signed("identity of 8191 bytes", "LongestIdentity", scalar("sign id 8191"), id_=longest, result="acceptable")
    specials = (("1", 1), ("2", 2), ("3", 3), ("16", 16), ("2^128", 2**128), ("n/2", N // 2), ("2^255", 2**255), ("n-2", N - 2))
    for words, k in (*specials, ("n-1", N - 1)):
        signed(f"k = {words}", "SpecialNonce", k)
    for words, d in specials:
        signed(f"private key {words}", "SpecialKey", scalar("special key"), d=d)
    e = sm2.digest(DEFAULT_ID, POINT, MSG)
    for pick, name in enumerate("rs"):
        signed(f"small {name}", "ShortNumber", small(2**244, pick, e)[0])
    for words, k in (("0", 0), ("n", N), ("n+1", N + 1), ("2^256-1", 2**256 - 1)):
        # What an implementation comes to that reduces k.
        sig = der_signature(*sign_digest(e, k % N)) if k % N else b""
        fields = {"id": DEFAULT_ID, "msg": MSG, "k": be(k), "sig": sig}
        add(secret_parameters(D), case(f"k = {words}", "NonceRange", "invalid", **fields))
    add(secret_parameters(D), case(
        "identity of 8192 bytes", "LongIdentity", "invalid", id=stream("sm2 id 8192", 8192), msg=MSG, k=be(5), sig=b"",
    ))
    for words, d in (("0", 0), ("n-1", N - 1), ("n", N), ("n+1", N + 1), ("2^256-1", 2**256 - 1)):
        parameters = {"privateKey": {"curve": "curveSM2", "secret": be(d).hex(), "public": encode(mul(d % N, G)).hex()}, "sha": "SM3"}
        fields = {"id": DEFAULT_ID, "msg": MSG, "k": be(5), "sig": b""}
        add(parameters, case(f"private key {words}", "KeyRange", "invalid", **fields))


# --- the curve

CURVE = {
    "Scalar": "FUNCTIONALITY: a private key of a pattern that multiplication may stumble over",
    "KeyRange": SIGN["KeyRange"],
    "KeyLength": "INVALID_KEY: a private key has 32 bytes",
    "Point": "FUNCTIONALITY: a point with special coordinates",
    "CompressedKey": VERIFY["CompressedKey"],
    "ShortShared": "FUNCTIONALITY: the shared x coordinate begins with zeros",
    "InvalidKey": VERIFY["InvalidKey"],
    "InvalidCurve": "CONFIDENTIALITY: the point is on a curve with another b, where the formulas still work",
    "UnreducedCoordinate": "INVALID_KEY: a coordinate is p or more, and right modulo p",
}


def scalars():
    yield from ((str(v), v) for v in range(1, 18))
    for bit in (5, 8, 31, 32, 63, 64, 127, 128, 192, 255):
        for d in (-1, 0, 1):
            if 2**bit + d < N - 1:
                yield f"2^{bit}{d:+d}" if d else f"2^{bit}", 2**bit + d
    yield from ((f"n-{v}", N - v) for v in range(2, 18))
    yield from ((f"n/2{d:+d}", N // 2 + d) for d in (-1, 0, 1, 2))
    for byte in ("01", "0f", "10", "33", "55", "7f", "80", "aa", "f0"):
        yield f"all {byte}", int(byte * 32, 16)
    yield "ones and zeros in words", int(("0" * 8 + "f" * 8) * 4, 16)
    yield "high half", int("f" * 7 + "e" + "f" * 24 + "0" * 32, 16)


def points():
    """(words, point): small x, large x, small y."""
    xs = [x for x in range(40) if sm2.lift(x, 0)]
    yield from ((f"x = {x}", sm2.lift(x, 0)) for x in xs[:5])
    yield from ((f"x = {x}, odd", sm2.lift(x, 1)) for x in xs[:2])
    large = [x for x in range(P - 40, P) if sm2.lift(x, 0)]
    yield from ((f"x = p-{P - x}", sm2.lift(x, 1)) for x in large[-4:])
    yield from ((f"x = 2^{bit}", point) for bit in range(60, 256, 28) if (point := sm2.lift(2**bit, 0)))
    yield from ((f"{k}G", mul(k, G)) for k in (1, 2, 3, 5, 16, N - 1, N - 2))


def curve_cases(keys, ecdh):
    for words, d in scalars():
        keys({"curve": "curveSM2"}, case(f"private key {words}", "Scalar", private=be(d), public=encode(sm2.public_key(d))))
    for words, d in (("0", 0), ("n-1", N - 1), ("n", N), ("n+1", N + 1), ("2^256-1", 2**256 - 1)):
        public = encode(mul(d % N, G))
        keys({"curve": "curveSM2"}, case(f"private key {words}", "KeyRange", "invalid", private=be(d), public=public))
    for private in (b"", b"\1", be(7)[1:], b"\0" + be(7)):
        keys({"curve": "curveSM2"}, case(
            f"private key of {len(private)} bytes", "KeyLength", "invalid", private=private, public=encode(mul(num(private), G)),
        ))

    parameters = {"curve": "curveSM2", "encoding": "ecpoint"}

    def agree(comment, flag, d, public, shared, result="valid"):
        ecdh(parameters, case(comment, flag, result, public=public, private=be(d), shared=shared))

    q = mul(scalar("peer"), G)
    for words, d in scalars():
        agree(f"private key {words}", "Scalar", d, encode(q), sm2.ecdh(d, q))
    for words, point in points():
        agree(f"point {words}", "Point", D, encode(point), sm2.ecdh(D, point))
        agree(f"point {words}, private key 2", "Point", 2, encode(point), sm2.ecdh(2, point))
        agree(f"point {words}, compressed", "CompressedKey", D, encode(point, True), sm2.ecdh(D, point))
    found = 0
    shared = mul(scalar("short"), POINT)
    for j in range(scalar("short"), N):
        if shared[0] < 2 ** (248 - 4 * found):
            agree(f"shared x below 2^{248 - 4 * found}", "ShortShared", D, encode(mul(j, G)), be(shared[0]))
            found += 1
        if found == 3:
            break
        shared = sm2.add(shared, POINT)
    for words, d in (("0", 0), ("n-1", N - 1), ("n", N), ("n+1", N + 1)):
        point = mul(d % N, q)
        agree(f"private key {words}", "KeyRange", d, encode(q), be(point[0]) if point else b"", "invalid")
    for words, public in bad_points():
        agree(words, "InvalidKey", D, public, b"", "invalid")
    for dy in (1, 2, P - 1):
        x, y = q[0], (q[1] + dy) % P
        agree(f"y{dy if dy < 3 else -1:+d}", "InvalidCurve", D, b"\4" + be(x) + be(y), be(mul(D, (x, y))[0]), "invalid")
    # (x, 0) has order 2 on its curve: the secret would be a bit of the private key.
    agree("y = 0", "InvalidCurve", D, b"\4" + be(q[0]) + be(0), be(q[0]) if D % 2 else b"", "invalid")
    for x in [x for x in range(40) if sm2.lift(x, 0)][:3]:
        point = sm2.lift(x, 0)
        agree(f"x = p+{x}", "UnreducedCoordinate", D, b"\4" + be(x + P) + be(point[1]), sm2.ecdh(D, point), "invalid")
        agree(f"x = p+{x}, compressed", "UnreducedCoordinate", D, b"\2" + be(x + P), sm2.ecdh(D, point), "invalid")


def main():
    verifying, signing = Groups("Sm2Verify", SOURCE), Groups("Sm2Sign", SOURCE)
    verify_cases(lambda key, c: verifying.add(key_parameters(key), c))
    sign_cases(signing.add)
    write("smrtc/sm2_verify_edges_test.json", "SM2", SCHEMA, HEADER, VERIFY, verifying)
    write("smrtc/sm2_sign_edges_test.json", "SM2", SCHEMA, HEADER, SIGN, signing)
    keys, ecdh = Groups("Sm2PublicKeyTest", SOURCE), Groups("EcdhEcpointTest", SOURCE)
    curve_cases(keys.add, ecdh.add)
    write("smrtc/sm2_curve_edges_test.json", "SM2", SCHEMA, HEADER, CURVE, keys, ecdh)


if __name__ == "__main__":
    main()
