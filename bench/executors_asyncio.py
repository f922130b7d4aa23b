# SPDX-License-Identifier: MIT
#
# executors_asyncio.py ROW COUNT - the rows of bench/executors in asyncio, with CPython's pools: ns of CPU time per
# operation, or 0 where there is none.
import asyncio
import concurrent.futures
import sys
import time

IN_FLIGHT = 1000


def nothing():
    return 0


async def threads(count, in_flight):
    loop = asyncio.get_running_loop()
    workers = 1 if in_flight == 1 else 4
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        left = count

        async def chain():
            nonlocal left
            while left > 0:
                left -= 1
                await loop.run_in_executor(pool, nothing)

        await loop.run_in_executor(pool, nothing)
        begin = time.process_time_ns()
        await asyncio.gather(*(chain() for _ in range(in_flight)))
        return (time.process_time_ns() - begin) / count


async def posts(count):
    loop = asyncio.get_running_loop()
    begin = time.process_time_ns()
    for _ in range(count):
        loop.call_soon_threadsafe(nothing)
    return (time.process_time_ns() - begin) / count


def main():
    row, count = sys.argv[1], int(sys.argv[2])
    if row == "thread_rtt":
        print(asyncio.run(threads(count, 1)))
    elif row == "thread_throughput":
        print(asyncio.run(threads(count, IN_FLIGHT)))
    elif row == "post_coalesced":
        print(asyncio.run(posts(count)))
    else:
        print(0)


main()
