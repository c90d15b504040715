#!/usr/bin/env python3
"""run.py COMMAND...: runs a test of a sanitizer build; fails if any process under it, however deep and however it ended, left a report.

Reports go into files of a folder of this run: a process that is killed, whose output is what a test expects, or whose exit status
nobody looks at has left its report all the same. What the command itself ends with stays as it is when there is none.
"""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

# Every sanitizer that may be linked in: UBSan's run time beside g++'s ASan has options of its own.
VARIABLES = ("ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
SHOWN_BYTES = 8000  # of each report: two stacks and a summary
FAILED = 86  # no command of ours ends with it


def options(folder: Path) -> dict[str, str]:
    """The environment, with a place for reports. What the caller has set stays, and a later option wins."""
    more = f"log_path={folder}/report:print_stacktrace=1"
    return {**os.environ, **{name: ":".join(filter(None, (os.environ.get(name), more))) for name in VARIABLES}}


def end_with_parent() -> None:
    """What ends a test that takes too long ends us: the test itself must not go on."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="tb-sanitizer-"))
    folder.chmod(0o1777)  # some daemons and callers of the tests are other users
    try:
        code = subprocess.run(sys.argv[1:], env=options(folder), preexec_fn=end_with_parent, check=False).returncode
        reports = sorted(folder.iterdir())
        for report in reports:
            text = report.read_text(errors="replace")
            print(f"--- a sanitizer's report ({report.name}) ---\n{text[:SHOWN_BYTES]}", file=sys.stderr, flush=True)
        return FAILED if reports else code if code >= 0 else 128 - code
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
