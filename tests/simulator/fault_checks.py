"""What a client sees of each fault kind, connections and the wire: check_<kind> arms it and looks."""
import ssl
import time
from typing import Any

from case import FORM, Case, basic
from raw_client import RawClient, Seen


class Checks(Case):
    """The base: self.token is a fresh refresh token of self.family."""

    def fresh(self) -> None:
        account = self.account()
        self.family, self.token = account["family"], account["refresh_token"]

    def fired(self, kind: str) -> int:
        return sum(fault["fired"] for fault in self.sim.state()["faults"] if fault["kind"] == kind)

    def faulty(self, kind: str, **params: Any) -> Seen:
        self.sim.arm(kind, **params)
        return self.refresh(self.token)

    def spent(self) -> bool:
        """Whether the server has rotated the token."""
        return bool(self.sim.family(self.family)["tokens"][0]["spent"])

    def lost(self, seen: Seen, end: str, spent: bool) -> None:
        self.assertEqual((seen.end, seen.raw, self.spent()), (end, b"", spent))


class ConnectionChecks(Checks):
    def check_reset_on_accept(self) -> None:
        self.sim.arm("reset_on_accept")
        with self.assertRaises((ConnectionResetError, ssl.SSLEOFError)):
            self.client.connect()
        self.assertEqual(self.refresh(self.token).status, 200)

    def check_silent_accept(self) -> None:
        self.client.limit_s = 0.3
        self.sim.arm("silent_accept")
        with self.assertRaises(TimeoutError):
            self.client.connect()

    def check_silent_in_tls(self) -> None:
        self.client.limit_s = 0.3
        self.sim.arm("silent_in_tls")
        with self.assertRaises(TimeoutError):
            self.client.connect()

    def check_reset_in_tls(self) -> None:
        self.sim.arm("reset_in_tls")
        with self.assertRaises((ConnectionResetError, ssl.SSLEOFError)):
            self.client.connect()

    def refused_certificate(self, kind: str, text: str) -> None:
        self.sim.arm(kind)
        with self.assertRaisesRegex(ssl.SSLError, text):
            self.client.connect()
        self.assertEqual(self.refresh(self.token).status, 200, "one connection only")

    def check_tls_expired(self) -> None:
        self.refused_certificate("tls_expired", "certificate has expired")

    def check_tls_not_yet_valid(self) -> None:
        self.refused_certificate("tls_not_yet_valid", "not yet valid")

    def check_tls_wrong_name(self) -> None:
        self.refused_certificate("tls_wrong_name", "[Hh]ostname mismatch")

    def check_tls_self_signed(self) -> None:
        self.refused_certificate("tls_self_signed", "self[- ]signed certificate")

    def check_tls_unknown_ca(self) -> None:
        self.refused_certificate("tls_unknown_ca", "unable to get local issuer")

    def check_tls_old_version(self) -> None:
        self.refused_certificate("tls_old_version", "(?i)protocol|version|alert")
        old = RawClient(self.sim.port("webroot"), self.sim.ca_file)
        old.context.minimum_version = ssl.TLSVersion.TLSv1
        old.context.set_ciphers("ALL:@SECLEVEL=0")
        self.sim.arm("tls_old_version")
        self.assertIn(old.connect().version(), ("TLSv1", "TLSv1.1"))
        old.close()

    # -- before and after --
    def check_reset_after_headers(self) -> None:
        self.lost(self.faulty("reset_after_headers"), "reset", False)

    def check_latency(self) -> None:
        start = time.monotonic()
        self.assertEqual(self.faulty("latency", ms=150).status, 200)
        self.assertGreaterEqual(time.monotonic() - start, 0.15)

    def check_latency_after(self) -> None:
        start = time.monotonic()
        self.assertEqual(self.faulty("latency_after", ms=150).status, 200)
        self.assertGreaterEqual(time.monotonic() - start, 0.15)

    def check_reset_before(self) -> None:
        self.lost(self.faulty("reset_before"), "reset", False)

    def check_close_before(self) -> None:
        self.lost(self.faulty("close_before"), "eof", False)

    def check_reset_after(self) -> None:
        self.lost(self.faulty("reset_after"), "reset", True)
        token = self.sim.family(self.family)["tokens"][0]
        self.assertFalse(token["success_delivered"])

    def check_close_after(self) -> None:
        self.lost(self.faulty("close_after"), "eof", True)


