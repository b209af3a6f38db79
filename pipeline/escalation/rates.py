"""How often a family may be expected to meet an agency: its own past, weighed against its peers' (empirical Bayes).

The model (docs/escalation.md): family i meets an agency in month m at rate rate_i × trend_m. Rates differ between
families as a Gamma distribution; a rate drifts, so a contact of m months ago weighs discount**m (Harvey and Fernandes
1989, time series models for count observations). What is then expected of the next months is negative binomial.
Nothing of families, agencies or alerts belongs here: counts in, probabilities out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int16]
LARGEST_FIT = 20_000  # families a fit looks at; more do not change two figures noticeably
LOG_BOUNDS = ((-9.0, 9.0), (-9.0, 12.0))


@dataclass(frozen=True)
class Window:
    """One window of recent months and the past before it, for every family.

    recent, past: discounted or plain counts. recent_exposure, past_exposure: how many average months they are worth,
    after the peers' trend, in the same weights.
    """

    recent: Floats
    past: Floats
    recent_exposure: Floats
    past_exposure: Floats


@dataclass(frozen=True)
class Rate:
    """The peers' rates: contacts a month on average, how many months of a family's own past that average is worth, and
    what a contact weighs a month later. `fitted_on`: windows it was fitted on; 0: on the past alone."""

    mean: float
    months_worth: float
    discount: float
    fitted_on: int

    @property
    def shape(self) -> float:
        return self.mean * self.months_worth


def window(
    days: Counts,
    recent_months: int,
    past_months: int,
    back: int,
    discount: float,
    trend_weight: float,
    peers: npt.NDArray[np.bool_] | None = None,
) -> Window:
    """The window that ends `back` months before the as-at date; `days`: families × months, the latest first.

    The peers' trend of each month (`peers`: which rows are peers; all of them) is taken without the family itself, so
    that one family's burst is not excused by it; where the peers have few contacts it is drawn towards one
    (`trend_weight` contacts' worth).
    """
    used = days[:, back : back + recent_months + past_months].astype(np.float64)
    among = np.ones(len(days), dtype=np.bool_) if peers is None else peers
    others = used[among].sum(axis=0) - used * among[:, None]  # families × months, the family left out
    average = others.mean(axis=1, keepdims=True)
    trend = (others + trend_weight) / (average + trend_weight)
    weights = discount ** np.arange(past_months, dtype=np.float64)
    return Window(
        recent=used[:, :recent_months].sum(axis=1),
        past=used[:, recent_months:] @ weights,
        recent_exposure=trend[:, :recent_months].sum(axis=1),
        past_exposure=trend[:, recent_months:] @ weights,
    )


def fit_rate(
    days: Counts, recent_months: int, past_months: int, windows: int, discounts: tuple[float, ...], trend_weight: float
) -> Rate | None:
    """The peers' rates by maximum likelihood of what followed, over `windows` windows before the one to be tested.

    So the months under test do not teach the test. With no earlier window, the spread of the past counts themselves is
    fitted. None when the peers had no contact at all. `days`: peers × months, the latest first.
    """
    step = -(-len(days) // LARGEST_FIT)
    sample = days[::step]
    if not sample[:, recent_months:].any():
        return None
    if windows == 0:
        tested = window(sample, recent_months, past_months, 0, 1.0, trend_weight)
        nothing = np.zeros(len(sample))
        _, shape, worth = _best([Window(tested.past, nothing, tested.past_exposure, nothing)])
        return Rate(shape / worth, worth, 1.0, 0)
    found: list[tuple[float, float, float, float]] = []
    for discount in discounts:
        earlier = [
            window(sample, recent_months, past_months, recent_months * place, discount, trend_weight)
            for place in range(1, windows + 1)
        ]
        found.append((*_best(earlier, found[-1][1:3] if found else None), discount))
    _, shape, worth, discount = min(found)
    return Rate(shape / worth, worth, discount, windows)


def expected(rate: Rate, seen: Window) -> Floats:
    """Contacts expected of each family in the recent months, from its past and its peers'."""
    return seen.recent_exposure * (rate.shape + seen.past) / (rate.months_worth + seen.past_exposure)


def chance_of_so_many(rate: Rate, seen: Window) -> Floats:
    """P(as many contacts as were seen, or more), were nothing to have changed: the upper tail, the count included."""
    size = rate.shape + seen.past
    held = rate.months_worth + seen.past_exposure
    share = held / (held + seen.recent_exposure)
    return np.asarray(np.where(seen.recent > 0, stats.nbinom.sf(seen.recent - 1, size, share), 1.0))


def _best(windows: list[Window], near: tuple[float, float] | None = None) -> tuple[float, float, float]:
    """Lowest minus log likelihood per family and window, and the Gamma's shape and rate that give it; `near` is where
    to start looking."""
    seen = _gathered(windows)

    def loss(logs: npt.NDArray[np.float64]) -> tuple[float, Floats]:
        return _minus_log_likelihood(np.exp(logs), *seen)

    total = max(float(seen[0] @ seen[4]), 1.0)
    exposure = max(float((seen[2] + seen[3]) @ seen[4]), 1.0)
    start = np.log(near or (0.5, 0.5 * exposure / total))
    done = optimize.minimize(loss, np.clip(start, -8, 8), jac=True, method="L-BFGS-B", bounds=LOG_BOUNDS)
    shape, worth = (float(value) for value in np.exp(done.x))
    return float(done.fun), shape, worth


def _gathered(windows: list[Window]) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """All windows in a row, with a weight; the many families that had no contact at all stand in one row a window."""
    rows: list[list[Floats]] = [[], [], [], [], []]
    for one in windows:
        quiet = (one.recent == 0) & (one.past == 0)
        columns = (one.recent, one.past, one.recent_exposure, one.past_exposure)
        for place, column in enumerate(columns):
            rows[place].append(column[~quiet])
            if quiet.any():
                rows[place].append(np.array([column[quiet].mean()]))
        rows[4].append(np.ones(int((~quiet).sum())))
        if quiet.any():
            rows[4].append(np.array([float(quiet.sum())]))
    joined = [np.concatenate(column) for column in rows]
    return joined[0], joined[1], joined[2], joined[3], joined[4]


def _minus_log_likelihood(
    values: Floats, recent: Floats, past: Floats, exposure: Floats, past_exposure: Floats, weight: Floats
) -> tuple[float, Floats]:
    """Of the negative binomial that a Gamma(shape, worth), after `past` in `past_exposure`, foretells; and its slope in
    the logarithms of shape and worth."""
    shape, worth = values
    size, held = shape + past, worth + past_exposure
    both = held + exposure
    log_share = np.log(held / both)
    likelihood = (
        special.gammaln(recent + size)
        - special.gammaln(size)
        - special.gammaln(recent + 1)
        + size * log_share
        + recent * np.log(exposure / both)
    )
    by_shape = special.digamma(recent + size) - special.digamma(size) + log_share
    by_worth = size * (1 / held - 1 / both) - recent / both
    whole = weight.sum()
    slope = np.array([shape * (weight @ by_shape), worth * (weight @ by_worth)])
    return float(-(weight @ likelihood) / whole), -slope / whole
