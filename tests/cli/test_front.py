"""The small static `tokenbroker` against the full command that it hands everything else to: the same words get the same answer, and
the daemon is asked once, whoever prints."""
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from fake_daemon import GARBAGE, HANG_UP, Error, FakeDaemon

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from harness.sanitizer import not_sanitized  # noqa: E402

PROGRAM = os.environ.get("TOKENBROKER", "build/dev/bin/tokenbroker")
FULL = os.path.join(os.path.dirname(PROGRAM), "../libexec/tokenbroker/tokenbroker-full")
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
TOKEN = {"account": "shop/main", "token": "at_test_1", "header": {"name": "X-Auth", "value": 'Bearer "at_test_1"'},
         "generation": 1, "expires_at_ms": 1, "remaining_ms": 299000, "scopes": ["a"], "attributes": {"b": "c"}}
TOKENS = "io.tokenbroker.tokens."
REASON = {"account": "shop/main", "reason": "what the provider said"}
ANSWERS = {
    "token": {"token": TOKEN},
    "a token that is no header": {"token": {**TOKEN, "header": None}},
    "an empty token": {"token": {**TOKEN, "token": ""}},
    "a token with an escape": {"token": {**TOKEN, "token": 'at_"\\test'}},
    "unknown": Error(TOKENS + "UnknownAccount", account="shop/main"),
    "login": Error(TOKENS + "LoginRequired", **REASON),
    "unavailable": Error(TOKENS + "ProviderUnavailable", **REASON, retry_after_ms=5000),
    "new error": Error(TOKENS + "NoSuchErrorYet"),
    "garbage": GARBAGE, "hang up": HANG_UP,
}
WORDS = [
    ["get", "shop/main"], ["get", "shop/main", "--header"], ["get", "--header", "shop/main"], ["get", "shop/main", "--json"],
    ["get", "--min-remaining", "60s", "shop/main"], ["get", "--min-remaining=1m", "shop/main", "--timeout", "900ms"],
    ["get", "shop/main", "--min-remaining", "90"], ["get", "shop/main", "--min-remaining", "1m30s", "--timeout", "5m"],
    ["get", "shop/main", "--timeout", "0s"], ["get", "shop/main", "--param", "user_id=7"],
]
WRONG = [
    [], ["get"], ["get", "shop/main", "--min-remaining", "soon"], ["get", "shop/main", "--timeout"], ["get", "shop/main", "-x"],
    ["get", "shop/main", "shop/other"], ["get", "", "--header"], ["get", "shop main"], ["get", "x" * 129], ["--header", "get", "shop/main"],
    ["get", "shop/main", "--header", "--header"], ["get", "shop/main", "--socket="], ["get", "--socket", "get", "shop/main"],
    ["get", "shop/main", "--help"], ["get", "shop/main", "--timeout", "1s", "--timeout", "2s"], ["get", "--", "shop/main"], ["--version"],
    ["get", "shop/main", "--timeout", "300001ms"], ["get", "shop/main", "--timeout=2h"], ["gett", "shop/main"], ["get", "shop/main", "--min-remaining", "99999999h"], ["get", "shop/main", "--min-remaining", "-5s"],
]


def run(program, *words, socket=None, **more):
    environment = {**os.environ, **({"TOKENBROKER_SOCKET": socket} if socket else {})}
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, env=environment, **more)
    return done.returncode, done.stdout, done.stderr


