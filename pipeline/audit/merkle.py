"""The Merkle tree of RFC 6962 over the log's entries: roots, and proofs that stand without the log.

Pure. A leaf and a node are hashed under different first bytes, so that no node can pass for a leaf. Formulas:
RFC 6962, section 2.1; the checks of proofs: RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 of a zero byte and the data."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of a one byte and the two hashes below."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class GrowingTree:
    """The root over leaves that come one by one; keeps one hash per full subtree, not the leaves."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # of full subtrees, the largest first; their sizes are the ones of `size`

    def add(self, leaf: bytes) -> None:
        """Add one leaf's hash."""
        carried = self.size
        while carried & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            carried >>= 1
        self._peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root over the leaves so far."""
        if not self._peaks:
            return EMPTY
        found = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            found = node_hash(peak, found)
        return found


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    tree = GrowingTree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from one leaf to the root, from below to above. Raises IndexError outside the leaves."""
    if not 0 <= index < len(leaves):
        raise IndexError("no such leaf")
    proof: list[bytes] = []
    while len(leaves) > 1:
        split = _split(len(leaves))
        if index < split:
            proof.append(root_of(leaves[split:]))
            leaves = leaves[:split]
        else:
            proof.append(root_of(leaves[:split]))
            leaves, index = leaves[split:], index - split
    return proof[::-1]


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof leads from the leaf at `index` to the root over `size` leaves."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def consistency_proof(leaves: Sequence[bytes], earlier: int) -> list[bytes]:
    """The hashes that show that the tree over the first `earlier` leaves grew into this one.

    Empty where the earlier tree is empty or the whole. Raises IndexError for more leaves than there are.
    """
    if not 0 <= earlier <= len(leaves):
        raise IndexError("no such earlier tree")
    proof: list[bytes] = []
    whole = True  # the earlier tree is a full subtree that its checker knows already
    while 0 < earlier < len(leaves):
        split = _split(len(leaves))
        if earlier <= split:
            proof.append(root_of(leaves[split:]))
            leaves = leaves[:split]
        else:
            proof.append(root_of(leaves[:split]))
            leaves, earlier, whole = leaves[split:], earlier - split, False
    if proof and not whole:
        proof.append(root_of(leaves))
    return proof[::-1]


def is_consistent(earlier: int, later: int, earlier_root: bytes, later_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the tree of `earlier` leaves is the beginning of the tree of `later` leaves."""
    if earlier > later:
        return False
    if earlier in (0, later):
        return not proof and (earlier == 0 or earlier_root == later_root)
    hashes = list(proof)
    if earlier & (earlier - 1) == 0:
        hashes.insert(0, earlier_root)
    if not hashes:
        return False
    place, last = earlier - 1, later - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and old == earlier_root and new == later_root


def _split(size: int) -> int:
    """The largest power of two below a size of two or more."""
    return 1 << (size - 1).bit_length() - 1
