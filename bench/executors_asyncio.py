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


def look(data):
    return bytes([(data[0] + data[-1]) & 255])


def echo(data):
    return data


async def processes(fn, data, count, in_flight):
    loop = asyncio.get_running_loop()
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        left = count

        async def chain():
            nonlocal left
            while left > 0:
                left -= 1
                await loop.run_in_executor(pool, fn, data)

        await loop.run_in_executor(pool, fn, data)
        begin = time.monotonic_ns()
        await asyncio.gather(*(chain() for _ in range(in_flight)))
        return (time.monotonic_ns() - begin) / count


def worker_starts(count):
    """A fork of the program as it is, as its pools do."""
    import multiprocessing

    ballast = bytearray(1 << 30)
    ballast[::4096] = bytes(len(ballast) // 4096)
    context = multiprocessing.get_context("fork")
    begin = time.monotonic_ns()
    for _ in range(count):
        process = context.Process(target=nothing)
        process.start()
        process.join()
    return (time.monotonic_ns() - begin) / count


def main():
    row, count = sys.argv[1], int(sys.argv[2])
    if row == "thread_rtt":
        print(asyncio.run(threads(count, 1)))
    elif row == "thread_throughput":
        print(asyncio.run(threads(count, IN_FLIGHT)))
    elif row == "post_coalesced":
        print(asyncio.run(posts(count)))
    elif row == "process_rtt_64":
        print(asyncio.run(processes(echo, bytes(64), count, 1)))
    elif row == "process_throughput_64":
        print(asyncio.run(processes(echo, bytes(64), count, IN_FLIGHT)))
    elif row == "process_rtt_1m":
        print(asyncio.run(processes(look, bytes(1 << 20), count, 1)))
    elif row == "worker_start_1gib":
        print(worker_starts(count))
    else:
        print(0)


main()
