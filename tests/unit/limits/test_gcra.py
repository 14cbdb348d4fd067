"""The algorithm: GCRA equals a token bucket, and its messages are OpenAI's to the millisecond."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.limits.buckets import Bucket, Charge
from api.limits.local_store import LocalStore
from api.limits.standing import refusal, remaining, reset_ms
from tests.unit.limits.scripted import Clock, requests, tokens

STEPS = st.lists(
    st.tuples(
        st.integers(0, 90_000_000_000),  # nanoseconds that pass
        st.integers(1, 60),  # requested
        st.integers(0, 120),  # settled
    ),
    max_size=40,
)


class TokenBucket:
    """The model: a number of tokens that grows to the limit, and below zero after debts."""

    def __init__(self, limit: int) -> None:
        self.limit, self.left = limit, Fraction(limit)

    def refill(self, nanoseconds: int) -> None:
        """Let time pass."""
        self.left = min(Fraction(self.limit), self.left + Fraction(nanoseconds * self.limit, 60 * 10**9))

    def take(self, cost: int) -> bool:
        """Take tokens, if there are enough."""
        if cost > self.left:
            return False
        self.left -= cost
        return True

    def adjust(self, cost: int) -> None:
        """Take or return tokens in any case."""
        self.left = min(Fraction(self.limit), self.left - cost)


@given(limit=st.integers(1, 50), steps=STEPS)
def test_g17_gcra_decides_as_a_token_bucket_with_weights_refunds_and_debts(
    limit: int, steps: list[tuple[int, int, int]]
) -> None:
    clock, model, bucket = Clock(), TokenBucket(limit), tokens(limit)
    store = LocalStore(clock)
    for passed, requested, settled in steps:
        clock.now += passed
        model.refill(passed)
        admitted = store.take([(bucket, requested)]).fits
        assert admitted == model.take(requested)
        if admitted:
            store.adjust((bucket, settled - requested))
            model.adjust(settled - requested)
        (level,) = store.take([(bucket, 0)]).levels
        assert Fraction(level, bucket.period) == limit - model.left
        assert remaining(bucket, level, 1) == max(0, model.left // 1)


@given(first=st.integers(1, 100), later=st.integers(1, 100), cost=st.integers(0, 100), passed=st.integers(0, 10**10))
def test_g17_an_edited_limit_keeps_the_time_until_a_bucket_is_full(
    first: int, later: int, cost: int, passed: int
) -> None:
    clock = Clock()
    store = LocalStore(clock)
    store.take([(tokens(first), min(cost, first))])
    clock.now += passed

    (before,) = store.take([(tokens(first), 0)]).levels
    (after,) = store.take([(tokens(later), 0)]).levels

    assert abs(before // first - after // later) <= 1


@pytest.mark.parametrize(
    ("used", "requested", "seconds"),
    [(8554, 3082, "9.816s"), (9000, 4107, "18.642s"), (9107, 1000, "642ms"), (10000, 9999, "59.994s")],
)
def test_g17_a_wait_is_computed_from_the_numbers_of_its_message(used: int, requested: int, seconds: str) -> None:
    bucket, store = tokens(10_000), LocalStore(Clock())
    store.take([(bucket, used)])
    taken = store.take([(bucket, requested)])
    error = refusal([(bucket, requested)], taken, 1, "gpt-4")

    assert error is not None
    assert error.message == (
        f"Rate limit reached for gpt-4 on tokens per min (TPM): Limit 10000, Used {used}, Requested {requested}. "
        f"Please try again in {seconds}."
    )


def published(limit: int, over: int) -> str:
    """The wait in the message of a request that exceeds a limit by some tokens."""
    bucket, store = tokens(limit), LocalStore(Clock())
    store.take([(bucket, limit)])
    charge: Charge = (bucket, over)
    error = refusal([charge], store.take([charge]), 1, "gpt-4")
    assert error is not None
    found = re.search(r"Please try again in (\S+)\.$", error.message)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("limit", "over", "wait"),
    [
        (10_000, 1636, "9.816s"),
        (10_000, 3107, "18.642s"),
        (90_000, 966, "644ms"),
        (30_000, 787, "1.574s"),
        (60_000, 34_337, "34.337s"),
    ],
)
def test_g17_the_waits_of_published_messages_are_reproduced(limit: int, over: int, wait: str) -> None:
    assert published(limit, over) == wait


@pytest.mark.parametrize(
    ("bucket", "cost", "milliseconds"), [(requests(5000), 1, 12), (tokens(160_000), 24, 9), (tokens(10), 0, 0)]
)
def test_g17_the_reset_is_the_time_until_the_bucket_is_full(bucket: Bucket, cost: int, milliseconds: int) -> None:
    store = LocalStore(Clock())
    store.take([(bucket, cost)])
    (level,) = store.take([(bucket, 0)]).levels

    assert reset_ms(bucket, level) == milliseconds


def test_g18_a_request_that_one_bucket_refuses_is_charged_to_none() -> None:
    wide, narrow, store = requests(10, key="1:rpm"), tokens(10, key="2:tpm"), LocalStore(Clock())

    assert store.take([(wide, 1), (narrow, 10)]).fits
    assert not store.take([(wide, 1), (narrow, 1)]).fits

    assert store.take([(wide, 0)]).levels == [wide.period]


def test_g24_workers_with_equal_shares_admit_the_limit_and_not_more() -> None:
    clock = Clock()
    workers = [LocalStore(clock) for _ in range(3)]

    admitted = sum(store.take([(requests(100), 1)], workers=3).fits for store in workers for _ in range(1000))

    assert admitted == 99


def test_g24_a_request_larger_than_the_share_is_admitted_once_and_paid_back() -> None:
    clock, bucket = Clock(), tokens(90)
    store = LocalStore(clock)

    assert store.take([(bucket, 60)], workers=3).fits
    clock.pass_seconds(119)
    assert not store.take([(bucket, 60)], workers=3).fits
    clock.pass_seconds(1)
    assert store.take([(bucket, 60)], workers=3).fits
    assert not store.take([(bucket, 91)], workers=1).fits