class FrontTest(unittest.TestCase):
    def same(self, daemon, words):
        asked = []
        ran = []
        for program in (FULL, PROGRAM):
            daemon.calls.clear()
            ran.append(run(program, *words, socket=daemon.socket))
            asked.append(list(daemon.calls))
        self.assertEqual(ran[0], ran[1], words)
        self.assertEqual(asked[0], asked[1], words)
        return ran[1], asked[1]

    def test_the_same_words_get_the_same_answer(self):
        seen = set()
        with FakeDaemon() as daemon:
            for (name, answer), words in itertools.product(ANSWERS.items(), WORDS):
                with self.subTest(name, words=words):
                    daemon.answers["GetToken"] = answer
                    ran, asked = self.same(daemon, words)
                    self.assertEqual(len(asked), 1, "the daemon was not asked once")
                    seen.add(ran[0])
        self.assertEqual(seen, {0, 1, 3, 4, 5, 6})

    def test_other_words_are_the_full_commands(self):
        with FakeDaemon() as daemon:
            daemon.answers["GetToken"] = ANSWERS["token"]
            for words in WRONG:
                with self.subTest(words=words):
                    self.same(daemon, words)

    def test_no_daemon(self):
        for socket in ("/nonexistent/tokens.sock", "/" + "x" * 200, "/"):
            self.assertEqual(run(PROGRAM, "get", "a/b", socket=socket), run(FULL, "get", "a/b", socket=socket))
            self.assertEqual(run(PROGRAM, "--socket", socket, "get", "a/b"), run(FULL, "get", "a/b", "--socket", socket))

    def test_a_token_that_has_to_be_waited_for(self):
        with FakeDaemon() as daemon:
            daemon.answers["GetToken"] = lambda _: time.sleep(0.3) or ANSWERS["token"]
            self.assertEqual(run(PROGRAM, "get", "shop/main", socket=daemon.socket), (0, "at_test_1\n", ""))
            self.assertEqual(len(daemon.calls), 1)

    def test_an_answer_larger_than_a_pipe(self):
        large = {"token": {**TOKEN, "attributes": {f"a{i}": "x" * 1024 for i in range(32)}, "token": "t" * 16384}}
        with FakeDaemon() as daemon:
            daemon.answers["GetToken"] = large
            self.assertEqual(run(PROGRAM, "get", "shop/main", socket=daemon.socket), (0, "t" * 16384 + "\n", ""))

    def test_streams_that_are_not_there(self):
        with FakeDaemon() as daemon, open("/dev/full", "w") as full:
            daemon.answers["GetToken"] = ANSWERS["token"]
            for redirect in (">&-", "<&-", "2>&-", "<&- >&- 2>&-", ">/dev/full"):
                ran = [subprocess.run(["sh", "-c", f'exec "$0" get shop/main {redirect}', program], capture_output=True, text=True,
                                      timeout=30, env={**os.environ, "TOKENBROKER_SOCKET": daemon.socket}) for program in (FULL, PROGRAM)]
                self.assertEqual(*[(done.returncode, done.stdout, done.stderr) for done in ran], redirect)
            del full
            reading, writing = os.pipe()
            os.close(reading)
            done = subprocess.run([PROGRAM, "--socket", daemon.socket, "get", "shop/main"], stdout=writing, stderr=subprocess.PIPE, text=True,
                                  timeout=30)
            os.close(writing)
            self.assertEqual((done.returncode, done.stderr), (1, "tokenbroker: can't write to standard output: Broken pipe\n"))

    @not_sanitized(PROGRAM, "its run time is a shared matter, and opens files of its own")
    def test_it_is_small(self):
        """What makes it quick to start: no loader, and no exec where a token is at hand."""
        with FakeDaemon() as daemon:
            daemon.answers["GetToken"] = ANSWERS["token"]
            done = subprocess.run(["strace", "-f", "-e", "trace=execve,openat,open", PROGRAM, "get", "shop/main"], capture_output=True, text=True,
                                  timeout=30, env={**os.environ, "TOKENBROKER_SOCKET": daemon.socket})
        self.assertEqual(done.stdout, "at_test_1\n")
        self.assertEqual(len(re.findall(r"^(?:\[pid +\d+\] )?(\w+)\(", done.stderr, re.M)), 1, done.stderr)

    def test_a_copy_without_its_other_half_says_so(self):
        with tempfile.TemporaryDirectory() as folder, open(os.path.join(TOP, "front/main.c"), encoding="utf-8") as source:
            self.assertIn("TB_FULL_COMMAND", source.read())
            copy = shutil.copy(PROGRAM, os.path.join(folder, "tokenbroker"))
            code, out, error = run(copy, "status", socket="/nonexistent/tokens.sock")
            if os.path.exists("/usr/libexec/tokenbroker/tokenbroker-full"):
                self.skipTest("token broker is installed here")
            self.assertEqual((code, out), (1, ""))
            self.assertRegex(error, r"tokenbroker: can't start \S+: No such file or directory; is the package whole\?")

    def test_the_default_patience_is_the_full_commands(self):
        def number(path, pattern):
            with open(os.path.join(TOP, path), encoding="utf-8") as source:
                return int(re.search(pattern, source.read())[1].replace("'", ""))
        self.assertEqual(number("front/wish.h", r"TIMEOUT_MS_DEFAULT = (\d+)"), number("cli/commands.hpp", r"timeout_ms = ([\d']+)"))
        self.assertEqual(number("client/inside.h", r"DEADLINE_MS_MAX = (\d+)"), number("base/limits.hpp", r"reader_timeout_max_ms{([\d']+)"))


if __name__ == "__main__":
    unittest.main(verbosity=1)
