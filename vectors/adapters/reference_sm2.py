"""SM2 of the plain-Python reference, for `reference.py`."""

import sm2
from protocol import Refused, Unsupported, bytes_of, hexed


def guarded(operation):
    def run(request):
        if request["algorithm"] != "SM2":
            raise Unsupported(f"{request['algorithm']} is not in the reference")
        try:
            return operation(request)
        except sm2.Invalid as error:
            raise Refused(str(error)) from error

    return run


def scalar(data):
    if len(data) != 32:
        raise sm2.Invalid("not 32 bytes")
    return sm2.num(data)


def verify(request):
    key, id_, msg, sig = bytes_of(request, "public_key", "distinguishing_id", "msg", "sig")
    if not sm2.verify(sm2.decode(key), id_, msg, *sm2.parse_signature(sig)):
        raise Refused("wrong signature")
    return {}


def sign(request):
    key, id_, msg, k = bytes_of(request, "private_key", "distinguishing_id", "msg", "nonce")
    return hexed(sig=sm2.der_signature(*sm2.sign(scalar(key), id_, msg, scalar(k))))


def public_key(request):
    (key,) = bytes_of(request, "private_key")
    return hexed(public_key=sm2.encode(sm2.public_key(scalar(key))))


def ecdh(request):
    key, point = bytes_of(request, "private_key", "public_key")
    return hexed(shared=sm2.ecdh(scalar(key), sm2.decode(point)))


def pke_encrypt(request):
    point, msg, k = bytes_of(request, "public_key", "msg", "nonce")
    form = {"raw": sm2.raw, "der": sm2.der_cipher}[request["encoding"]]
    return hexed(ct=form(*sm2.encrypt(sm2.decode(point), msg, scalar(k))))


def pke_decrypt(request):
    key, ct = bytes_of(request, "private_key", "ct")
    parse = {"raw": sm2.from_raw, "der": sm2.parse_cipher}[request["encoding"]]
    return hexed(msg=sm2.decrypt(scalar(key), *parse(ct)))


def key_exchange(request):
    key, r, id_, peer_id = bytes_of(
        request, "private_key", "ephemeral_private_key", "distinguishing_id", "peer_distinguishing_id"
    )
    peer, peer_r, peer_confirmation = bytes_of(request, "peer_public_key", "peer_ephemeral", "peer_confirmation")
    r, initiator = scalar(r), request["role"] == "initiator"
    if not 1 <= r < sm2.N:
        raise Refused("r is 1 to n-1")
    if len(peer_r) != 65:
        raise Refused("points that are sent are uncompressed")
    own_r, shared, s_b, s_a = sm2.exchange(
        initiator, scalar(key), r, id_, peer_id, sm2.decode(peer), sm2.decode(peer_r), request["size"]
    )
    own, theirs = (s_a, s_b) if initiator else (s_b, s_a)
    if peer_confirmation != theirs:
        raise Refused("wrong confirmation")
    return hexed(ephemeral=sm2.encode(own_r), confirmation=own, shared=shared)


OPERATIONS = {
    "signature-verify": guarded(verify),
    "signature-sign": guarded(sign),
    "public-key": guarded(public_key),
    "ecdh": guarded(ecdh),
    "pke-encrypt": guarded(pke_encrypt),
    "pke-decrypt": guarded(pke_decrypt),
    "key-exchange": guarded(key_exchange),
}
