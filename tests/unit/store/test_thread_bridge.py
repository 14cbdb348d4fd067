"""The bridge to the database threads: batches of jobs, and timeouts."""

import asyncio

import pytest

from sessions_store.writing.thread_bridge import JobQueue, StoreError, StoreJob, Timeouts


def job(name: str) -> StoreJob:
    return name, asyncio.get_running_loop().create_future()


def waiting_in(job_queue: JobQueue) -> list[list[str]]:
    batches = []
    while not job_queue.queue.empty():
        batches.append([name for name, _ in job_queue.queue.get_nowait() or ()])
    return batches


async def test_jobs_of_one_loop_iteration_form_one_batch() -> None:
    job_queue = JobQueue(asyncio.get_running_loop(), most=10)
    job_queue.add(job("a"))
    job_queue.add(job("b"))
    assert waiting_in(job_queue) == []

    await asyncio.sleep(0)
    assert waiting_in(job_queue) == [["a", "b"]]


async def test_deferrable_jobs_are_submitted_with_the_first_urgent_job() -> None:
    job_queue = JobQueue(asyncio.get_running_loop(), most=10)
    job_queue.add(job("a"), within=60.0)
    await asyncio.sleep(0)
    assert waiting_in(job_queue) == []

    job_queue.add(job("b"))
    assert waiting_in(job_queue) == [["a", "b"]]


async def test_deferrable_jobs_wait_up_to_their_limit() -> None:
    job_queue = JobQueue(asyncio.get_running_loop(), most=10)
    job_queue.add(job("a"), within=0.001)
    batch = await asyncio.to_thread(job_queue.queue.get, timeout=5.0)
    assert [name for name, _ in batch or ()] == ["a"]


async def test_the_first_expired_delay_submits_all_waiting_jobs() -> None:
    job_queue = JobQueue(asyncio.get_running_loop(), most=10)
    for name, within in (("a", 60.0), ("b", 0.001), ("c", 60.0)):
        job_queue.add(job(name), within=within)
    batch = await asyncio.to_thread(job_queue.queue.get, timeout=5.0)
    assert [name for name, _ in batch or ()] == ["a", "b", "c"]


async def test_a_full_batch_does_not_wait_and_large_batches_are_split() -> None:
    job_queue = JobQueue(asyncio.get_running_loop(), most=2)
    for name in "ab":
        job_queue.add(job(name), within=60.0)
    assert waiting_in(job_queue) == [["a", "b"]]

    for name in "cdefg":
        job_queue.add(job(name))
    job_queue.flush()
    assert sorted(map(len, waiting_in(job_queue))) == [1, 2, 2]


async def test_each_job_has_its_own_timeout_and_finished_jobs_have_none() -> None:
    timeouts = Timeouts(asyncio.get_running_loop(), 0.01)
    done, late = timeouts.future(), timeouts.future()
    done.set_result("in time")
    with pytest.raises(StoreError, match=r"within 0\.01 seconds"):
        await late
    assert await done == "in time"

    later = timeouts.future()
    with pytest.raises(StoreError):
        await later
