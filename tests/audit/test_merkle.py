"""The tree of RFC 6962: known roots, and proofs that hold for what they say and for nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audit import merkle

# The eight inputs and roots that implementations of RFC 6962 test themselves by.
INPUTS = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [merkle.leaf_hash(data) for data in INPUTS]
TREES = st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


def leaves(size: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_standard(size: int) -> None:
    assert merkle.root_of(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_nothing_hashes_to_the_hash_of_nothing() -> None:
    assert merkle.root_of([]) == hashlib.sha256(b"").digest()


def test_a_node_never_passes_for_a_leaf() -> None:
    left, right = LEAVES[:2]
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)


@given(TREES)
def test_a_leaf_is_proved_where_it_is_and_nowhere_else(tree: tuple[int, int]) -> None:
    size, index = tree
    held = leaves(size)
    root, proof = merkle.root_of(held), merkle.inclusion_proof(held, index)
    assert merkle.is_included(held[index], index, size, proof, root)
    assert len(proof) <= (size - 1).bit_length()
    for other in range(size):
        if other != index:
            assert not merkle.is_included(held[index], other, size, proof, root)
            assert not merkle.is_included(held[other], index, size, proof, root)
    for place in range(len(proof)):
        changed = [*proof[:place], bytes(32), *proof[place + 1 :]]
        assert not merkle.is_included(held[index], index, size, changed, root)
    assert not merkle.is_included(held[index], index, size, [*proof, bytes(32)], root)
    assert not merkle.is_included(held[index], size, size, proof, root)


@given(TREES)
def test_growth_is_proved_and_another_past_is_not(tree: tuple[int, int]) -> None:
    size, earlier = tree
    held = leaves(size)
    old, new, proof = merkle.root_of(held[:earlier]), merkle.root_of(held), merkle.consistency_proof(held, earlier)
    assert merkle.is_consistent(earlier, size, old, new, proof)
    if earlier:
        rewritten = [merkle.leaf_hash(b"other"), *held[1:]]
        assert not merkle.is_consistent(earlier, size, merkle.root_of(rewritten[:earlier]), new, proof)
        forged = merkle.consistency_proof(rewritten, earlier)
        assert not merkle.is_consistent(earlier, size, old, merkle.root_of(rewritten), forged)
    assert not merkle.is_consistent(size + 1, size, new, old, proof)


def test_beyond_the_tree_there_is_no_proof() -> None:
    with pytest.raises(IndexError):
        merkle.inclusion_proof(LEAVES, 8)
    with pytest.raises(IndexError):
        merkle.consistency_proof(LEAVES, 9)
