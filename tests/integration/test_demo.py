"""./demo --once, with the programs built already: it ends by itself, prints a token, and leaves neither process nor folder."""
import os
import re
import subprocess
import tempfile
import unittest

from harness.paths import SOURCE_DIR, binary


class Demo(unittest.TestCase):
    def test_once(self) -> None:
        with tempfile.TemporaryDirectory(prefix="tokenbroker-demo-test-") as folder:
            environment = {**os.environ, "TOKENBROKER_BIN": os.path.dirname(binary("tokenbroker")), "TMPDIR": folder, "CI": "true"}
            done = subprocess.run(["bash", str(SOURCE_DIR / "demo"), "--once"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=120, env=environment, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            token = done.stdout.splitlines()[-1]
            self.assertRegex(token, r"^[\w-]{20,}$")
            row = re.search(r"^shop/main +fresh +\S+ +(\d+) ", done.stdout, re.M)
            self.assertIsNotNone(row, done.stdout)
            self.assertGreaterEqual(int(row[1]), 2, "no renewal was seen")
            self.assertEqual(os.listdir(folder), [])
            # The folder's name stands in the command line of everything that the demo started.
            self.assertEqual([pid for pid in filter(str.isdigit, os.listdir("/proc")) if folder in self.command_line(pid)], [])

    @staticmethod
    def command_line(pid: str) -> str:
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""


if __name__ == "__main__":
    unittest.main()
