"""kill -9 of the real daemon before and after every system call, in each of its threads, of a login over an account that has a grant
already, and of the proof of a pasted one.

As test_kill_points: prints how many of the points were hit, a total below the recorded one fails, TB_KILL_POINTS=all takes every one.
"""
import unittest

from harness.enrol_points import CandidatePoints, EnrolPoints, LoginPoints
from harness.kill_points_case import KillPointsCase


class KillWhileEnrolling(KillPointsCase):
    sample = 8


    def enrol(self, world_type: type[EnrolPoints], policy: str) -> None:
        world, whole = self.survive(world_type, policy)
        self.assertEqual(world.counts["old serves"] + world.counts["new serves"], world.counts["kills"])
        if whole:
            self.assertGreater(world.counts["old serves"] * world.counts["new serves"], 0)

    def test_login(self) -> None:
        self.sample = 5  # each waits a second for the provider's poll interval
        self.enrol(LoginPoints, "revoke_family")

    def test_candidate_grace(self) -> None:
        self.enrol(CandidatePoints, "grace")

    def test_candidate_revoke_family(self) -> None:
        self.enrol(CandidatePoints, "revoke_family")


if __name__ == "__main__":
    unittest.main()
