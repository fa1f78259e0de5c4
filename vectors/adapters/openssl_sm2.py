"""SM2 through the program `openssl`: the package `cryptography` does not have it. For `openssl.py`.

OpenSSL's identity is empty unless it is set, not the default one of GM/T 0009; it is set here for every request.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

from protocol import Refused, Unsupported, bytes_of, hexed

PROGRAM = shutil.which("openssl")
OID_EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")
OID_SM2 = bytes.fromhex("06082a811ccf5501822d")


def version():
    if PROGRAM is None:
        return "none"
    return subprocess.run([PROGRAM, "version"], capture_output=True, text=True, check=True).stdout.strip()


def tlv(tag, content):
    n = len(content)
    length = bytes([n]) if n < 128 else bytes([0x80 | (n.bit_length() + 7) // 8]) + n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + length + content


def public_key_info(point):
    """SubjectPublicKeyInfo (RFC 5480)."""
    return tlv(0x30, tlv(0x30, OID_EC_PUBLIC_KEY + OID_SM2) + tlv(3, b"\0" + point))


def private_key_info(key):
    """PKCS#8 (RFC 5958) around ECPrivateKey (RFC 5915), without the public key."""
    inner = tlv(0x30, tlv(2, b"\1") + tlv(4, key))
    return tlv(0x30, tlv(2, b"\0") + tlv(0x30, OID_EC_PUBLIC_KEY + OID_SM2) + tlv(4, inner))


def pkeyutl(files, *options):
    """Runs `openssl pkeyutl` with each of `files` (option: content) in a file of its own."""
    if PROGRAM is None:
        raise Unsupported("no program `openssl` here")
    with tempfile.TemporaryDirectory() as folder:
        words = [PROGRAM, "pkeyutl", *options]
        for option, content in files.items():
            path = pathlib.Path(folder, option.lstrip("-"))
            path.write_bytes(content)
            words += [option, str(path)]
        return subprocess.run(words, capture_output=True)


def verify(request):
    key, id_, msg, sig = bytes_of(request, "public_key", "distinguishing_id", "msg", "sig")
    identity = ["-pkeyopt", f"hexdistid:{id_.hex()}"] if id_ else []
    files = {"-inkey": public_key_info(key), "-in": msg, "-sigfile": sig}
    done = pkeyutl(files, "-verify", "-pubin", "-keyform", "DER", "-rawin", "-digest", "sm3", *identity)
    if done.returncode != 0 or b"Verified Successfully" not in done.stdout:
        raise Refused(last_words(done))
    return {}


def decrypt(request):
    if request["encoding"] != "der":
        raise Unsupported("OpenSSL takes SM2 ciphertexts in DER only")
    key, ct = bytes_of(request, "private_key", "ct")
    done = pkeyutl({"-inkey": private_key_info(key), "-in": ct}, "-decrypt", "-keyform", "DER")
    if done.returncode != 0:
        raise Refused(last_words(done))
    return hexed(msg=done.stdout)


def last_words(done):
    lines = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"


# Decryption only on demand: OpenSSL reads ciphertexts that are not DER and coordinates that are not reduced, on which it
# and the vectors disagree for good.
OPERATIONS = {"signature-verify": verify}
if "--decrypt" in sys.argv[1:]:
    OPERATIONS["pke-decrypt"] = decrypt
