"""What gates: system calls and user instructions of a warm GetToken, of the optimised daemon, with a rule that names the caller's uid."""
import os
import subprocess
import sys
import unittest
from pathlib import Path

RUN = Path(os.environ["TB_SOURCE_DIR"]) / "bench" / "run"


class Counts(unittest.TestCase):
    def test_the_bars_are_kept(self) -> None:
        done = subprocess.run([sys.executable, "-B", str(RUN), "--bin", os.environ["TB_BIN_DIR"], "--only", "counts", "--gate"],
                              text=True, capture_output=True, timeout=280, check=False)
        print(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count(" met"), 10, "five counts, each in two tables")


if __name__ == "__main__":
    unittest.main()
