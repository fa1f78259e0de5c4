"""SM4, written from GB/T 32907-2016. The S-box is computed from its algebra, and checked against
three published entries and the standard's example."""


def gf_mul(a, b, poly):
    r = 0
    while b:
        if b & 1:
            r ^= a
        a <<= 1
        if a & 0x100:
            a ^= poly
        b >>= 1
    return r


def gf_inverse(a, poly):
    r = 1
    for _ in range(254):  # a^254 = a^-1, and 0 -> 0
        r = gf_mul(r, a, poly)
    return r


def affine(x):
    """The circulant matrix whose first row is 0xD3, and the constant 0xD3."""
    y = 0
    for i in range(8):
        row = ((0xD3 >> i) | (0xD3 << (8 - i))) & 0xFF
        y |= (bin(row & x).count("1") & 1) << (7 - i)
    return y ^ 0xD3


SBOX = bytes(affine(gf_inverse(affine(x), 0x1F5)) for x in range(256))
assert SBOX[0] == 0xD6 and SBOX[0xEF] == 0x84 and SBOX[0xFF] == 0x48

FK = (0xA3B1BAC6, 0x56AA3350, 0x677D9197, 0xB27022DC)
CK = [int.from_bytes(bytes(((4 * i + j) * 7) % 256 for j in range(4)), "big") for i in range(32)]


def rotl(x, n):
    return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF


def tau(x):
    return int.from_bytes(bytes(SBOX[b] for b in x.to_bytes(4, "big")), "big")


def l(x):
    return x ^ rotl(x, 2) ^ rotl(x, 10) ^ rotl(x, 18) ^ rotl(x, 24)


def l_prime(x):
    return x ^ rotl(x, 13) ^ rotl(x, 23)


def round_keys(key):
    k = [int.from_bytes(key[4 * i : 4 * i + 4], "big") ^ FK[i] for i in range(4)]
    for i in range(32):
        k.append(k[i] ^ l_prime(tau(k[i + 1] ^ k[i + 2] ^ k[i + 3] ^ CK[i])))
    return k[4:]


def encryptor(key):
    rk = round_keys(key)

    def encrypt(block):
        x = [int.from_bytes(block[4 * i : 4 * i + 4], "big") for i in range(4)]
        for i in range(32):
            x.append(x[i] ^ l(tau(x[i + 1] ^ x[i + 2] ^ x[i + 3] ^ rk[i])))
        return b"".join(x[35 - i].to_bytes(4, "big") for i in range(4))

    return encrypt


_EXAMPLE = bytes.fromhex("0123456789abcdeffedcba9876543210")  # GB/T 32907 A.1
assert encryptor(_EXAMPLE)(_EXAMPLE).hex() == "681edf34d206965e86b3e94f536e4246"
