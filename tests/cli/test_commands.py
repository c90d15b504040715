"""What each command sends and prints, what it does with a closed standard output, a terminal, a secret, a signal."""
import json
import os
import pty
import select
import signal
import subprocess
import time
import unittest

from fake_daemon import Error, FakeDaemon, Stream
from test_exit_codes import DAEMON, PROGRAM, SECRET, STATUS, TOKEN

CLIENT_REPLY_BYTES_MAX = 16 * 1024 * 1024  # limits::client_reply_bytes_max


class Commands(unittest.TestCase):
    def setUp(self):
        self.daemon = FakeDaemon().__enter__()
        self.addCleanup(self.daemon.__exit__)
        self.daemon.answers["GetToken"] = {"token": TOKEN}

    def run_ok(self, *words, code=0, **options):
        options.setdefault("input", "")
        done = subprocess.run([PROGRAM, "--socket", self.daemon.socket, *words], capture_output=True, text=True, timeout=30, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_get_prints_the_token_alone(self):
        self.assertEqual(self.run_ok("get", "shop/main").stdout, "at_test_1\n")
        self.assertEqual(self.run_ok("get", "shop/main", "--header").stdout, "Authorization: Bearer at_test_1\n")
        self.assertEqual(json.loads(self.run_ok("get", "shop/main", "--json").stdout), TOKEN)

    def test_get_passes_on_what_was_asked(self):
        self.run_ok("get", "shop/main", "--min-remaining", "60s", "--timeout", "1m", "--param", "user_id=7", "--param", "o=a=b")
        self.assertEqual(self.daemon.parameters_of("GetToken"), {"account": "shop/main", "min_remaining_ms": 60000,
                         "timeout_ms": 60000, "parameters": {"user_id": "7", "o": "a=b"}})
        self.run_ok("get", "shop/main")
        self.assertEqual(self.daemon.parameters_of("GetToken"), {"account": "shop/main", "timeout_ms": 10000})

    def test_no_longer_wait_than_the_daemons(self):
        """Said before anything is asked, not only when a renewal has to be waited for."""
        for code, words in ((2, ["get", "shop/main", "--timeout"]), (125, ["exec", "A=shop/main", "--timeout"]),
                            (2, ["renew", "shop/main", "--timeout"]), (2, ["account", "add", "shop/main", "--wait"])):
            tail = ["--", "true"] if words[0] == "exec" else []
            for wait in ("300001ms", "5m1s", "2h"):
                with self.subTest(words=words, wait=wait):
                    done = self.run_ok(*words, wait, *tail, code=code)
                    self.assertEqual(done.stdout, "")
                    self.assertIn(f"{words[-1]}: '{wait}' is too long; the daemon waits at most 5m\n", done.stderr)
                    self.assertEqual(self.daemon.calls, [])
            self.assertRegex(self.run_ok(*[word for word in words if word.isalpha()], "--help").stdout, r"at\s+most\s+5m")
        self.run_ok("get", "shop/main", "--timeout", "5m")
        self.assertEqual(self.daemon.parameters_of("GetToken")["timeout_ms"], 300000)
        self.run_ok("get", "shop/main", "--timeout", "300000ms", "--min-remaining", "3650d")
        self.assertEqual(self.daemon.parameters_of("GetToken")["min_remaining_ms"], 315360000000)
        self.assertIn("at most 3650d", self.run_ok("get", "shop/main", "--min-remaining", "3651d", code=2).stderr)

    def test_the_socket_by_environment(self):
        done = subprocess.run([PROGRAM, "get", "shop/main"], env={"TOKENBROKER_SOCKET": self.daemon.socket}, capture_output=True,
                              text=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout), (0, "at_test_1\n"))

    def test_nobody_takes_the_token(self):
        for redirect in (">&-", ">/dev/full"):
            done = self.run_shell(f'"$0" get shop/main {redirect}')
            self.assertEqual(done.returncode, 1, redirect)
            self.assertIn("can't write to standard output", done.stderr)
        self.assertEqual(self.run_shell('"$0" get shop/main <&- 2>&-').stdout, "at_test_1\n")
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([PROGRAM, "--socket", self.daemon.socket, "get", "shop/main"], stdout=write, stderr=subprocess.PIPE,
                              timeout=30)
        os.close(write)
        self.assertEqual(done.returncode, 1)

    def run_shell(self, script):
        return subprocess.run(["sh", "-c", script, PROGRAM], env={**os.environ, "TOKENBROKER_SOCKET": self.daemon.socket},
                              capture_output=True, text=True, timeout=30)

    def test_exec_gives_the_token_in_the_environment_only(self):
        self.daemon.answers["GetToken"] = lambda p: {"token": {**TOKEN, "token": "at_test_" + p["account"][-1]}}
        script = 'printf "%s %s " "$A" "$B"; tr "\\0" " " < /proc/$$/cmdline; exit 42'
        done = self.run_ok("exec", "A=shop/a", "B=shop/b", "--", "sh", "-c", script, "--json", code=42)
        self.assertTrue(done.stdout.startswith("at_test_a at_test_b sh -c "), done.stdout)
        self.assertEqual(done.stdout.count("at_test_"), 2)

    def test_exec_is_the_command(self):
        self.run_ok("exec", "A=shop/main", "--", "/nonexistent/x", code=127)
        self.run_ok("exec", "A=shop/main", "--", "/etc/passwd", code=126)
        self.assertEqual(self.run_ok("exec", "A=shop/main", "--", "sh", "-c", "kill -TERM $$", code=-signal.SIGTERM).stderr, "")
        # Ignored SIGPIPE is ours alone: the command's writer dies of it as ever.
        done = self.run_ok("exec", "A=shop/main", "--", "sh", "-c", "(sleep 0.2; yes; echo $? >&2) | true; sleep 0.5")
        self.assertNotIn("Broken pipe", done.stderr)
        fds = self.run_ok("exec", "A=shop/main", "--", "ls", "/proc/self/fd").stdout.split()
        self.assertLessEqual(len(fds), 4, "a descriptor leaked into the command")

    def test_exec_starts_nothing_when_one_token_is_missing(self):
        self.daemon.answers["GetToken"] = [{"token": TOKEN}, Error("io.tokenbroker.tokens.UnknownAccount", account="x/y")]
        done = self.run_ok("exec", "A=shop/main", "B=x/y", "--", "echo", "started", code=125)
        self.assertEqual(done.stdout, "")

    def test_watch(self):
        events = Stream([{"account": "shop/main", "event": "new_token", "token": TOKEN},
                         {"account": "shop/main", "event": "paused", "reason": "by an operator\x1b"}])
        self.daemon.answers["WatchTokens"] = events
        out = self.run_ok("watch", "shop/main", "x/y").stdout
        self.assertEqual(out, "shop/main new_token generation 1, 4m59s left\nshop/main paused: by an operator?\n")
        self.assertEqual(self.daemon.parameters_of("WatchTokens"), {"accounts": ["shop/main", "x/y"]})
        lines = self.run_ok("watch", "shop/main", "--json").stdout.splitlines()
        self.assertEqual([json.loads(line) for line in lines], list(events))

    def test_status_puts_pages_together(self):
        pages = {None: (["a/1", "a/2"], "a/2"), "a/2": (["a/3"], None)}

        def page(parameters):
            names, more = pages[parameters.get("after")]
            reply = {"daemon": DAEMON, "accounts": [{**STATUS, "account": n} for n in names]}
            return {**reply, "next": more} if more else reply
        self.daemon.answers["GetStatus"] = page
        whole = json.loads(self.run_ok("status", "--json").stdout)
        self.assertEqual([a["account"] for a in whole["accounts"]], ["a/1", "a/2", "a/3"])
        self.assertEqual(whole["daemon"], DAEMON)
        out = self.run_ok("status").stdout
        self.assertIn("ACCOUNT", out)
        self.assertNotIn("\x1b", out)
        self.run_ok("status", "shop/main")
        self.assertEqual(self.daemon.parameters_of("GetStatus"), {"accounts": ["shop/main"], "after": "a/2"})

    def test_large_answers(self):
        many = [{**STATUS, "account": f"shop/{i}"} for i in range(5000)]
        self.daemon.answers["GetStatus"] = {"daemon": DAEMON, "accounts": many}
        self.assertEqual(self.run_ok("status").stdout.count("shop/"), 5000)
        self.daemon.answers["GetStatus"] = {"daemon": {**DAEMON, "config": "x" * CLIENT_REPLY_BYTES_MAX}, "accounts": []}
        self.assertIn("larger than any can be", self.run_ok("status", code=1).stderr)

    def test_status_watch_ends_when_nobody_looks(self):
        self.daemon.answers["GetStatus"] = {"daemon": DAEMON, "accounts": [STATUS]}
        done = self.run_shell('"$0" status --watch --interval 10ms --json | head -n 3')
        self.assertEqual(len(done.stdout.splitlines()), 3)

    def test_secret_from_standard_input(self):
        self.daemon.answers["AddAccount"] = {"account": STATUS, "proved": True, "notices": ["removed 'Bearer '"]}
        done = self.run_ok("account", "add", "shop/main", "--field", "refresh_token", "--attribute", "user=u", "--replace",
                           "--wait", "3s", input=SECRET + "\r\n\n")
        self.assertEqual(self.daemon.parameters_of("AddAccount"), {"account": "shop/main", "secrets": {"refresh_token": SECRET},
                         "attributes": {"user": "u"}, "replace": True, "wait_ms": 3000})
        self.assertIn("removed 'Bearer '", done.stderr)
        for wrong in ("", "\n", "x" * 16385):
            before = len(self.daemon.calls)
            self.run_ok("account", "add", "shop/main", "--field", "refresh_token", input=wrong, code=1)
            self.assertEqual(len(self.daemon.calls), before, "something was sent")
        self.run_ok("account", "add", "shop/main", "--field", "refresh_token", input="x" * 16384)
        done = subprocess.run([PROGRAM, "--socket", self.daemon.socket, "client", "set-secret", "shop"], input=b"\xff\xfe",
                              capture_output=True, timeout=30)
        self.assertEqual((done.returncode, b"UTF-8" in done.stderr), (1, True))

    def test_the_field_follows_the_provider(self):
        self.daemon.answers["AddAccount"] = {"account": STATUS, "proved": True, "notices": []}
        self.daemon.answers["ListClients"] = {"clients": [
            {"client": "shop", "fields": ["refresh_token"]}, {"client": "models", "fields": ["token"]},
            {"client": "avatars", "fields": []}]}
        self.run_ok("account", "add", "shop/main", input=SECRET)
        self.assertEqual(self.daemon.parameters_of("AddAccount")["secrets"], {"refresh_token": SECRET})
        self.run_ok("account", "add", "models/cdn", input=SECRET)
        self.assertEqual(self.daemon.parameters_of("AddAccount")["secrets"], {"token": SECRET})
        self.run_ok("account", "add", "avatars/main", input=SECRET)  # an account without a secret of its own: none is read
        self.assertEqual(self.daemon.parameters_of("AddAccount")["secrets"], {})
        done = self.run_ok("account", "add", "nosuch/main", input=SECRET, code=3)
        self.assertIn("there are: shop, models, avatars", done.stderr)

    def test_secrets_from_files(self):
        self.daemon.answers["AddAccount"] = {"account": STATUS, "proved": True, "notices": []}
        path = os.path.join(self.daemon.folder.name, "secret")
        with open(path, "w") as file:
            file.write(SECRET + "\n")
        self.run_ok("account", "add", "shop/main", "--secret-file", "password=" + path, "--no-wait")
        self.assertEqual(self.daemon.parameters_of("AddAccount"), {"account": "shop/main", "secrets": {"password": SECRET}, "wait_ms": 0})
        self.run_ok("account", "add", "shop/main", "--secret-file", "password=" + path, "--field", "refresh_token", input="rt_test_2")
        self.assertEqual(self.daemon.parameters_of("AddAccount")["secrets"], {"password": SECRET, "refresh_token": "rt_test_2"})
        self.run_ok("account", "add", "shop/main", "--secret-file", "password=/nonexistent", code=1)

    def test_an_account_without_a_first_token(self):
        for state, code in (("enrolling", 5), ("login_required", 4), ("misconfigured", 1)):
            self.daemon.answers["AddAccount"] = {"account": {**STATUS, "state": state, "reason": "why"}, "proved": False, "notices": []}
            done = self.run_ok("account", "add", "shop/main", "--field", "f", input=SECRET, code=code)
            self.assertIn("added, but no token could be got yet: why", done.stderr)
            self.run_ok("account", "add", "shop/main", "--field", "f", "--no-wait", input=SECRET)

    def on_a_terminal(self, words, typed, environment=None):
        # Not pty.fork(): between fork and exec a child of this process, which has threads, may wait for a lock for ever.
        terminal, theirs = pty.openpty()
        variables = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        variables |= {"TERM": "xterm", "TOKENBROKER_SOCKET": self.daemon.socket, **(environment or {})}
        child = subprocess.Popen([PROGRAM, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=variables, start_new_session=True)
        os.close(theirs)
        seen, sent, until = b"", False, time.monotonic() + 20
        while select.select([terminal], [], [], max(0, until - time.monotonic()))[0]:
            try:
                chunk = os.read(terminal, 4096)
            except OSError:
                break
            seen += chunk
            if b"not shown" in seen and not sent:
                os.write(terminal, typed)
                sent = True
        os.close(terminal)
        return child.wait(timeout=20), seen.decode()

    def test_typing_a_secret(self):
        self.daemon.answers["SetClientSecret"] = {}
        code, seen = self.on_a_terminal(["client", "set-secret", "shop"], b"wrong\x15" + SECRET.encode() + b"x\x7f\r")
        self.assertEqual(code, 0, seen)
        self.assertNotIn(SECRET, seen)
        self.assertEqual(self.daemon.parameters_of("SetClientSecret"), {"client": "shop", "name": "client_secret", "value": SECRET})
        long = b"l" * 9000
        self.assertEqual(self.on_a_terminal(["client", "set-secret", "shop", "--name", "k"], long + b"\n")[0], 0)
        self.assertEqual(self.daemon.parameters_of("SetClientSecret")["value"], long.decode())
        before = len(self.daemon.calls)
        self.assertEqual(self.on_a_terminal(["client", "set-secret", "shop"], b"half\x03")[0], 1)
        self.assertEqual(len(self.daemon.calls), before)

    def test_colours_only_where_wanted(self):
        self.daemon.answers["GetStatus"] = {"daemon": DAEMON, "accounts": [STATUS]}
        self.assertIn("\x1b[32mfresh", self.on_a_terminal(["status"], b"")[1])
        self.assertNotIn("\x1b", self.on_a_terminal(["status"], b"", {"NO_COLOR": "1"})[1])

    def test_who_may_not_connect(self):
        if os.getuid() != 0:
            self.skipTest("needs root to become somebody else")
        os.chmod(self.daemon.socket, 0o600)
        done = self.run_ok("get", "shop/main", code=1, user=65534, group=65534, extra_groups=[])
        self.assertIn("may not connect", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
