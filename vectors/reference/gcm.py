"""GCM over any 16-byte block cipher, written from NIST SP 800-38D."""

R = 0xE1 << 120


def gf128_mul(x, y):
    """Algorithm 1: bit 0 is the most significant."""
    z, v = 0, y
    for i in range(127, -1, -1):
        if x >> i & 1:
            z ^= v
        v = v >> 1 ^ (R if v & 1 else 0)
    return z


def ghash(h, data):
    assert len(data) % 16 == 0
    y = 0
    for i in range(0, len(data), 16):
        y = gf128_mul(y ^ int.from_bytes(data[i : i + 16], "big"), h)
    return y.to_bytes(16, "big")


def pad(data):
    return data + bytes(-len(data) % 16)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def inc32(block):
    return block[:12] + ((int.from_bytes(block[12:], "big") + 1) % 2**32).to_bytes(4, "big")


def gctr(encrypt, counter, data):
    out = b""
    for i in range(0, len(data), 16):
        out += xor(data[i : i + 16], encrypt(counter))
        counter = inc32(counter)
    return out


def _start(encrypt, nonce):
    h = int.from_bytes(encrypt(bytes(16)), "big")
    if len(nonce) == 12:
        return h, nonce + b"\0\0\0\1"
    return h, ghash(h, pad(nonce) + bytes(8) + (8 * len(nonce)).to_bytes(8, "big"))


def _tag(encrypt, h, j0, aad, ciphertext):
    lengths = (8 * len(aad)).to_bytes(8, "big") + (8 * len(ciphertext)).to_bytes(8, "big")
    return gctr(encrypt, j0, ghash(h, pad(aad) + pad(ciphertext) + lengths))


def seal(encrypt, nonce, aad, plaintext):
    h, j0 = _start(encrypt, nonce)
    ciphertext = gctr(encrypt, inc32(j0), plaintext)
    return ciphertext, _tag(encrypt, h, j0, aad, ciphertext)


def open_(encrypt, nonce, aad, ciphertext, tag):
    h, j0 = _start(encrypt, nonce)
    if _tag(encrypt, h, j0, aad, ciphertext) != tag:
        return None
    return gctr(encrypt, inc32(j0), ciphertext)
