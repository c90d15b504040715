"""Self-tests of the faults: each kind, seen by a raw client over real TLS. A kind without a check is a failure."""
import gzip
import json
import time
import unittest
from email.utils import parsedate_to_datetime
from typing import Any, Callable

from case import Case
from clock import asctime_date, imf_date, rfc850_date
from fault_checks import Checks, ConnectionChecks, WireChecks
from kinds import KINDS, RETRY_AFTER_FORMS, SHAPES
from raw_client import RawClient, Seen


class ReplyChecks(Checks):
    def check_status(self) -> None:
        for form in RETRY_AFTER_FORMS:
            seen = self.faulty("status", status=429, retry_after=form, retry_after_s=7)
            now = parsedate_to_datetime(seen.headers["date"]).timestamp()
            wanted = {"seconds": "7", "imf": imf_date(now + 7), "rfc850": rfc850_date(now + 7), "negative": "-1",
                      "asctime": asctime_date(now + 7), "huge": "99999999", "garbage": "abc"}
            if form == "past":
                self.assertLess(parsedate_to_datetime(seen.headers["retry-after"]).timestamp(), now)
            else:
                self.assertEqual(seen.headers["retry-after"], wanted[form])
            self.assertEqual(seen.status, 429)
        self.assertFalse(self.spent())
        html = self.faulty("status", status=502, body="html")
        self.assertEqual((html.status, html.headers["content-type"]), (502, "text/html; charset=utf-8"))
        empty = self.faulty("status", status=504, body="empty")
        self.assertEqual((empty.status, empty.body, empty.headers.get("content-type")), (504, b"", None))
        self.assertEqual(self.faulty("status", json={"error": "slow_down"}).json, {"error": "slow_down"})
        self.assertEqual(self.faulty("status", status=500, processed=True).status, 500)
        self.assertTrue(self.spent())

    def check_redirect(self) -> None:
        for status in (301, 302, 307, 308):
            seen = self.faulty("redirect", status=status)
            self.assertEqual((seen.status, seen.headers["location"]),
                             (status, self.sim.ready["canary"] + "/auth/token"))
        self.assertTrue(self.faulty("redirect", to="canary_http").headers["location"].startswith("http://localhost:"))
        self.assertEqual(self.faulty("redirect", to="self").headers["location"], self.sim.url("webroot") + "/auth/token")
        self.assertNotIn("canary", {found["invariant"] for found in self.sim.check()})
        port = int(self.sim.ready["canary"].rsplit(":", 1)[1])
        canary = RawClient(port, self.sim.ca_file)
        canary.call("GET", "/auth/token")
        canary.close()
        self.assertIn("canary", {found["invariant"] for found in self.sim.check()})
        self.sim.post("/forget")

    def check_html(self) -> None:
        seen = self.faulty("html")
        self.assertEqual((seen.status, seen.headers["content-type"]), (200, "text/html; charset=utf-8"))
        self.assertIn(b"<html>", seen.body)

    def check_content_type(self) -> None:
        self.assertNotIn("content-type", self.faulty("content_type").headers)
        self.fresh()
        seen = self.faulty("content_type", value="application/octet-stream")
        self.assertEqual((seen.headers["content-type"], "access_token" in seen.json), ("application/octet-stream", True))

    def check_shape(self) -> None:
        parsed: dict[str, Any] = {"array": list, "string": str, "number": int, "null": type(None), "wrong": dict,
                                  "nul": dict, "huge_number": dict, "lone_surrogate": dict}
        for shape in SHAPES:
            self.fresh()
            seen = self.faulty("shape", shape=shape)
            self.assertEqual(seen.status, 200)
            if shape in parsed:
                self.assertIsInstance(seen.json, parsed[shape], shape)
            else:
                self.check_unparsable(shape, seen)

    def check_unparsable(self, shape: str, seen: Seen) -> None:
        marks = {"nested": b"[" * 10_000, "duplicate_access_token": b"at_test_second", "empty": b"",
                 "invalid_utf8": b"\xff\xfe", "trailing_garbage": b"} xyz", "raw_newline": b"\n"}
        self.assertIn(marks[shape], seen.body)
        self.assertEqual(seen.body.count(b"access_token"), {"duplicate_access_token": 2, "empty": 0}.get(shape, 1))

    def check_fields(self) -> None:
        seen = self.faulty("fields", set={"expires_in": "299"}, drop=["token_type"])
        self.assertEqual((seen.json["expires_in"], "token_type" in seen.json), ("299", False))

    def check_refresh_token(self) -> None:
        for mode, value in (("missing", None), ("empty", ""), ("same", self.token)):
            self.assertEqual(self.faulty("refresh_token", mode=mode).json.get("refresh_token"), value)
            self.assertFalse(self.spent())
        self.assertEqual(self.refresh(self.token).status, 200)

    def check_bom(self) -> None:
        self.assertEqual(self.faulty("bom").body[:4], b"\xef\xbb\xbf{")

    def check_utf16(self) -> None:
        self.assertIn("access_token", self.faulty("utf16").body.decode("utf-16"))

    def check_gzip(self) -> None:
        seen = self.faulty("gzip")
        self.assertEqual(seen.headers["content-encoding"], "gzip")
        self.assertIn("access_token", json.loads(gzip.decompress(seen.body)))
        bomb = self.faulty("gzip", bomb_bytes=5_000_000)
        self.assertLess(len(bomb.body), 10_000)
        self.assertEqual(len(gzip.decompress(bomb.body)), 5_000_000)

    def check_large_body(self) -> None:
        seen = self.faulty("large_body", bytes=3_000_000)
        self.assertEqual((len(seen.body), "access_token" in seen.json), (3_000_000, True))
        self.assertEqual(len(self.faulty("large_body", bytes=100_000, status=500, processed=False).body), 100_000)

    def check_date(self) -> None:
        seen = self.faulty("date", skew_s=-7200)
        off = parsedate_to_datetime(seen.headers["date"]).timestamp() - self.sim.state()["now"]
        self.assertAlmostEqual(off, -7200, delta=5)
        self.fresh()
        self.assertNotIn("date", self.faulty("date", mode="missing").headers)
        for mode, pattern in (("rfc850", r"^\w+day, \d\d-"), ("asctime", r"^\w{3} \w{3} [ \d]\d ")):
            self.fresh()
            self.assertRegex(self.faulty("date", mode=mode).headers["date"], pattern)
        self.fresh()
        self.assertEqual(self.faulty("date", mode="malformed").headers["date"], "yesterday at noon")


