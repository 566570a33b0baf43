"""Keys and signatures that the tests expect, made without any of the code under
test (and without its standard library). Every run makes other keys.

    pip install cryptography
    python3 testdata/signatures.py > testdata/signatures.txt

A line is a public key in SubjectPublicKeyInfo or a signature, in base64, and its
name.
"""
import base64
import binascii
import hashlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

BODY = b'{"id":1}'
WHEN = b"1614265330"
MILLIS = b"1614265330123"
ISO = b"2021-02-25T15:02:10Z"
CURVES = {"p256": (ec.SECP256R1(), hashes.SHA256(), 32), "p384": (ec.SECP384R1(), hashes.SHA384(), 48), "p521": (ec.SECP521R1(), hashes.SHA512(), 66)}
HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


def tell(name, data):
    print(base64.b64encode(data).decode(), name)


def public(name, key):
    tell("key " + name, key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))


def pkcs1(message, h=HASHES["sha256"]):
    return RSA.sign(message, padding.PKCS1v15(), h)


def raw(der, size):
    r, s = decode_dss_signature(der)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


ED = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = {name: ec.generate_private_key(curve) for name, (curve, _, _) in CURVES.items()}

public("ed25519", ED)
public("ed25519 other", ed25519.Ed25519PrivateKey.generate())
public("rsa", RSA)
for name, key in EC.items():
    public(name, key)

tell("ed25519", ED.sign(BODY))
tell("ed25519 empty", ED.sign(b""))
tell("ed25519 digest", ED.sign(hashlib.sha512(BODY).digest()))
for name, (curve, h, size) in CURVES.items():
    der = EC[name].sign(BODY, ec.ECDSA(h))
    tell(name + " der", der)
    tell(name + " raw", raw(der, size))
    tell(name + " other hash", EC[name].sign(BODY, ec.ECDSA(HASHES["sha512" if size == 32 else "sha256"])))
for name, h in HASHES.items():
    tell("pkcs1 " + name, pkcs1(BODY, h))
    tell("pss " + name, RSA.sign(BODY, padding.PSS(padding.MGF1(h), h.digest_size), h))
    tell("pss without salt " + name, RSA.sign(BODY, padding.PSS(padding.MGF1(h), 0), h))
    tell("pss longest salt " + name, RSA.sign(BODY, padding.PSS(padding.MGF1(h), padding.PSS.MAX_LENGTH), h))
tell("pkcs1 sha1", pkcs1(BODY, hashes.SHA1()))

# What senders sign.
tell("discord", ED.sign(WHEN + BODY))
tell("telnyx", ED.sign(WHEN + b"|" + BODY))
tell("sendgrid", EC["p256"].sign(WHEN + BODY + b"\r\n", ec.ECDSA(HASHES["sha256"])))
tell("fal", ED.sign(b"\n".join([b"req_1", b"user_1", WHEN, hashlib.sha256(BODY).hexdigest().encode()])))
tell("versioned", ED.sign(b".".join([b"v1", b"ed25519", b"key-2", MILLIS, b"evt_1", BODY])))
tell("paypal", pkcs1(b"|".join([b"id-1", ISO, b"WH-1", str(binascii.crc32(BODY)).encode()])))
tell("wechat", pkcs1(WHEN + b"\nn0nce\n" + BODY + b"\n"))
tell("joined", ED.sign(b"|".join([hashlib.sha512(BODY).hexdigest().encode(), ISO, b"evt_1"])))
tell("time in body", ED.sign(b'{"at":' + WHEN + b"}"))
