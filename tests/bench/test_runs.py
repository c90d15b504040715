"""bench/run with the programs of this build: a short round is measured, and nothing is left behind, also when it is interrupted.
Times are not judged here; bench.counts gates the counts."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(os.environ["TB_SOURCE_DIR"])
BIN = Path(os.environ["TB_BIN_DIR"])


def start(folder: str, *options: str) -> subprocess.Popen[str]:
    """bench/run with its temporary files in `folder`."""
    return subprocess.Popen([sys.executable, "-B", str(ROOT / "bench" / "run"), "--bin", str(BIN), *options], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": folder})


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Runs(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="tb-bench-test-")
        os.chmod(self.folder, 0o711)
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", self.folder], check=True))

    def test_a_quick_round_measures_and_leaves_nothing(self) -> None:
        out = Path(self.folder) / "figures.json"
        run = start(self.folder, "--quick", "--only", "warm", "--json", str(out), "--charts", self.folder)
        said, _ = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 0, said)
        figures = json.loads(out.read_text())["figures"]
        self.assertEqual(figures[0]["name"], "warm GetToken, 1 connection, p50, replies of 1.2 KB", said)
        self.assertGreater(figures[0]["value"], 1.0)
        self.assertGreater(figures[0]["floor"], 1.0)
        self.assertIn("at most 1.25 x", said)
        self.assertEqual(sorted(os.listdir(self.folder)), ["figures.json", "latency.svg"], said)

    def test_interrupted_it_ends_what_it_started(self) -> None:
        for how, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            run = start(self.folder, "--quick", "--rounds", "500", "--only", "warm")
            until = time.monotonic() + 30
            while len(children_of(run.pid)) < 2 and time.monotonic() < until:
                time.sleep(0.02)
            children = children_of(run.pid)
            self.assertGreaterEqual(len(children), 2)
            run.send_signal(how)
            said, _ = run.communicate(timeout=60)
            self.assertEqual(run.returncode, status, said)
            self.assertEqual([pid for pid in children if Path(f"/proc/{pid}").exists()], [])
            self.assertEqual(os.listdir(self.folder), [])

    def test_a_row_that_does_not_exist_is_named(self) -> None:
        run = start(self.folder, "--only", "nonsense")
        said, _ = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 2)
        self.assertIn("no such row: nonsense; there are ", said)

    def test_a_wrong_reply_is_an_error_not_a_figure(self) -> None:
        """The load generator against a server that answers with another account's name."""
        socket = str(Path(self.folder) / "floor.sock")
        server = subprocess.Popen([str(BIN / "bench_floor"), "--socket", socket])
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        for _ in range(500):
            if Path(socket).exists():
                break
            time.sleep(0.01)
        load = [str(BIN / "bench_load"), "--socket", socket, "--requests", "64", "--depth", "16", "--connections", "2"]
        right = json.loads(subprocess.run([*load, "--protocol", "floor"], capture_output=True, check=True, timeout=30).stdout)
        wrong = json.loads(subprocess.run([*load, "--protocol", "varlink"], capture_output=True, check=True, timeout=30).stdout)
        self.assertEqual((right["requests"], right["errors"]), (64, 0))
        self.assertEqual((wrong["requests"], wrong["errors"]), (64, 64))
        self.assertIn("xxxx", wrong["first_error"])


if __name__ == "__main__":
    unittest.main()
