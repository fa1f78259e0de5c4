"""AES, written from FIPS 197; here only so that `sframe.py` can be checked with RFC 9605's vectors."""

from sm4 import gf_inverse, gf_mul


def _rotations(x):
    r = 0
    for n in (1, 2, 3, 4):
        r ^= ((x << n) | (x >> (8 - n))) & 0xFF
    return r


SBOX = bytes(0x63 ^ i ^ _rotations(i) for i in (gf_inverse(x, 0x11B) for x in range(256)))


def _expand(key):
    nk = len(key) // 4
    w = [list(key[4 * i : 4 * i + 4]) for i in range(nk)]
    rcon = 1
    for i in range(nk, 4 * (nk + 7)):
        t = list(w[i - 1])
        if i % nk == 0:
            t = [SBOX[b] for b in t[1:] + t[:1]]
            t[0] ^= rcon
            rcon = gf_mul(rcon, 2, 0x11B)
        elif nk > 6 and i % nk == 4:
            t = [SBOX[b] for b in t]
        w.append([a ^ b for a, b in zip(w[i - nk], t)])
    return [sum(w[4 * r : 4 * r + 4], []) for r in range(nk + 7)]


def encryptor(key):
    rk = _expand(key)

    def encrypt(block):
        s = [a ^ b for a, b in zip(block, rk[0])]
        for r, k in enumerate(rk[1:], 1):
            s = [SBOX[s[(i + 4 * (i % 4)) % 16]] for i in range(16)]  # SubBytes, ShiftRows
            if r < len(rk) - 1:
                m = []
                for c in range(0, 16, 4):
                    for i in range(4):
                        a, b, d, e = (s[c + (i + j) % 4] for j in range(4))
                        m.append(gf_mul(a, 2, 0x11B) ^ gf_mul(b, 3, 0x11B) ^ d ^ e)
                s = m
            s = [a ^ b for a, b in zip(s, k)]
        return bytes(s)

    return encrypt


_KEY = bytes(range(16))  # FIPS 197 C.1
assert encryptor(_KEY)(bytes.fromhex("00112233445566778899aabbccddeeff")).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
