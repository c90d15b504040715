"""run.py against programs with one defect each: it must see every one, though their output is thrown away, nobody asks for their exit
status and some are killed; and nothing where there is nothing. TB_CC, TB_CC_FLAGS: as the build was made.
"""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLAGS = os.environ["TB_CC_FLAGS"].split()
FOUND = {"address": {"leak": "LeakSanitizer: detected memory leaks", "address": "AddressSanitizer: heap-buffer-overflow",
                     "undefined": "runtime error: signed integer overflow"},
         "thread": {"race": "ThreadSanitizer: data race", "race and killed": "ThreadSanitizer: data race"}}
KIND = "thread" if any("thread" in flag for flag in FLAGS) else "address"


class Reports(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        temporary = tempfile.TemporaryDirectory(prefix="tb-test-")
        cls.addClassCleanup(temporary.cleanup)
        cls.program = str(Path(temporary.name) / "defects")
        subprocess.run([os.environ["TB_CC"], *FLAGS, "-o", cls.program, str(HERE / "defects.c"), "-pthread"], check=True)

    def ran(self, script: str, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([sys.executable, "-B", str(HERE / "run.py"), "sh", "-c", script, "sh", self.program, *words],
                              capture_output=True, text=True, timeout=60, check=False)

    def test_each_defect_fails(self) -> None:
        for kind, words in FOUND[KIND].items():
            with self.subTest(kind):
                done = self.ran('"$@" >/dev/null 2>&1; exit 0', kind)
                self.assertIn(words, done.stderr)
                self.assertEqual(done.returncode, 86)

    def test_nothing_is_no_defect(self) -> None:
        self.assertEqual(self.ran('"$@"').returncode, 0)

    def test_the_exit_status_is_the_commands(self) -> None:
        self.assertEqual(self.ran('"$@"; exit 7').returncode, 7)
        self.assertEqual(self.ran("kill -9 $$").returncode, 137)


if __name__ == "__main__":
    unittest.main()
