"""SM2, written from GB/T 32918.1 to .5: curve, signature, key exchange, public-key encryption. Plain integers, affine
points, one formula per line; slow, and nothing is constant time. A point is (x, y), or None at infinity."""

from sm3 import sm3

# GB/T 32918.5-2017, the recommended curve
P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
DEFAULT_ID = b"1234567812345678"  # GM/T 0009
MAX_ID_BYTES = 0xFFFF // 8  # ENTL counts bits in two bytes


class Invalid(ValueError):
    """What the standards say to refuse, or to draw again for."""


def be(value):
    return value.to_bytes(32, "big")


def num(data):
    return int.from_bytes(data, "big")


# --- the curve (GB/T 32918.1 section 3.2.3)


def on_curve(point):
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x * x + A * x + B)) % P == 0


def neg(point):
    return point and (point[0], -point[1] % P)


def add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        if (p[1] + q[1]) % P == 0:
            return None
        slope = (3 * p[0] * p[0] + A) * pow(2 * p[1], -1, P) % P
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P) % P
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def mul(k, point):
    r = None
    for bit in bin(k)[2:] if k else "":
        r = add(r, r)
        if bit == "1":
            r = add(r, point)
    return r


def sqrt(square):
    """p is 3 modulo 4."""
    root = pow(square, (P + 1) // 4, P)
    return root if root * root % P == square else None


def lift(x, odd):
    """The point with this x and an odd or even y, if there is one."""
    y = sqrt((x * x * x + A * x + B) % P)
    return None if y is None else (x, y if y % 2 == odd else P - y)


def encode(point, compressed=False):
    """GB/T 32918.1 section 4.2.9."""
    if point is None:
        return b"\0"
    x, y = point
    return bytes([2 + y % 2]) + be(x) if compressed else b"\4" + be(x) + be(y)


def decode(data):
    """GB/T 32918.1 section 4.2.10, without the mixed form; never the point at infinity."""
    if len(data) == 33 and data[0] in (2, 3):
        x = num(data[1:])
        point = lift(x, data[0] & 1) if x < P else None
        if point is None:
            raise Invalid("no point has this x")
        return point
    if len(data) != 65 or data[0] != 4:
        raise Invalid("not a point in uncompressed or compressed form")
    point = num(data[1:33]), num(data[33:])
    if not on_curve(point):
        raise Invalid("the point is not on the curve")
    return point


def public_key(d):
    """GB/T 32918.1 section 6.1: d is 1 to n-2."""
    if not 1 <= d <= N - 2:
        raise Invalid("a private key is 1 to n-2")
    return mul(d, G)


def ecdh(d, point):
    """The plain agreement of RFC 8998: the x coordinate of dP."""
    public_key(d)
    return be(mul(d, point)[0])


# --- signature (GB/T 32918.2)


def za(id_, point):
    """Section 5.5."""
    if len(id_) > MAX_ID_BYTES:
        raise Invalid("the identity has more than 65535 bits")
    parts = (A, B, *G, *point)
    return sm3((8 * len(id_)).to_bytes(2, "big") + id_ + b"".join(map(be, parts)))


def digest(id_, point, msg):
    return num(sm3(za(id_, point) + msg))


def sign(d, id_, msg, k):
    """Section 6.1, with the given k: (r, s)."""
    e = digest(id_, public_key(d), msg)
    if not 1 <= k < N:
        raise Invalid("k is 1 to n-1")
    r = (e + mul(k, G)[0]) % N
    s = pow(1 + d, -1, N) * (k - r * d) % N
    if r == 0 or r + k == N or s == 0:
        raise Invalid("this k gives no signature")
    return r, s


def verify(point, id_, msg, r, s):
    """Section 7.1."""
    return verify_digest(point, digest(id_, point, msg), r, s)


def verify_digest(point, e, r, s):
    if not (1 <= r < N and 1 <= s < N):
        return False
    t = (r + s) % N
    if t == 0:
        return False
    sum_ = add(mul(s, G), mul(t, point))
    return sum_ is not None and (e + sum_[0]) % N == r


# --- key derivation (GB/T 32918.4 section 5.4.3, 32918.3 section 5.4.3)


def kdf(z, size):
    blocks = (size + 31) // 32
    return b"".join(sm3(z + i.to_bytes(4, "big")) for i in range(1, blocks + 1))[:size]


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


# --- public-key encryption (GB/T 32918.4): (C1 as a point, C3, C2)


def encrypt(point, msg, k):
    """Section 6.1, with the given k."""
    if not 1 <= k < N:
        raise Invalid("k is 1 to n-1")
    x2, y2 = mul(k, point)
    t = kdf(be(x2) + be(y2), len(msg))
    if not any(t):
        raise Invalid("the key stream is all zero: another k")
    return mul(k, G), sm3(be(x2) + msg + be(y2)), xor(msg, t)


def decrypt(d, c1, c3, c2):
    """Section 7.1."""
    public_key(d)
    x2, y2 = mul(d, c1)
    t = kdf(be(x2) + be(y2), len(c2))
    if not any(t):
        raise Invalid("the key stream is all zero")
    msg = xor(c2, t)
    if sm3(be(x2) + msg + be(y2)) != c3:
        raise Invalid("C3 is not the hash of what was decrypted")
    return msg


def raw(c1, c3, c2):
    return encode(c1) + c3 + c2


def from_raw(data):
    size = 33 if data[:1] in (b"\2", b"\3") else 65
    if len(data) <= size + 32:
        raise Invalid("too short for C1, C3 and C2")
    return decode(data[:size]), data[size : size + 32], data[size + 32 :]


# --- key exchange (GB/T 32918.3)


def short(x):
    """Section 6.1, steps A4 and B3, with w = 127."""
    return 2**127 + (x & 2**127 - 1)


def exchange(initiator, d, r, id_, peer_id, peer_point, peer_r, size):
    """One side: (own ephemeral point, key, S_B = S_1, S_A = S_2)."""
    own_point, own_r = public_key(d), mul(r, G)
    t = (d + short(own_r[0]) * r) % N
    point = mul(t, add(peer_point, mul(short(peer_r[0]), peer_r)))
    if point is None:
        raise Invalid("U or V is the point at infinity")
    own, peer = (za(id_, own_point), own_r), (za(peer_id, peer_point), peer_r)
    (z_a, r_a), (z_b, r_b) = (own, peer) if initiator else (peer, own)
    x, y = map(be, point)
    inner = sm3(x + z_a + z_b + b"".join(map(be, (*r_a, *r_b))))
    return own_r, kdf(x + y + z_a + z_b, size), sm3(b"\2" + y + inner), sm3(b"\3" + y + inner)


# --- DER (ITU-T X.690) of SM2Signature and SM2Cipher (GM/T 0009 sections 7.3 and 7.2)


def tlv(tag, content):
    n = len(content)
    if n < 128:
        return bytes([tag, n]) + content
    length = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def der_int(value):
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def der_signature(r, s):
    return tlv(0x30, der_int(r) + der_int(s))


def der_cipher(c1, c3, c2):
    return tlv(0x30, der_int(c1[0]) + der_int(c1[1]) + tlv(4, c3) + tlv(4, c2))


def _item(data, tag):
    """Splits a value with this tag off; only what `tlv` would write."""
    if len(data) < 2 or data[0] != tag:
        raise Invalid("another tag, or nothing, where a value must be")
    head, n = 2, data[1]
    if n & 0x80:
        head += n & 0x7F
        n = num(data[2:head])
    content = data[head : head + n]
    if len(content) != n or tlv(tag, content) != data[: head + n]:
        raise Invalid("truncated, or a length not in DER")
    return content, data[head + n :]


def _uint(data):
    content, rest = _item(data, 2)
    value = int.from_bytes(content, "big", signed=True)
    if value < 0 or der_int(value) != tlv(2, content):
        raise Invalid("negative, or not the shortest form")
    return value, rest


def _sequence(data):
    content, rest = _item(data, 0x30)
    if rest:
        raise Invalid("bytes after the sequence")
    return content


def parse_signature(data):
    r, rest = _uint(_sequence(data))
    s, rest = _uint(rest)
    if rest:
        raise Invalid("more than r and s")
    return r, s


def parse_cipher(data):
    x, rest = _uint(_sequence(data))
    y, rest = _uint(rest)
    c3, rest = _item(rest, 4)
    c2, rest = _item(rest, 4)
    if rest or len(c3) != 32 or not c2:
        raise Invalid("not x, y, 32 bytes of hash and a text")
    if not on_curve((x, y)):
        raise Invalid("C1 is not on the curve")
    return (x, y), c3, c2


# The worked example of signature of GB/T 32918.5-2017 A.2
_D = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
_K = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
assert on_curve(G) and mul(N, G) is None
assert sign(_D, DEFAULT_ID, b"message digest", _K) == (
    0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3,
    0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA,
)
