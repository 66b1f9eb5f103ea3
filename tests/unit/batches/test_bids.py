"""Batch ids."""

from shiftboss.batches.bids import is_bid, new_bid
from shiftboss.keys import BatchKeys


def test_an_id_is_sixteen_url_safe_characters_that_begin_with_the_shard() -> None:
    bids = {new_bid() for _ in range(10_000)}
    assert len(bids) == 10_000
    assert all(map(is_bid, bids))
    assert {len(bid) for bid in bids} == {16}
    assert len({bid[:2] for bid in bids}) == 256


def test_all_keys_of_a_batch_are_in_the_slot_of_its_shard() -> None:
    keys = BatchKeys("sb", "3f" + "a" * 14)
    names = (keys.record, keys.ran, keys.done, keys.dead, keys.index, keys.holds, keys.out, keys.receipt("t"))
    assert all("{b3f}" in name for name in names)
