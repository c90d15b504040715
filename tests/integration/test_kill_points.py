"""kill -9 of the real daemon before and after every system call that a renewal makes, in each of its threads.

Prints how many of the points were hit. A total below the recorded one (kill_points.txt) fails: then a renewal makes
fewer calls than it did, or they are no longer seen. TB_KILL_POINTS=all takes every one (harness/kill_points_case.py).
"""
import unittest

from harness.kill_points import ImmersveKillPoints, KillPoints
from harness.kill_points_case import KillPointsCase


class KillAtEachCall(KillPointsCase):
    def renew(self, world_type: type[KillPoints], policy: str) -> None:
        world, whole = self.survive(world_type, policy)
        self.assertEqual(world.counts["healed"] + world.counts["lost"], world.counts["kills"])
        if whole:
            self.assertGreater(world.counts["before processing"] * world.counts["committed"], 0)
            self.assertGreater(world.counts["processed, not committed"], 0)

    def test_grace(self) -> None:
        self.renew(KillPoints, "grace")

    def test_reject(self) -> None:
        self.renew(KillPoints, "reject")

    def test_revoke_family(self) -> None:
        self.renew(KillPoints, "revoke_family")

    def test_still_valid(self) -> None:
        self.renew(KillPoints, "still_valid")

    def test_immersve_grace(self) -> None:
        self.renew(ImmersveKillPoints, "grace")

    def test_immersve_reject(self) -> None:
        self.renew(ImmersveKillPoints, "reject")


if __name__ == "__main__":
    unittest.main()
