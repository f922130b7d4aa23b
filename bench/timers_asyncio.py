# SPDX-License-Identifier: MIT
"""timers_asyncio.py N EXTRA - asyncio's part of bench/timers: prints insert, cancel, fire and re-arm, ns per timer."""
import asyncio
import gc
import random
import sys
import time


class Loop(asyncio.SelectorEventLoop):
    moved = 0.0

    def time(self):
        return time.monotonic() + self.moved


def main():
    count, extra = int(sys.argv[1]), int(sys.argv[2])
    loop = Loop()
    rng = random.Random(1)
    delays = [rng.uniform(1, 61) for _ in range(count + extra)]
    left = count

    def fired():
        nonlocal left
        left -= 1
        if left == 0:
            loop.stop()

    def measure(function, *arguments):
        gc.collect()
        begin = time.process_time_ns()
        result = function(*arguments)
        return time.process_time_ns() - begin, result

    def insert(which):
        return [loop.call_later(delay, fired) for delay in which]

    def cancel(handles):
        for handle in handles:
            handle.cancel()

    def rearm(handles):
        for turn in range(1000):
            for i in range(0, count, 1000):
                handles[i].cancel()
                handles[i] = loop.call_later(delays[i + turn] + 1, fired)

    pending = insert(delays[:count])
    inserting, others = measure(insert, delays[count:])
    cancelling, _ = measure(cancel, others)
    rearming, _ = measure(rearm, pending)
    cancel(pending)
    loop.call_soon(loop.stop)
    loop.run_forever()  # sweeps out what was cancelled
    pending = insert(delays[:count])
    loop.moved = 200.0
    firing, _ = measure(loop.run_forever)
    print(inserting / extra, cancelling / extra, firing / count, rearming / count)


main()
