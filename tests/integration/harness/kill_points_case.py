"""A test case that kills at each point of a world (KillPoints), prints how many were hit, and holds the total to the recorded one.

TB_KILL_POINTS sets how many points each world is killed at: by default some, evenly spread with the first and the last; `all` for
every one.
"""
import os
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

from harness.kill_points import UNSTEADY, KillPoints, Point
from harness.sanitizer import fewer
from harness.sim import Simulator

RECORDED = Path(__file__).parent.with_name("kill_points.txt")
LOG_TAIL = 1500


def recorded(name: str) -> int:
    for line in RECORDED.read_text().splitlines():
        if line.startswith(name + " "):
            return int(line.split()[1])
    raise AssertionError(f"{RECORDED.name} has no line for {name}")


def is_steady(point: Point) -> bool:
    """The audit writes when it likes, and no grant's fate hangs on it: it is killed at, but not counted."""
    return point.call not in UNSTEADY and point.thread != "tb-audit"


class KillPointsCase(unittest.TestCase):
    sample = 12

    def survive(self, world_type: type[KillPoints], policy: str) -> tuple[KillPoints, bool]:
        """The world after all kills, and whether they were all that there are."""
        wish = os.environ.get("TB_KILL_POINTS", str(fewer(self.sample, max(3, self.sample // 2))))
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
        steady = sum(is_steady(point) for point in every)
        by_thread = {thread: sum(point.thread == thread for point in every) for thread in sorted({p.thread for p in every})}
        print(f"{world.what} {policy}: hit {len(world.hit)} of {len(every)} points ({steady} of steady calls; {by_thread}; "
              f"not met {len(world.missed)}); {dict(world.counts)}; {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)
        for point in world.missed:
            print(f"  not met: {point}", file=sys.stderr)
        for text in world.failures:
            print(f"  {text}", file=sys.stderr, flush=True)
        self.assertEqual(world.failures, [])
        self.assertGreaterEqual(steady, recorded(world.what), f"fewer points than {RECORDED.name} has; see there")
        self.assertEqual([str(point) for point in world.missed if is_steady(point)], [], "never met")
        return world, most == 0