class WireChecks(Checks):
    def check_drip(self) -> None:
        start = time.monotonic()
        self.assertIn("access_token", self.faulty("drip", bytes_per_s=2000).json)
        self.assertGreater(time.monotonic() - start, 0.1)

    def check_stall(self) -> None:
        self.client.limit_s = 0.3
        seen = self.faulty("stall", after_bytes=40)
        self.assertEqual((seen.end, len(seen.raw)), ("silent", 40))

    def check_truncate(self) -> None:
        for end, seen_end in (("close", "eof"), ("no_notify", "truncated"), ("reset", "reset")):
            self.client.close()
            seen = self.faulty("truncate", bytes=10, end=end)
            self.assertEqual(seen.end, seen_end)
            if end != "reset":  # a reset may overtake the bytes
                self.assertEqual((len(seen.body), int(seen.headers["content-length"]) > 10), (10, True))
            self.fresh()

    def check_no_close_notify(self) -> None:
        seen = self.faulty("no_close_notify")
        self.assertEqual((seen.end, seen.status, "content-length" in seen.headers), ("truncated", 200, False))
        self.assertGreater(len(seen.body), 10)

    def check_chunked(self) -> None:
        for mode, last in (("plain", b"0\r\n\r\n"), ("one_byte", b"\r\n1\r\n}\r\n0\r\n\r\n"),
                           ("trailers", b"X-Trailer: one\r\nAccess-Token: at_test_trailer\r\n\r\n")):
            self.sim.arm("chunked", mode=mode)
            self.client.limit_s = 0.3
            self.client.close()
            seen = self.refresh(self.account()["refresh_token"])
            self.assertEqual(seen.headers["transfer-encoding"], "chunked")
            self.assertTrue(seen.body.endswith(last), mode)
        self.client.close()
        self.assertTrue(self.faulty("chunked", mode="bad_size").body.startswith(b"zz\r\n"))
        self.fresh()
        self.client.close()
        seen = self.faulty("chunked", mode="missing_last")
        self.assertEqual((seen.end, seen.body.endswith(b"}\r\n")), ("eof", True))

    def check_te_and_cl(self) -> None:
        seen = self.faulty("te_and_cl")
        self.assertEqual((seen.headers["transfer-encoding"], seen.headers["content-length"]), ("chunked", "5"))

    def check_no_length(self) -> None:
        seen = self.faulty("no_length")
        self.assertEqual((seen.end, "content-length" in seen.headers, "access_token" in seen.json), ("eof", False, True))

    def check_interim(self) -> None:
        seen = self.faulty("interim")
        self.assertTrue(seen.raw.startswith(b"HTTP/1.1 100 Continue\r\n"))
        self.assertIn(b"HTTP/1.1 103 ", seen.raw)
        self.assertIn("access_token", seen.json)

    def check_huge_header(self) -> None:
        self.assertEqual(len(self.faulty("huge_header").headers["x-big-0"]), 80_000)
        self.fresh()
        many = self.faulty("huge_header", bytes=1000, lines=200).headers
        self.assertEqual(sum(name.startswith("x-big-") for name in many), 200)

    def check_endless_headers(self) -> None:
        seen = self.faulty("endless_headers", max_bytes=300_000)
        self.assertGreater(len(seen.raw), 290_000)
        self.assertNotIn(b"\r\n\r\n", seen.raw)

    def check_connection_close(self) -> None:
        seen = self.faulty("connection_close")
        self.assertEqual((seen.status, seen.headers["connection"], seen.end), (200, "close", "kept"))
        self.assertEqual(self.client.read(until_end=True).end, "eof")

    def check_two_lengths(self) -> None:
        seen = self.faulty("two_lengths")
        lengths = [line for line in seen.raw.split(b"\r\n") if line.startswith(b"Content-Length:")]
        self.assertEqual((len(lengths), lengths[1]), (2, b"Content-Length: 5"))

    def check_garbage_after(self) -> None:
        self.sim.arm("garbage_after")
        self.client.limit_s = 0.3
        self.client.send("POST", "/auth/token", f"grant_type=refresh_token&refresh_token={self.token}&scope=ecom.shop"
                         .encode(), Content_Type=FORM, Authorization=basic())
        seen = self.client.read(until_end=True)
        self.assertEqual(seen.raw.count(b"HTTP/1.1 200 OK"), 2)

    def check_close_idle(self) -> None:
        first = self.faulty("close_idle", when="now")
        self.assertEqual((first.status, first.headers.get("connection")), (200, None))
        time.sleep(0.1)
        self.assertIn(self.refresh(first.json["refresh_token"]).end, ("eof", "reset"))
        self.client.close()
        second = self.refresh(first.json["refresh_token"])
        self.sim.arm("close_idle", when="on_next", how="reset")
        third = self.refresh(second.json["refresh_token"])
        self.assertEqual(third.status, 200)
        self.assertEqual(self.refresh(third.json["refresh_token"]).end, "reset")
        self.client.close()
        self.assertEqual(self.refresh(third.json["refresh_token"]).status, 200, "nothing was processed")
