"""Converts files of other projects, kept beside as they came, to Wycheproof's schema.

    python3 -B vectors/reference/convert.py

Every case says which case of which file it is. Each value is computed again by the reference in this folder before it is
written; what it disagrees with would stop the conversion. A case that no schema here can hold is named in the source
file under `notConverted`, with the reason, and the checker shows it as unsupported for that reason.
"""

import json

import gcm
import modes
import sm2
import sm4
from sm2 import num
from testfile import VECTORS, Groups, load, write

SM2_SCHEMA = "vectors/schema/sm2_test_schema.json"


def unhex(text):
    return bytes.fromhex(text)


class Source:
    """A file to be converted: what became of each of its cases."""

    def __init__(self, name):
        self.name, self.content = name, load(name)
        self.tests, self.outputs, self.left = self.content["tests"], [], {}
        origin = self.content["source"]
        self.origin = f"{origin['repo']} {origin['path']} ({origin['licence']}, commit {origin['commit'][:12]})"

    def groups(self, kind):
        return Groups(kind, self.origin)

    def case(self, test, flags=("Published",), result="valid", **fields):
        comment = test.get("comment") or ""
        return {
            "comment": comment.strip(), "flags": list(flags), "result": result, **fields,
            "source": f"{self.name} tcId {test['tcId']}",
        }

    def leave(self, test, why):
        self.left.setdefault(why, []).append(test["tcId"])

    def write(self, name, algorithm, schema, flags, *grouped):
        folder = self.name.split("/")[0]
        output = f"{folder}/{name}"
        write(output, algorithm, schema, [f"Converted from {self.origin}."], flags, *grouped, convertedFrom=self.name)
        self.outputs.append(output)

    def mark(self):
        """Says in the source file where its cases went."""
        content = {k: v for k, v in self.content.items() if k not in ("convertedTo", "notConverted", "tests")}
        content["convertedTo"] = self.outputs
        content["notConverted"] = [{"tcIds": ids, "why": why} for why, ids in self.left.items()]
        content["tests"] = self.tests
        (VECTORS / self.name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


PUBLISHED = {"Published": "FUNCTIONALITY: a value that another project published"}
WRONG = {"WrongInput": "AUTH_BYPASS: one input is not what was signed or encrypted"}


def key_parameters(point):
    encoded = point if isinstance(point, bytes) else sm2.encode(point)
    return {"publicKey": {"type": "EcPublicKey", "curve": "curveSM2", "keySize": 256, "encoded": encoded.hex()}, "sha": "SM3"}


def secret_parameters(d):
    return {
        "privateKey": {"curve": "curveSM2", "secret": sm2.be(d).hex(), "public": sm2.encode(sm2.public_key(d)).hex()},
        "sha": "SM3",
    }


def hitls_signatures():
    source = Source("hitls/sm2_sig.json")
    signing, verifying = source.groups("Sm2Sign"), source.groups("Sm2Verify")
    for t in source.tests:
        id_, msg, sig = unhex(t["id"]), unhex(t["msg"]), unhex(t["sig_der"])
        r, s = sm2.parse_signature(sig)
        if t["op"] == "sign":
            d, k = num(unhex(t["d"])), num(unhex(t["k"]))
            assert sm2.sign(d, id_, msg, k) == (r, s)
            signing.add(secret_parameters(d), source.case(t, id=id_, msg=msg, k=sm2.be(k), sig=sig))
            continue
        point = unhex(t["pub"])
        assert sm2.verify(sm2.decode(point), id_, msg, r, s) == (t["result"] == "valid")
        flag = "Published" if t["result"] == "valid" else "WrongInput"
        verifying.add(key_parameters(point), source.case(t, [flag], t["result"], id=id_, msg=msg, sig=sig))
    source.write("sm2_sign_test.json", "SM2", SM2_SCHEMA, PUBLISHED, signing)
    source.write("sm2_verify_test.json", "SM2", SM2_SCHEMA, PUBLISHED | WRONG, verifying)
    source.mark()


def opens(d, parse, ct):
    try:
        return sm2.decrypt(d, *parse(ct))
    except sm2.Invalid:
        return None


def hitls_encryption():
    source = Source("hitls/sm2_enc.json")
    groups = source.groups("Sm2PkeTest")
    for t in source.tests:
        ct = unhex(t["ct"])
        if t["op"] == "enc":
            point, msg, k = unhex(t["pub"]), unhex(t["msg"]), num(unhex(t["k"]))
            assert sm2.raw(*sm2.encrypt(sm2.decode(point), msg, k)) == ct
            case = source.case(t, public=point, k=sm2.be(k), msg=msg, ct=ct)
        else:
            d, invalid = num(unhex(t["d"])), t.get("result") == "invalid"
            msg = None if invalid else unhex(t["msg"])
            assert opens(d, sm2.from_raw, ct) == msg
            flag, result = ("WrongInput", "invalid") if invalid else ("Published", "valid")
            case = source.case(t, [flag], result, private=sm2.be(d), msg=msg or b"", ct=ct)
        groups.add({"encoding": "raw"}, case)
    source.write("sm2_pke_test.json", "SM2", SM2_SCHEMA, PUBLISHED | WRONG, groups)
    source.mark()


def hitls_exchange():
    """The worked example of GB/T 32918.5-2017, both roles. Confirmations are the reference's: the source has none."""
    source = Source("hitls/sm2_key_exchange.json")
    groups = source.groups("Sm2KeyExchangeTest")
    for t in source.tests:
        initiator = t["role"] == "initiator"
        d, r, key = num(unhex(t["d"])), num(unhex(t["r"])), unhex(t["K"])
        id_, peer_id = unhex(t["id_self"]), unhex(t["id_peer"])
        peer, peer_r = unhex(t["peerP"]), unhex(t["peerR"])
        own_r, shared, s_b, s_a = sm2.exchange(
            initiator, d, r, id_, peer_id, sm2.decode(peer), sm2.decode(peer_r), len(key)
        )
        assert shared == key
        own, theirs = (s_a, s_b) if initiator else (s_b, s_a)
        groups.add({}, source.case(
            t, role=t["role"], private=sm2.be(d), ephemeralPrivate=sm2.be(r), id=id_, peerPublic=peer,
            peerEphemeral=peer_r, peerId=peer_id, peerConfirmation=theirs, size=len(key), ephemeral=sm2.encode(own_r),
            confirmation=own, shared=shared,
        ))
    source.write("sm2_key_exchange_test.json", "SM2", SM2_SCHEMA, PUBLISHED, groups)
    source.mark()


def botan_signatures():
    source = Source("botan/sm2_sig.json")
    groups = source.groups("Sm2Sign")
    for t in source.tests:
        if t["curve"] != "sm2p256v1":
            source.leave(t, "another curve than that of GB/T 32918.5-2017, which is the only one in use")
        elif t["hash"] != "SM3":
            source.leave(t, "SM2 with another hash than SM3, which no standard has")
        else:
            d, k, id_, msg = num(unhex(t["d"])), num(unhex(t["k"])), t["id"].encode(), unhex(t["msg"])
            r, s = sm2.sign(d, id_, msg, k)
            assert sm2.be(r) + sm2.be(s) == unhex(t["sig"])
            case = source.case(t, id=id_, msg=msg, k=sm2.be(k), sig=sm2.der_signature(r, s))
            groups.add(secret_parameters(d), case)
    source.write("sm2_sign_test.json", "SM2", SM2_SCHEMA, PUBLISHED, groups)
    source.mark()


def botan_encryption():
    source = Source("botan/sm2_enc.json")
    for t in source.tests:
        assert t["curve"] != "sm2p256v1"
        source.leave(t, "another curve than that of GB/T 32918.5-2017, which is the only one in use")
    source.mark()


def botan_points():
    source = Source("botan/sm2p256v1_base_mul.json")
    groups = source.groups("Sm2PublicKeyTest")
    for t in source.tests:
        k, point = unhex(t["k"]), unhex(t["P"])
        assert sm2.encode(sm2.mul(num(k), sm2.G)) == point
        if len(k) != 32 or num(k) > sm2.N - 2:
            source.leave(t, "a multiple of G that is no private key: those are 32 bytes, from 1 to n-2")
            continue
        groups.add({"curve": "curveSM2"}, source.case(t, private=k, public=point))
    source.write("sm2_public_key_test.json", "SM2", SM2_SCHEMA, PUBLISHED, groups)
    source.mark()


def tongsuo_keys():
    source = Source("tongsuo/sm2_pkey.json")
    groups = source.groups("Sm2PkeTest")
    for t in source.tests:
        if t["op"] == "Verify":
            source.leave(t, "a signature over a bare digest: SM2 signs a message with the signer's identity (Z_A)")
        elif t["op"] == "Sign" or t["result"] != "ok":
            source.leave(t, "how a library answers to wrong use of its functions")
        else:
            # PKCS#8 of an EC key: the 32 bytes after `version, OCTET STRING`.
            pkcs8 = unhex(t["private_key_pkcs8_der"])
            d = num(pkcs8.split(b"\2\1\1\4\x20", 1)[1][:32])
            msg, ct = unhex(t["output"]), unhex(t["input"])
            assert opens(d, sm2.parse_cipher, ct) == msg
            groups.add({"encoding": "der"}, source.case(t, private=sm2.be(d), msg=msg, ct=ct))
    source.write("sm2_pke_test.json", "SM2", SM2_SCHEMA, PUBLISHED, groups)
    source.mark()


def hitls_modes():
    """Arguments by position, as the test functions of the source take them."""
    source = Source("hitls/sm4_modes_raw.json")
    aead, cipher = {}, {}
    for t in source.tests:
        function, args = t["function"], t["args"]
        if "FUNC_TC013" in function:
            key, iv, aad, text, result, tag = map(unhex, args[:6])
            msg, ct = (text, result) if args[6] == "true" else (result, text)
            case = source.case(t, key=key, iv=iv, aad=aad, msg=msg, ct=ct, tag=tag)
            aead.setdefault("SM4-GCM", []).append(case)
            continue
        if len(args) < 6 and not args[1].startswith("CRYPT_CIPHER"):
            source.leave(t, "no vector: a run of the functions of the source without an expected value")
            continue
        mode = args[1].removeprefix("CRYPT_CIPHER_")
        rest = args[2:]
        padding = rest.pop() if rest[-1].startswith("CRYPT_PADDING") else "CRYPT_PADDING_NONE"
        if mode == "SM4_CCM":
            key, iv, aad, msg, ct, tag = map(unhex, rest[:1] + rest[1:])
            aead.setdefault("SM4-CCM", []).append(source.case(t, key=key, iv=iv, aad=aad, msg=msg, ct=ct, tag=tag))
            continue
        if mode == "SM4_HCTR":
            source.leave(t, "SM4-HCTR, a mode that this checker has no request for")
            continue
        if padding not in ("CRYPT_PADDING_NONE", "CRYPT_PADDING_PKCS7"):
            source.leave(t, "a padding other than PKCS#7, which no protocol here uses")
            continue
        # TC003: key, text, result, IV; with padding: key, IV, text, result.
        if padding == "CRYPT_PADDING_NONE":
            key, text, result, iv = map(unhex, rest)
        else:
            key, iv, text, result = map(unhex, rest)
        # The first argument says which way the source runs it; the texts are in the order of encryption either way,
        # or the other way round.
        algorithm = mode.replace("_", "-").replace("SM4-XTS", "SM4-XTS-GB")
        padded = padding == "CRYPT_PADDING_PKCS7"
        if mode == "SM4_GCM":
            source.leave(t, "GCM without its tag, which is no authenticated encryption")
            continue
        msg, ct = text, result
        if encrypt(algorithm, key, iv, msg, padded) != ct:
            msg, ct = ct, msg
        assert encrypt(algorithm, key, iv, msg, padded) == ct, t
        name = algorithm + ("-PKCS5" if padded else "")
        cipher.setdefault(name, []).append(source.case(t, key=key, iv=iv, msg=msg, ct=ct))
    for algorithm, cases in aead.items():
        groups = source.groups("AeadTest")
        for case in cases:
            seal = gcm.seal if algorithm == "SM4-GCM" else modes.ccm_seal
            assert seal(sm4.encryptor(case["key"]), case["iv"], case["aad"], case["msg"]) == (case["ct"], case["tag"])
            groups.add({"ivSize": 8 * len(case["iv"]), "keySize": 128, "tagSize": 128}, case)
        source.write(file_name(algorithm), algorithm, "aead_test_schema_v1.json", PUBLISHED, groups)
    for algorithm, cases in cipher.items():
        groups = source.groups("IndCpaTest")
        for case in cases:
            groups.add({"ivSize": 8 * len(case["iv"]), "keySize": 8 * len(case["key"])}, case)
        source.write(file_name(algorithm), algorithm, "ind_cpa_test_schema_v1.json", PUBLISHED, groups)
    source.mark()


def file_name(algorithm):
    return algorithm.lower().replace("-", "_") + "_test.json"


def encrypt(algorithm, key, iv, msg, padded):
    msg = modes.pkcs7(msg) if padded else msg
    run = {
        "SM4-ECB": lambda e: modes.ecb(e, msg),
        "SM4-CBC": lambda e: modes.cbc_encrypt(e, iv, msg),
        "SM4-CTR": lambda e: modes.ctr(e, iv, msg),
        "SM4-CFB": lambda e: modes.cfb(e, iv, msg, True),
        "SM4-OFB": lambda e: modes.ofb(e, iv, msg),
        "SM4-XTS-GB": lambda e: modes.xts(key, iv, msg, True, True),
    }[algorithm]
    return run(sm4.encryptor(key[:16]))


if __name__ == "__main__":
    hitls_signatures()
    hitls_encryption()
    hitls_exchange()
    hitls_modes()
    botan_signatures()
    botan_encryption()
    botan_points()
    tongsuo_keys()
