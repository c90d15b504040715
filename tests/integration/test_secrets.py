"""No grant and no client secret is to be found anywhere outside the sealed rows while the daemon is idle: not in its memory, its
log, its files, /proc, a core dump, or what it answers, after 1,000 renewals under load.

A search that finds nothing proves nothing by itself: the access tokens in hand and the grant of an exchange that is held open must be
found by the same search of the same memory, and each form of a secret in bytes that were made up.
"""
import os
import resource
import signal
import tempfile
import threading
import time
import unittest
from pathlib import Path

from harness import sanitizer
from harness.cli import run
from harness.process_view import children, memory, proc_texts
from harness.secret_kinds import made_up
from harness.secret_search import Search, forms
from harness.secret_world import World
from harness.sim import Simulator

RENEWALS = int(os.environ.get("TB_SECRETS_RENEWALS", "0")) or sanitizer.fewer(1000, 250)
WORK_LIMIT_S = sanitizer.patient(120.0)
MEMORY_BYTES_MIN = 8 * 1024 * 1024  # less than the program and its libraries: the image would be a piece of it


class TheSearch(unittest.TestCase):
    def test_it_finds_each_form_and_any_15_bytes_of_it(self) -> None:
        secret, other = made_up("cs"), made_up("cs")
        search = Search({"it": secret}, {"number": bytes(range(200, 232))})
        self.assertGreaterEqual(len(forms(secret)), 10)
        for form in forms(secret):
            for start in range(len(form) - 14):
                self.assertEqual(search.found_in(b"\0junk" + form[start:start + 15] + b"\0"), {"it"}, form)
        for number in (bytes(range(200, 232)), bytes(range(231, 199, -1))):
            self.assertEqual(search.found_in(b"\1" + number[8:24]), {"number"})
        for form in forms(other):
            self.assertEqual(search.found_in(form[12:]), set(), "12 letters of another one are no find")


