"""Codes that the tests expect, made without any of the code under test.

    python3 testdata/codes.py > testdata/codes.txt
"""
import base64
import hashlib
import hmac

SECRET = b"It's a Secret to Everybody"
OLD = b"the secret before that one"
WHSEC = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WHKEY = base64.b64decode(WHSEC[6:])
BODY = b'{"id":1}'
EVENT = b'{"webhookTimestamp":1614265330123}'
URL = b"https://hooks.example.com/h?bodySHA256=" + hashlib.sha256(BODY).hexdigest().encode()

CODES = [
    ("body", "sha256", SECRET, BODY),
    ("body sha1", "sha1", SECRET, BODY),
    ("body sha384", "sha384", SECRET, BODY),
    ("body sha512", "sha512", SECRET, BODY),
    ("body old", "sha256", OLD, BODY),
    ("body no key", "sha256", b"", BODY),
    ("body zero key", "sha256", bytes(32), BODY),
    ("body whsec text", "sha256", WHSEC, BODY),
    ("body by sha1 of secret", "sha256", hashlib.sha1(SECRET).digest(), BODY),
    ("body by sha256 of secret", "sha256", hashlib.sha256(SECRET).digest(), BODY),
    ("empty", "sha256", SECRET, b""),
    ("path", "sha256", SECRET, b"/h"),
    ("seconds", "sha256", SECRET, b"1614265330." + BODY),
    ("seconds old", "sha256", OLD, b"1614265330." + BODY),
    ("later", "sha256", SECRET, b"1614265390." + BODY),
    ("seconds with sign", "sha256", SECRET, b"+1614265330." + BODY),
    ("seconds with zero", "sha256", SECRET, b"01614265330." + BODY),
    ("seconds with blank", "sha256", SECRET, b" 1614265330." + BODY),
    ("milliseconds", "sha256", SECRET, b"1614265330123." + BODY),
    ("rfc3339", "sha256", SECRET, b"2021-02-25T15:02:10.5Z." + BODY),
    ("http-date", "sha256", SECRET, b"Thu, 25 Feb 2021 15:02:10 GMT." + BODY),
    ("part", "sha256", SECRET, b"1614265330.p." + BODY),
    ("no part", "sha256", SECRET, b"1614265330."),
    ("event", "sha256", SECRET, EVENT),
    ("url", "sha256", SECRET, URL),
    ("webhook", "sha256", WHKEY, b"msg_1.1614265330." + BODY),
    ("webhook undecoded", "sha256", WHSEC, b"msg_1.1614265330." + BODY),
    ("capture", "sha256", SECRET, b"acme:" + BODY),
]

if __name__ == "__main__":
    for name, digest, key, message in CODES:
        print(f"{hmac.new(key, message, digest).hexdigest()} {name}")
