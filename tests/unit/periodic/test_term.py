"""For how long a leader trusts its lease: arithmetic on monotonic seconds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shiftboss.periodic.term import MARGIN, RENEWALS, Term

leases = st.floats(1, 3600)
instants = st.floats(0, 1e6)


@given(leases, instants)
def test_trust_ends_before_the_lease_can_have_ended_in_redis(lease: float, asked: float) -> None:
    term = Term(1, "a", lease, asked)
    assert term.trusted_until < asked + lease
    assert asked + lease - term.trusted_until <= MARGIN + 1e-6


@given(leases, instants)
def test_a_renewal_may_fail_once_and_there_is_time_for_another(lease: float, asked: float) -> None:
    term = Term(1, "a", lease, asked)
    assert asked < term.renew_at < term.renew_at + lease / RENEWALS < term.trusted_until


def test_the_defaults_of_the_documentation() -> None:
    term = Term(7, "a", 15.0, 100.0)
    assert (term.renew_at, term.trusted_until) == (105.0, 114.0)
    assert Term(7, "a", 1.0, 100.0).trusted_until == 100.8


def test_p4_trust_is_counted_from_when_the_renewal_was_sent() -> None:
    """A reply that took twelve seconds leaves two of a lease of fifteen."""
    sent, answered = 200.0, 212.0
    term = Term(7, "a", 15.0, 190.0).renewed(sent)
    assert term.is_trusted(answered)
    assert term.trusted_until - answered == 2.0


def test_a_slow_successful_renewal_does_not_extend_trust_beyond_its_lease() -> None:
    assert not Term(7, "a", 15.0, 190.0).renewed(200.0).is_trusted(214.0)


def test_replies_in_the_wrong_order_take_no_time_away() -> None:
    term = Term(7, "a", 15.0, 100.0).renewed(110.0)
    assert term.renewed(105.0) == term


@given(st.lists(instants, min_size=1), leases)
def test_trust_only_grows_by_renewals_and_never_beyond_the_newest(asked: list[float], lease: float) -> None:
    term = Term(1, "a", lease, asked[0])
    for at in asked[1:]:
        before, term = term, term.renewed(at)
        assert term.trusted_until >= before.trusted_until
    assert term.asked == max(asked)