class EveryKind(ConnectionChecks, ReplyChecks, WireChecks):
    def test_every_kind(self) -> None:
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.setUp()
                self.fresh()
                check: Callable[[], None] | None = getattr(self, f"check_{kind}", None)
                self.assertIsNotNone(check, f"no check for the fault kind {kind}")
                assert check is not None
                check()
                self.assertGreaterEqual(self.fired(kind), 1)


class Matching(Case):
    def test_by_account_nth_and_count(self) -> None:
        one, two = self.account(), self.account()
        self.sim.arm("status", match={"persona": "webroot", "account": one["family"], "path": "/auth/token"}, nth=2, count=2)
        statuses = []
        for _ in range(4):
            seen = self.refresh(one["refresh_token"])
            if seen.status == 200:
                one = seen.json
            statuses.append(seen.status)
            two = self.refresh(two["refresh_token"]).json
        self.assertEqual(statuses, [200, 503, 503, 200])

    def test_stages_combine(self) -> None:
        token = self.account()["refresh_token"]
        self.sim.arm("latency", ms=100)
        self.sim.arm("status", status=503)
        self.sim.arm("no_length")
        start = time.monotonic()
        seen = self.refresh(token)
        self.assertEqual((seen.status, seen.end), (503, "eof"))
        self.assertGreater(time.monotonic() - start, 0.1)

    def test_for_ever_and_cleared(self) -> None:
        token = self.account()["refresh_token"]
        fault = self.sim.arm("status", count=0)
        self.assertEqual([self.refresh(token).status for _ in range(5)], [503] * 5)
        self.assertEqual(self.sim.post("/clear", id=fault)["cleared"], 1)
        self.assertEqual(self.refresh(token).status, 200)

    def test_chance_is_seeded(self) -> None:
        self.sim.arm("status", count=0, chance=0.5)
        statuses = {self.refresh(self.account()["refresh_token"]).status for _ in range(30)}
        self.assertEqual(statuses, {200, 503})


if __name__ == "__main__":
    unittest.main()
