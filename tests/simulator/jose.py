"""JSON web tokens with the signatures that the personas need: HS256 and RS256 made, RS256 and ES256 judged.

Pure Python on keys of the `openssl` command. Good enough to be verified and to verify; not constant in time, so no key
but a throw-away one belongs in here.
"""
import base64
import hashlib
import hmac
import json
import subprocess
from dataclasses import dataclass
from typing import Any

SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017 9.2: DigestInfo before a SHA-256
RSA_OID, EC_OID, P256_OID = (bytes.fromhex(text) for text in ("2a864886f70d010101", "2a8648ce3d0201", "2a8648ce3d030107"))
INTEGER, BITS, OCTETS, SEQUENCE = 0x02, 0x03, 0x04, 0x30
# The curve P-256 (FIPS 186-4 D.1.2.3): y^2 = x^3 - 3x + b over P, base point G of order N.
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)
Point = tuple[int, int] | None  # None: the point at infinity


class BadToken(ValueError):
    """No JWT, a wrong signature, or a key that can't be read."""


def coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    if "=" in text or "+" in text or "/" in text:
        raise BadToken("not base64url without padding")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as problem:
        raise BadToken("not base64url") from problem


def number(text: Any) -> int:
    return int.from_bytes(decoded(str(text)), "big")


# -- keys --
@dataclass(frozen=True)
class RsaPublic:
    n: int
    e: int
    alg = "RS256"

    @property
    def size(self) -> int:
        return (self.n.bit_length() + 7) // 8

    def verifies(self, signature: bytes, message: bytes) -> bool:
        if len(signature) != self.size:
            return False
        found = pow(int.from_bytes(signature, "big"), self.e, self.n)
        return found.to_bytes(self.size, "big") == padded(message, self.size)

    def jwk(self, kid: str) -> dict[str, str]:
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": coded(self.n.to_bytes(self.size, "big")),
                "e": coded(self.e.to_bytes(3, "big"))}


@dataclass(frozen=True)
class RsaPrivate:
    """With the parts for the Chinese remainder: three times as fast as the plain power."""
    public: RsaPublic
    p: int
    q: int
    dp: int
    dq: int
    q_inverse: int

    def sign(self, message: bytes) -> bytes:
        value = int.from_bytes(padded(message, self.public.size), "big")
        low, high = pow(value, self.dq, self.q), pow(value, self.dp, self.p)
        return (low + self.q * ((high - low) * self.q_inverse % self.p)).to_bytes(self.public.size, "big")


@dataclass(frozen=True)
class EcPublic:
    x: int
    y: int
    alg = "ES256"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """FIPS 186-4 6.4, with the signature as RFC 7518 3.4 has it: r and s of 32 bytes."""
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if len(signature) != 64 or not (0 < r < N and 0 < s < N):
            return False
        digest, inverse = int.from_bytes(hashlib.sha256(message).digest(), "big"), pow(s, -1, N)
        found = added(times(digest * inverse % N, G), times(r * inverse % N, (self.x, self.y)))
        return found is not None and found[0] % N == r


PublicKey = RsaPublic | EcPublic


def padded(message: bytes, size: int) -> bytes:
    """EMSA-PKCS1-v1_5 (RFC 8017 9.2)."""
    info = SHA256_INFO + hashlib.sha256(message).digest()
    return b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info


def added(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % P == 0:
            return None
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, P) % P
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P) % P
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def times(factor: int, point: Point) -> Point:
    total: Point = None
    while factor:
        if factor & 1:
            total = added(total, point)
        point, factor = added(point, point), factor >> 1
    return total


# -- reading keys --
def der(data: bytes) -> list[tuple[int, bytes]]:
    """The elements of one level: tag and content."""
    found, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            more = length & 0x7F
            length, at = int.from_bytes(data[at:at + more], "big"), at + more
        found.append((tag, data[at:at + length]))
        at += length
    return found


def unwrapped(pem: str) -> list[tuple[int, bytes]]:
    body = "".join(line for line in pem.splitlines() if line and not line.startswith("-----"))
    return der(der(base64.b64decode(body))[0][1])


def public_key(given: Any) -> PublicKey:
    """A public key from PEM ("BEGIN PUBLIC KEY") or from a JWK object: RSA, or EC on P-256."""
    try:
        return from_jwk(given) if isinstance(given, dict) else from_pem(str(given))
    except (ValueError, IndexError, KeyError) as problem:
        raise BadToken(f"no public key of RSA or P-256 as PEM or JWK: {problem}") from problem


def from_jwk(jwk: dict[str, Any]) -> PublicKey:
    if jwk["kty"] == "RSA":
        return RsaPublic(number(jwk["n"]), number(jwk["e"]))
    if (jwk["kty"], jwk["crv"]) == ("EC", "P-256"):
        return on_curve(number(jwk["x"]), number(jwk["y"]))
    raise BadToken(f"kty {jwk['kty']}")


def from_pem(pem: str) -> PublicKey:
    (_, algorithm), (_, bits) = unwrapped(pem)
    kind = [value for _, value in der(algorithm)]
    if kind[0] == RSA_OID:
        n, e = (int.from_bytes(value, "big") for _, value in der(der(bits[1:])[0][1]))
        return RsaPublic(n, e)
    if kind == [EC_OID, P256_OID] and bits[:2] == b"\0\4" and len(bits) == 66:
        return on_curve(int.from_bytes(bits[2:34], "big"), int.from_bytes(bits[34:], "big"))
    raise BadToken("another kind of key")


def on_curve(x: int, y: int) -> EcPublic:
    if not (x < P and y < P and (y * y - x * x * x + 3 * x - B) % P == 0):
        raise BadToken("the point is not on P-256")
    return EcPublic(x, y)


def private_key(pem: str) -> RsaPrivate:
    """An RSA key as `openssl genpkey` writes it: PKCS #8 around PKCS #1."""
    n, e, _, p, q, dp, dq, inverse = (int.from_bytes(value, "big")
                                      for _, value in der(der(unwrapped(pem)[2][1])[0][1])[1:9])
    return RsaPrivate(RsaPublic(n, e), p, q, dp, dq, inverse)


def new_rsa_key() -> RsaPrivate:
    made = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                          capture_output=True, text=True, timeout=60, check=True)
    return private_key(made.stdout)


# -- tokens --
def jwt(claims: dict[str, Any], key: bytes | RsaPrivate, kid: str = "") -> str:
    """Signed by HS256 with bytes, by RS256 with an RSA key."""
    header = {"alg": "HS256" if isinstance(key, bytes) else "RS256", "typ": "JWT", **({"kid": kid} if kid else {})}
    text = ".".join(coded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    signature = hmac.digest(key, text.encode(), "sha256") if isinstance(key, bytes) else key.sign(text.encode())
    return f"{text}.{coded(signature)}"


def verified(token: str, key: PublicKey) -> dict[str, Any]:
    """The claims, when the signature is the key's and of the key's one algorithm."""
    parts = token.split(".")
    if len(parts) != 3:
        raise BadToken("a JWT has three parts")
    try:
        header, claims = (json.loads(decoded(part)) for part in parts[:2])
    except (ValueError, RecursionError) as problem:
        raise BadToken("header or claims are no JSON") from problem
    if not isinstance(header, dict) or not isinstance(claims, dict) or header.get("alg") != key.alg:
        raise BadToken(f"alg must be {key.alg}")
    if not key.verifies(decoded(parts[2]), ".".join(parts[:2]).encode()):
        raise BadToken("the signature is wrong")
    return claims
