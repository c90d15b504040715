"""kill -9 of the real daemon before and after every system call that a renewal makes, in each of its threads.

Prints how many of the points were hit. A total below the recorded one (kill_points.txt) fails: then a renewal makes
fewer calls than it did, or they are no longer seen. TB_KILL_POINTS sets how many points each policy is killed at:
by default some, evenly spread with the first and the last; `all` for every one.
"""
import os
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

from harness.kill_points import UNSTEADY, ImmersveKillPoints, KillPoints
from harness.sim import Simulator

RECORDED = Path(__file__).with_name("kill_points.txt")
SAMPLE = 12
LOG_TAIL = 1500


def recorded(persona: str) -> int:
    for line in RECORDED.read_text().splitlines():
        if line.startswith(persona + " "):
            return int(line.split()[1])
    raise AssertionError(f"{RECORDED.name} has no line for {persona}")


class KillAtEachCall(unittest.TestCase):
    def survive(self, world_type: type[KillPoints], policy: str) -> None:
        wish = os.environ.get("TB_KILL_POINTS", str(SAMPLE))
        most = 0 if wish == "all" else int(wish)
        folder = Path(tempfile.mkdtemp(prefix="tb-points-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        start = time.monotonic()
        with Simulator("--persona", world_type.persona, "--seed", "1") as sim:
            world = world_type(sim, folder, policy, 1)
            try:
                every = world.sweep(most)
            except BaseException:
                print(world.daemon.log()[-LOG_TAIL:], file=sys.stderr)
                raise
        # The audit writes when it likes, and no grant's fate hangs on it: it is killed at, but not counted.
        steady = sum(point.call not in UNSTEADY and point.thread != "tb-audit" for point in every)
        by_thread = {thread: sum(point.thread == thread for point in every) for thread in sorted({p.thread for p in every})}
        print(f"{world.persona} {policy}: hit {len(world.hit)} of {len(every)} points ({steady} of steady calls; {by_thread}; "
              f"not met {len(world.missed)}); {dict(world.counts)}; {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)
        for point in world.missed:
            print(f"  not met: {point}", file=sys.stderr)
        self.assertEqual(world.failures, [])
        self.assertGreaterEqual(steady, recorded(world.persona), f"fewer points than {RECORDED.name} has; see there")
        self.assertEqual([str(point) for point in world.missed if point.call not in UNSTEADY and point.thread != "tb-audit"], [], "never met")
        self.assertEqual(world.counts["healed"] + world.counts["lost"], world.counts["kills"])
        if most == 0:
            self.assertGreater(world.counts["before processing"] * world.counts["committed"], 0)
            self.assertGreater(world.counts["processed, not committed"], 0)

    def test_grace(self) -> None:
        self.survive(KillPoints, "grace")

    def test_reject(self) -> None:
        self.survive(KillPoints, "reject")

    def test_revoke_family(self) -> None:
        self.survive(KillPoints, "revoke_family")

    def test_still_valid(self) -> None:
        self.survive(KillPoints, "still_valid")

    def test_immersve_grace(self) -> None:
        self.survive(ImmersveKillPoints, "grace")

    def test_immersve_reject(self) -> None:
        self.survive(ImmersveKillPoints, "reject")


if __name__ == "__main__":
    unittest.main()
