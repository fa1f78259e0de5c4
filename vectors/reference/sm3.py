"""SM3, written from GB/T 32905-2016. Slow on purpose: plain integers, one formula per line."""

MASK = 0xFFFFFFFF
IV = (0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E)


def rotl(x, n):
    n %= 32
    return ((x << n) | (x >> (32 - n))) & MASK


def p0(x):
    return x ^ rotl(x, 9) ^ rotl(x, 17)


def p1(x):
    return x ^ rotl(x, 15) ^ rotl(x, 23)


def compress(v, block):
    w = [int.from_bytes(block[4 * i : 4 * i + 4], "big") for i in range(16)]
    for j in range(16, 68):
        w.append(p1(w[j - 16] ^ w[j - 9] ^ rotl(w[j - 3], 15)) ^ rotl(w[j - 13], 7) ^ w[j - 6])
    a, b, c, d, e, f, g, h = v
    for j in range(64):
        t = 0x79CC4519 if j < 16 else 0x7A879D8A
        ss1 = rotl((rotl(a, 12) + e + rotl(t, j)) & MASK, 7)
        ss2 = ss1 ^ rotl(a, 12)
        ff = a ^ b ^ c if j < 16 else (a & b) | (a & c) | (b & c)
        gg = e ^ f ^ g if j < 16 else (e & f) | (~e & MASK & g)
        tt1 = (ff + d + ss2 + (w[j] ^ w[j + 4])) & MASK
        tt2 = (gg + h + ss1 + w[j]) & MASK
        a, b, c, d = tt1, a, rotl(b, 9), c
        e, f, g, h = p0(tt2), e, rotl(f, 19), g
    return tuple(x ^ y for x, y in zip(v, (a, b, c, d, e, f, g, h)))


def sm3(message):
    padded = message + b"\x80" + bytes((55 - len(message)) % 64) + (8 * len(message)).to_bytes(8, "big")
    v = IV
    for i in range(0, len(padded), 64):
        v = compress(v, padded[i : i + 64])
    return b"".join(x.to_bytes(4, "big") for x in v)


assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"  # GB/T 32905 A.1