class Secrets(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory(prefix="tb-test-")
        self.addCleanup(temporary.cleanup)
        self.sim = Simulator()
        self.addCleanup(self.sim.stop)
        self.world = World(self.sim, Path(temporary.name))
        self.daemon = self.world.daemon
        self.addCleanup(self.daemon.close)
        self.daemon.start()
        assert self.daemon.process is not None
        self.pid = self.daemon.process.pid

    def search(self) -> Search:
        return Search(self.world.grants(), {"private key": self.world.key.number})

    def in_memory(self, search: Search, writable_only: bool = False) -> dict[str, list[str]]:
        """Labels, and in which mappings."""
        found: dict[str, list[str]] = {}
        total = 0
        for name, piece in memory(self.pid):
            total += len(piece)
            if writable_only and not name.endswith("rw-p"):
                continue  # half of the time
            for label in search.found_in(piece):
                found.setdefault(label, []).append(name)
        self.assertGreater(total, MEMORY_BYTES_MIN, "this is no image of the memory")
        return found

    def test_nothing_is_left_behind(self) -> None:
        world = self.world
        world.enrol()
        watcher = threading.Thread(target=self.look_at_proc_meanwhile)
        self.looked: set[tuple[str, bytes]] = set()
        watcher.start()
        done = world.work(RENEWALS, WORK_LIMIT_S)
        watcher.join()
        self.assertEqual(world.failures, [])
        self.assertGreaterEqual(done, RENEWALS, self.daemon.log()[-2000:])
        world.settle()
        whole = not sanitizer.kind()  # its shadow memory is terabytes, and a SIGSEGV is a find to it
        if whole:
            self.check_memory_is_searched(self.search())
        world.sign_once_more()
        search = self.search()
        if whole:
            self.assertEqual(self.in_memory(search), {}, "in the memory of the idle daemon")
        self.check_words(search)
        self.check_proc(search)
        self.check_files(search)
        if whole:
            self.check_core_dump()
        print(f"{done} renewals, {len(world.grants())} secrets, {len(search.grams)} parts looked for", flush=True)

    def check_memory_is_searched(self, search: Search) -> None:
        """What must be there is found: the tokens in hand, and the grant of an exchange that waits for its reply."""
        tokens = self.world.tokens()
        found = self.in_memory(Search(tokens), writable_only=True)
        self.assertEqual(set(found), set(tokens), "each access token in hand is in memory")
        held = {"shop/a": "webroot", "cards/a": "immersve", "chat/a": "oauth2", "title/a": "playfab"}
        for account, persona in held.items():
            last = self.sim.state()["last_seq"]
            self.sim.arm("latency", ms=2500, match={"persona": persona})
            with self.daemon.admin() as admin:
                admin.send("RenewAccount", {"account": account})
                reached = self.sim.wait(persona=persona, since=last, timeout_s=10)
                self.assertTrue(reached["enough"], account)
                found = self.in_memory(search, writable_only=True)
                self.assertTrue(found, f"{account}: what is being sent is in memory")
                admin.receive()
            time.sleep(0.3)  # the connection is kept, the reply was committed

    def look_at_proc_meanwhile(self) -> None:
        while not self.world.stop.wait(2.0):
            self.looked.update(proc_texts(self.pid))
            self.looked.update((f"child {child} {name}", text) for child in children(self.pid) for name, text in proc_texts(child))

    def check_proc(self, search: Search) -> None:
        now = list(proc_texts(self.pid))
        names = {name for name, text in now if text}
        self.assertLessEqual({"environ", "cmdline", "maps", "fd", "status", "limits"}, names)
        for name, text in self.looked.union(now):
            self.assertEqual(search.found_in(text), set(), name)
        self.assertEqual(children(self.pid), [], "the daemon starts no processes")

    def check_words(self, search: Search) -> None:
        """The log at its highest level, every error and status, and what the command says."""
        log = self.daemon.log()
        self.assertIn("shop/refused", log, "a log that says nothing holds no secret either")
        said = "\n".join(self.world.said)
        for word in ("RenewalFailed", "AccountExists", "LifetimeTooShort", "InvalidParameter", "last_failure", "generation"):
            self.assertIn(word, said)
        for words in (("status", "--json"), ("status",), ("account", "list", "--json"), ("account", "show", "shop/a"),
                      ("renew", "shop/none"), ("client", "list", "--json")):
            ran = run(self.daemon.tokens_socket, *words)
            said += ran.out + ran.err
        self.assertEqual(search.found_in(log.encode()), set(), "in the log")
        self.assertEqual(search.found_in(said.encode()), set(), "in an answer")
        # What the provider echoed reached people with the secret taken out.
        self.assertIn("[secret]", said)

    def check_files(self, search: Search) -> None:
        files = {path.name: path.read_bytes() for path in self.daemon.state_dir.rglob("*") if path.is_file()}
        self.assertLessEqual({"tokenbroker.db", "tokenbroker.db-wal", "ballast", "master.key"}, set(files))
        for name, data in files.items():
            self.assertEqual(search.found_in(data), set(), name)
        self.assertIn(b"shop/refused", files["tokenbroker.db"] + files["tokenbroker.db-wal"], "names are not sealed")
        tokens = Search(self.world.tokens())
        for name, data in files.items():
            self.assertEqual(tokens.found_in(data), set(), f"access tokens are sealed as well: {name}")

    def check_core_dump(self) -> None:
        with open(f"/proc/{self.pid}/limits", encoding="utf-8") as limits:
            core = [line.split() for line in limits if line.startswith("Max core file size")][0]
        self.assertEqual(core[4:6], ["0", "0"], "RLIMIT_CORE")
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        try:
            resource.prlimit(self.pid, resource.RLIMIT_CORE, unlimited)
        except PermissionError:
            pass  # without CAP_SYS_RESOURCE even root can't lift it
        before = set(os.listdir())
        process, self.daemon.process = self.daemon.process, None
        assert process is not None
        process.send_signal(signal.SIGSEGV)
        ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        process.wait()
        assert ended is not None
        self.assertEqual((ended.si_status, ended.si_code), (signal.SIGSEGV, os.CLD_KILLED),
                         "killed without a dump, though root had lifted the limit")
        self.assertEqual(set(os.listdir()) - before, set())


if __name__ == "__main__":
    unittest.main()
