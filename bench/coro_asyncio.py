# SPDX-License-Identifier: MIT
"""coro_asyncio.py ROW N - asyncio's part of bench/coro: prints ns per operation, or bytes per sleeping task."""
import asyncio
import resource
import sys
import time


async def is_ready(value):
    return value


async def suspends(value):
    await asyncio.sleep(0)
    return value


async def yields(n):
    for _ in range(n):
        await asyncio.sleep(0)


async def yield100(n):
    await asyncio.gather(*(yields(n // 100) for _ in range(100)))


async def await_ready(n):
    for _ in range(n):
        await is_ready(3)


async def await_suspend(n):
    for _ in range(n):
        await suspends(3)


async def spawn_join(n):
    for _ in range(n):
        await asyncio.create_task(is_ready(3))


async def hits(source, target, n):
    for _ in range(n):
        await target.put(await source.get())


async def pingpong(n):
    ping, pong = asyncio.Queue(1), asyncio.Queue(1)
    tasks = [asyncio.create_task(hits(ping, pong, n // 2)), asyncio.create_task(hits(pong, ping, n // 2))]
    await ping.put(0)
    await asyncio.gather(*tasks)


async def sleeping_bytes(n):
    def resident():
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    before = resident()
    tasks = [asyncio.create_task(asyncio.sleep(1000 + i)) for i in range(n)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    used = resident() - before
    for task in tasks:
        task.cancel()
    return used / n


async def main(row, n):
    begin = time.process_time_ns()
    value = await globals()[row](n)
    return value if value is not None else (time.process_time_ns() - begin) / n


if sys.argv[1] not in globals():
    sys.exit(1)  # no such row
print(asyncio.run(main(sys.argv[1], int(sys.argv[2]))))
