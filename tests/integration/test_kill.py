"""kill -9 of the real daemon at seeded points of a renewal, under each fate that a used refresh token can have.

Prints a table: healed, lost, double spent per policy. Fails if a grant is spent again after its successor was committed,
or lost although it was committed, or lost where the provider would have healed a replay.
The seed is printed first; TB_KILL_SEED replays it (up to the timing of the machine), TB_KILLS sets the number per policy.
"""
import os
import random
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

from harness.kill_world import STAGES, KillWorld
from harness.sanitizer import fewer
from harness.sim import Simulator

COLUMNS = ("kills", *STAGES, "with a fault", "kills while healing", "replays", "healed", "lost", "lost after commit", "double spent")
LOG_TAIL = 4000


class Kill(unittest.TestCase):
    seed = int(os.environ.get("TB_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
    kills = int(os.environ.get("TB_KILLS", "0")) or fewer(100, 12)
    table: list[tuple[str, ...]] = []

    @classmethod
    def setUpClass(cls) -> None:
        print(f"TB_KILL_SEED={cls.seed}", file=sys.stderr, flush=True)
        cls.table = [("policy", *COLUMNS, "seconds")]

    @classmethod
    def tearDownClass(cls) -> None:
        widths = [max(len(row[column]) for row in cls.table) for column in range(len(cls.table[0]))]
        for row in cls.table:
            print("  ".join(text.rjust(width) for text, width in zip(row, widths)), file=sys.stderr)

    def survive(self, policy: str) -> None:
        folder = Path(tempfile.mkdtemp(prefix="tb-kill-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        start = time.monotonic()
        with Simulator("--persona", "webroot", "--seed", str(self.seed)) as sim:
            world = KillWorld(sim, folder, policy, self.seed)
            try:
                world.run(self.kills)
            except BaseException:
                print(world.daemon.log()[-LOG_TAIL:], file=sys.stderr)
                raise
            finally:
                spent = f"{time.monotonic() - start:.1f}"
                self.table.append((policy, *(str(world.counts[column]) for column in COLUMNS), spent))
        if world.failures:
            print(world.daemon.log()[-LOG_TAIL:], file=sys.stderr)
        self.assertEqual(world.failures, [])
        self.assertEqual(world.counts["kills"], self.kills)
        self.assertEqual(world.counts["healed"] + world.counts["lost"], self.kills)
        if self.kills >= 100:  # enough to have struck on both sides of each step
            for stage in STAGES:
                self.assertGreater(world.counts[stage], 0, f"no kill struck the stage: {stage}")

    def test_reject(self) -> None:
        self.survive("reject")

    def test_grace(self) -> None:
        self.survive("grace")

    def test_revoke_family(self) -> None:
        self.survive("revoke_family")

    def test_still_valid(self) -> None:
        self.survive("still_valid")


if __name__ == "__main__":
    unittest.main()
