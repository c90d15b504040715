"""The simulator's clock: wall time moved by an offset that a test can advance, and plain monotonic time.

Everything the personas say or judge (expiry, Date) uses now(); pauses and Retry-After floors are real
time, so they use mono(), which is the same CLOCK_MONOTONIC that the test process reads.
"""
import time
from email.utils import formatdate


class Clock:
    def __init__(self) -> None:
        self.offset_s = 0.0

    def now(self) -> float:
        return time.time() + self.offset_s

    @staticmethod
    def mono() -> float:
        return time.monotonic()

    def advance(self, seconds: float) -> float:
        if seconds < 0:
            raise ValueError("the virtual clock only goes forward; use the fault 'date' for a wrong Date")
        self.offset_s += seconds
        return self.now()


def imf_date(at: float) -> str:
    """Sun, 06 Nov 1994 08:49:37 GMT"""
    return formatdate(at, usegmt=True)


def rfc850_date(at: float) -> str:
    """Sunday, 06-Nov-94 08:49:37 GMT"""
    return time.strftime("%A, %d-%b-%y %H:%M:%S GMT", time.gmtime(at))


def asctime_date(at: float) -> str:
    """Sun Nov  6 08:49:37 1994"""
    return time.asctime(time.gmtime(at))
