"""Self-tests of the OAuth2 persona: how clients authenticate, private_key_jwt with real keys, the persona's JWT code."""
import json
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from case import basic
from client import SimulatorError
from jose import BadToken, coded, decoded, der, jwt, private_key, public_key, verified
from oauth2_case import CLIENT, SECRET, OAuth2Case

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KINDS = {"RSA": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
         "EC": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]}


def openssl(*arguments: str, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


class KeyPair:
    """A key of the openssl command, which signs too: another judge than the code under test."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.kind, self.file = kind, str(folder / f"{kind}.pem")
        openssl("genpkey", *KINDS[kind], "-out", self.file)
        self.public = openssl("pkey", "-in", self.file, "-pubout").decode()

    def signed(self, claims: dict[str, Any], alg: str = "") -> str:
        header = {"alg": alg or {"RSA": "RS256", "EC": "ES256"}[self.kind], "typ": "JWT"}
        text = ".".join(coded(json.dumps(part).encode()) for part in (header, claims))
        signature = openssl("dgst", "-sha256", "-sign", self.file, data=text.encode())
        if self.kind == "EC":
            numbers = [int.from_bytes(value, "big") for _, value in der(der(signature)[0][1])]
            signature = b"".join(value.to_bytes(32, "big") for value in numbers)
        return f"{text}.{coded(signature)}"


class Keys(unittest.TestCase):
    keys: dict[str, KeyPair]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="tb-keys-")
        cls.addClassCleanup(folder.cleanup)
        cls.keys = {kind: KeyPair(Path(folder.name), kind) for kind in KINDS}


class Jose(Keys):
    def test_signatures_of_openssl(self) -> None:
        for kind, pair in self.keys.items():
            with self.subTest(kind=kind):
                key, token = public_key(pair.public), pair.signed({"n": 1})
                self.assertEqual(verified(token, key), {"n": 1})
                head, payload, signature = token.split(".")
                for wrong in (f"{head}.{coded(b'{}')}.{signature}", f"{head}.{payload}.{coded(b'0' * 64)}",
                              f"{head}.{payload}.", f"{head}.{payload}", pair.signed({"n": 1}, "none"),
                              pair.signed({"n": 1}, "HS256"), token + "=", "[.]." + signature):
                    with self.assertRaises(BadToken):
                        verified(wrong, key)
        with self.assertRaises(BadToken):
            verified(self.keys["RSA"].signed({}), public_key(self.keys["EC"].public))

    def test_zero_and_large_ecdsa_parts(self) -> None:
        key = public_key(self.keys["EC"].public)
        for signature in (bytes(64), b"\xff" * 64, bytes(31) + b"\1" + bytes(32)):
            self.assertFalse(key.verifies(signature, b"x"))

    def test_our_signature_for_openssl(self) -> None:
        with tempfile.TemporaryDirectory(prefix="tb-jose-") as folder:
            pair = self.keys["RSA"]
            token = jwt({"n": 2}, private_key(Path(pair.file).read_text()), "k")
            text, _, signature = token.rpartition(".")
            public, signed = Path(folder) / "public.pem", Path(folder) / "signature"
            public.write_text(pair.public)
            signed.write_bytes(decoded(signature))
            said = openssl("dgst", "-sha256", "-verify", str(public), "-signature", str(signed), data=text.encode())
            self.assertIn(b"Verified OK", said)

    def test_bad_keys(self) -> None:
        for bad in ("", "no key", {"kty": "oct"}, {"kty": "EC", "crv": "P-256", "x": coded(b"1"), "y": coded(b"2")},
                    "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----"):
            with self.assertRaises(BadToken):
                public_key(bad)


class Secrets(OAuth2Case):
    def app(self, authorization: str = "", **fields: str) -> tuple[int, str]:
        seen = self.token(authorization, grant_type="client_credentials", **fields)
        return seen.status, seen.json.get("error", "")

    def test_each_method(self) -> None:
        header = basic(CLIENT, SECRET)
        body = {"client_id": CLIENT, "client_secret": SECRET}
        for method, by_header, by_body in (("basic", 200, 401), ("post", 401, 200), ("any", 200, 200), ("none", 401, 401)):
            with self.subTest(method=method):
                self.client_only(auth_method=method)
                self.assertEqual((self.app(header)[0], self.app(**body)[0]), (by_header, by_body))
        self.client_only(auth_method="any")
        self.assertEqual(self.app(header, client_secret=SECRET), (400, "invalid_request"))
        self.assertEqual(self.app(header, client_id=CLIENT), (200, ""))
        self.assertEqual(self.app(header, client_id="other"), (400, "invalid_request"))
        self.assertEqual(self.app(basic("nobody", SECRET)), (401, "invalid_client"))
        self.assertEqual(self.app(basic(CLIENT, "wrong")), (401, "invalid_client"))
        self.assertEqual(self.app("Basic ###"), (401, "invalid_client"))
        self.assertEqual(self.app(client_id=CLIENT, client_secret="wrong"), (401, "invalid_client"))
        challenge = self.token(basic(CLIENT, "wrong"), grant_type="client_credentials").headers
        self.assertIn("www-authenticate", challenge)

    def test_public_client(self) -> None:
        account = self.account(client_id="public-2", client_secret="", auth_method="none")
        seen = self.token("", grant_type="refresh_token", refresh_token=account["refresh_token"], client_id="public-2")
        self.assertEqual(seen.status, 200)

    def test_decoding(self) -> None:
        secret = "p+s/s=w:rd%1 é"
        self.client_only(client_id="c@example.com", client_secret=secret)
        raw, form = basic("c@example.com", secret), basic(quote_plus("c@example.com"), quote_plus(secret))
        for decoding, good, bad in (("form", form, raw), ("raw", raw, form)):
            self.sim.switch("oauth2", basic_decoding=decoding)
            self.assertEqual((self.app(good)[0], self.app(bad)[0]), (200, 401))

    def test_bad_clients_are_explained(self) -> None:
        for wish, hint in (({"auth_method": "magic"}, "is one of"), ({"auth_method": "private_key_jwt"}, "public_key"),
                           ({"public_key": "x"}, "PEM or JWK")):
            with self.assertRaisesRegex(SimulatorError, hint):
                self.client_only(**wish)


class Assertions(Keys, OAuth2Case):
    """private_key_jwt, RFC 7523."""

    def claims(self, **other: Any) -> dict[str, Any]:
        now = self.sim.state()["now"]
        return {"iss": CLIENT, "sub": CLIENT, "aud": "https://localhost/oauth2/token", "iat": int(now), "exp": now + 300,
                "jti": f"jti-{time.monotonic_ns()}", **other}

    def app(self, assertion: str, **other: str) -> int:
        fields = {"client_assertion_type": ASSERTION, "client_assertion": assertion, **other}
        return self.token("", grant_type="client_credentials", **fields).status

    def test_rsa_and_ec(self) -> None:
        for kind, pair in self.keys.items():
            with self.subTest(kind=kind):
                self.client_only(auth_method="private_key_jwt", public_key=pair.public)
                first = pair.signed(self.claims())
                self.assertEqual(self.app(first), 200)
                self.assertEqual(self.app(first), 401, "a jti is good once")
                self.assertEqual(self.app(pair.signed(self.claims(aud=["x", "https://localhost"]))), 200)
                self.assertEqual(self.app(pair.signed(self.claims()), client_id=CLIENT), 200)
                self.assertEqual(self.app(pair.signed(self.claims()), client_id="other"), 400)
                self.assertEqual(self.app(pair.signed(self.claims()), client_secret=SECRET), 400)

    def test_wrong_claims(self) -> None:
        pair = self.keys["RSA"]
        self.client_only(auth_method="private_key_jwt", public_key=pair.public)
        now = self.sim.state()["now"]
        wrongs: tuple[dict[str, Any], ...] = (
            {"iss": "other"}, {"sub": "nobody"}, {"aud": "https://other"}, {"aud": None},
            {"exp": now - 1}, {"exp": now + 9000}, {"exp": "soon"}, {"nbf": now + 600}, {"iat": now + 600}, {"jti": None})
        for wrong in wrongs:
            with self.subTest(wrong=wrong):
                self.assertEqual(self.app(pair.signed(self.claims(**wrong))), 401)
        self.assertEqual(self.app("no.jwt.here"), 401)
        self.assertEqual(self.app(self.keys["EC"].signed(self.claims())), 401)
        seen = self.token("", grant_type="client_credentials", client_assertion=pair.signed(self.claims()))
        self.assertEqual(seen.status, 401, "without its type")


if __name__ == "__main__":
    unittest.main()
