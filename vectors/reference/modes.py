"""ECB, CBC, CFB, OFB, CTR (NIST SP 800-38A, GB/T 17964), CCM (NIST SP 800-38C, RFC 3610) and XTS (IEEE 1619,
GB/T 17964-2021) of a 16-byte block cipher. For encryption only where decryption needs the inverse cipher: SM4
with its round keys reversed is its own inverse, so `decryptor` is here too."""

import sm4
from gcm import xor


def decryptor(key):
    rk = sm4.round_keys(key)[::-1]

    def decrypt(block):
        x = [int.from_bytes(block[4 * i : 4 * i + 4], "big") for i in range(4)]
        for i in range(32):
            x.append(x[i] ^ sm4.l(sm4.tau(x[i + 1] ^ x[i + 2] ^ x[i + 3] ^ rk[i])))
        return b"".join(x[35 - i].to_bytes(4, "big") for i in range(4))

    return decrypt


def blocks(data):
    if len(data) % 16:
        raise ValueError("not whole blocks")
    return [data[i : i + 16] for i in range(0, len(data), 16)]


def pkcs7(data):
    n = 16 - len(data) % 16
    return data + bytes([n]) * n


def pkcs7_strip(data):
    n = data[-1] if data else 0
    if not 1 <= n <= 16 or len(data) % 16 or data[-n:] != bytes([n]) * n:
        raise ValueError("wrong padding")
    return data[:-n]


def ecb(cipher, data):
    return b"".join(cipher(b) for b in blocks(data))


def cbc_encrypt(encrypt, iv, data):
    out, last = b"", iv
    for b in blocks(data):
        last = encrypt(xor(b, last))
        out += last
    return out


def cbc_decrypt(decrypt, iv, data):
    out, last = b"", iv
    for b in blocks(data):
        out += xor(decrypt(b), last)
        last = b
    return out


def ctr(encrypt, iv, data):
    """The whole block counts (SP 800-38A B.1), unlike GCM's 32 bits."""
    out, counter = b"", int.from_bytes(iv, "big")
    for i in range(0, len(data), 16):
        out += xor(data[i : i + 16], encrypt((counter % 2**128).to_bytes(16, "big")))
        counter += 1
    return out


def cfb(encrypt, iv, data, encrypting):
    """Whole blocks fed back (SP 800-38A 6.3 with s = 128); the last may be short."""
    out, last = b"", iv
    for i in range(0, len(data), 16):
        chunk = data[i : i + 16]
        done = xor(chunk, encrypt(last))
        out += done
        last = done if encrypting else chunk
    return out


def ofb(encrypt, iv, data):
    out, last = b"", iv
    for i in range(0, len(data), 16):
        last = encrypt(last)
        out += xor(data[i : i + 16], last)
    return out


def _ccm_mac(encrypt, nonce, aad, plaintext, tag_bytes):
    q = 15 - len(nonce)
    flags = (0x40 if aad else 0) | ((tag_bytes - 2) // 2) << 3 | (q - 1)
    data = bytes([flags]) + nonce + len(plaintext).to_bytes(q, "big")
    if aad:
        if len(aad) < 0xFF00:
            head = len(aad).to_bytes(2, "big") + aad
        else:
            head = b"\xff\xfe" + len(aad).to_bytes(4, "big") + aad
        data += head + bytes(-len(head) % 16)
    data += plaintext + bytes(-len(plaintext) % 16)
    mac = bytes(16)
    for b in blocks(data):
        mac = encrypt(xor(mac, b))
    return mac


def _ccm_counter(nonce, i):
    q = 15 - len(nonce)
    return bytes([q - 1]) + nonce + i.to_bytes(q, "big")


def _ccm_check(nonce, tag_bytes):
    if not 7 <= len(nonce) <= 13 or tag_bytes not in (4, 6, 8, 10, 12, 14, 16):
        raise ValueError("CCM allows nonces of 7 to 13 bytes and even tags of 4 to 16")


def _ccm_xor(encrypt, nonce, text):
    chunks = (text[i : i + 16] for i in range(0, len(text), 16))
    return b"".join(xor(c, encrypt(_ccm_counter(nonce, i))) for i, c in enumerate(chunks, 1))


def ccm_seal(encrypt, nonce, aad, plaintext, tag_bytes=16):
    _ccm_check(nonce, tag_bytes)
    mac = _ccm_mac(encrypt, nonce, aad, plaintext, tag_bytes)
    return _ccm_xor(encrypt, nonce, plaintext), xor(mac, encrypt(_ccm_counter(nonce, 0)))[:tag_bytes]


def ccm_open(encrypt, nonce, aad, ciphertext, tag):
    _ccm_check(nonce, len(tag))
    plaintext = _ccm_xor(encrypt, nonce, ciphertext)
    mac = _ccm_mac(encrypt, nonce, aad, plaintext, len(tag))
    return plaintext if xor(mac, encrypt(_ccm_counter(nonce, 0)))[: len(tag)] == tag else None


def _double_ieee(t):
    """Bytes and bits little-endian."""
    n = int.from_bytes(t, "little") << 1
    return ((n & (2**128 - 1)) ^ (0x87 if n >> 128 else 0)).to_bytes(16, "little")


def _double_gb(t):
    """Bits as in GCM."""
    n = int.from_bytes(t, "big")
    return ((n >> 1) ^ (0xE1 << 120 if n & 1 else 0)).to_bytes(16, "big")


def xts(key, tweak, data, gb, encrypting):
    """Ciphertext stealing if the last block is short; at least one block."""
    if len(data) < 16 or len(key) != 32 or len(tweak) != 16:
        raise ValueError("XTS takes two keys and at least one block")
    cipher = sm4.encryptor(key[:16]) if encrypting else decryptor(key[:16])
    double = _double_gb if gb else _double_ieee
    t = sm4.encryptor(key[16:])(tweak)
    whole, rest = divmod(len(data), 16)
    tweaks = [t]
    for _ in range(whole):
        tweaks.append(double(tweaks[-1]))
    step = lambda b, t: xor(cipher(xor(b, t)), t)
    out = [step(data[16 * i : 16 * i + 16], tweaks[i]) for i in range(whole - 1)]
    last = data[16 * (whole - 1) : 16 * whole]
    if not rest:
        return b"".join(out) + step(last, tweaks[whole - 1])
    first, second = (whole - 1, whole) if encrypting else (whole, whole - 1)
    stolen = step(last, tweaks[first])
    return b"".join(out) + step(data[16 * whole :] + stolen[rest:], tweaks[second]) + stolen[:rest]
