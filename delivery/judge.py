"""Whether a candidate may have more traffic: its counts beside those of the stable release of the same minutes.

Shares of failures are compared by Fisher's exact test, one-sided (Agresti, "Categorical Data Analysis", 3rd edition,
Wiley 2013, section 3.5), which holds for any number of requests. Where the stable release has too few to compare with,
as when the candidate has all the traffic, the binomial test asks for the objective alone (section 1.4.4). The
distribution of predictions is measured by the population stability index (``observability.series``). Whether chance
explains it is asked of the relative entropy, whose distribution has a bound that holds for any number of rows and bins
(Agrawal, "Finite-Sample Concentration of the Multinomial in Relative Entropy", IEEE Transactions on Information Theory
66(10), 2020, doi 10.1109/TIT.2020.2996134). The index itself is about chi-squared for many rows alone: one bin that no
row fell into is enough to make it large.

A candidate is looked at again and again, in several ways. The significance is divided by the number of all these
questions (Bonferroni's inequality; Dunn, "Multiple Comparisons among Means", Journal of the American Statistical
Association 56, 1961), so that over a whole step a harmless candidate is refused no more often than it says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from scipy import stats

from observability.slo import Slo

Decision = Literal["promote", "wait", "back"]
QUESTIONS = 3
"""Errors, latency and predictions."""
_LEAST_SHARE = 0.0001
"""What an empty bin counts as, as in the rules."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What one release did in a step: requests for predictions and those that failed, single-row predictions that were
    answered and those slower than promised, and the predicted rows of each bin beside its share in training.
    """

    requests: int = 0
    errors: int = 0
    timed: int = 0
    slow: int = 0
    bins: Mapping[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])

    @property
    def rows(self) -> int:
        """How many rows were predicted."""
        return sum(count for count, _ in self.bins.values())

    @property
    def psi(self) -> float:
        """The population stability index of the predictions against training; 0 without any."""
        if not (rows := self.rows):
            return 0.0
        shares = ((max(count / rows, _LEAST_SHARE), max(share, _LEAST_SHARE)) for count, share in self.bins.values())
        return sum((live - trained) * math.log(live / trained) for live, trained in shares)

    @property
    def chance(self) -> float:
        """A bound of the probability that as many rows, distributed as in training, lie at least as far from it.

        The moment generating function of the relative entropy D is at most a gamma distribution's of shape bins - 1 and
        rate rows (Agrawal 2020); Chernoff's inequality makes of it, with u = rows · D / (bins - 1),
        (u · exp(1 - u)) to the power bins - 1 where u > 1.
        """
        free = max(len(self.bins) - 1, 1)
        seen = ((count, max(share, _LEAST_SHARE)) for count, share in self.bins.values() if count)
        u = sum(count * math.log(count / self.rows / trained) for count, trained in seen) / free
        return math.exp(free * (math.log(u) + 1 - u)) if u > 1 else 1.0


@dataclass(frozen=True)
class Finding:
    """One question: what it is about, how it was answered, and in a sentence the numbers."""

    about: str
    decision: Decision
    text: str


@dataclass(frozen=True)
class Verdict:
    """The findings and what follows from them: one that is bad decides, and then one that is still open."""

    findings: tuple[Finding, ...]

    @property
    def decision(self) -> Decision:
        """What to do with the candidate."""
        decisions = {finding.decision for finding in self.findings}
        return "back" if "back" in decisions else "wait" if "wait" in decisions else "promote"

    def told(self, decision: Decision) -> str:
        """What led to ``decision``, in one line."""
        return "; ".join(finding.text for finding in self.findings if finding.decision == decision)


def judge(candidate: Counts, stable: Counts, slo: Slo, *, significance: float, looks: int) -> Verdict:
    """Compare a candidate with the stable release.

    ``significance`` is the chance, over all ``looks`` of a step, that a candidate as good as the stable release is sent
    back. One is bad only if it also breaks the objective: a difference that nobody was promised to be spared is none.
    """
    level = significance / (looks * QUESTIONS)
    minimum = slo.minimum_requests
    found = [
        _share(
            "errors",
            (candidate.errors, candidate.requests),
            (stable.errors, stable.requests),
            1 - slo.availability.target,
            level,
            minimum,
        )
    ]
    if candidate.timed or not candidate.requests:  # the objective is about single rows, and all may come in batches
        found.append(
            _share(
                f"slower than {slo.latency.threshold_seconds:g} s",
                (candidate.slow, candidate.timed),
                (stable.slow, stable.timed),
                1 - slo.latency.target,
                level,
                minimum,
            )
        )
    return Verdict((*found, _drift(candidate, stable, slo, level)))


def _share(
    about: str, candidate: tuple[int, int], stable: tuple[int, int], allowed: float, level: float, minimum: int
) -> Finding:
    """The candidate's (bad, all) against the stable release's, or against the ``allowed`` share."""
    (bad, total), (stable_bad, stable_total) = candidate, stable
    if not total:
        return Finding(about, "wait", f"{about}: the candidate was asked nothing yet, {minimum} requests are wanted")
    ratio = bad / total
    said = f"{about}: candidate {bad} of {total} ({ratio:.2%})"
    if stable_total >= minimum:
        table = [[bad, total - bad], [stable_bad, stable_total - stable_bad]]
        p = float(cast(float, stats.fisher_exact(table, alternative="greater")[1]))
        said += f", stable {stable_bad} of {stable_total} ({stable_bad / stable_total:.2%}), p = {p:.2g}"
    else:
        p = float(stats.binomtest(bad, total, allowed, alternative="greater").pvalue)
        said += f", allowed {allowed:.2%} (the stable release has {stable_total} to compare with), p = {p:.2g}"
    if ratio > allowed and p < level:
        return Finding(about, "back", f"{said} < {level:.2g}")
    if total < minimum:
        return Finding(about, "wait", f"{said}; {minimum} are wanted")
    return Finding(about, "promote", said)


def _drift(candidate: Counts, stable: Counts, slo: Slo, level: float) -> Finding:
    """Whether the candidate's predictions left their training's distribution further than the stable release's left
    its own: both saw the same callers, whose change is not the candidate's doing.
    """
    about, wanted = "predictions", slo.quality.minimum_rows
    rows = candidate.rows
    if rows < wanted:
        return Finding(about, "wait", f"{about}: the candidate predicted {rows} rows, {wanted} are wanted")
    compared = stable.psi if stable.rows >= wanted else 0.0
    limit = slo.quality.psi_limit + compared
    p = candidate.chance
    said = f"{about}: index {candidate.psi:.3f} in {rows} rows, stable {compared:.3f}, limit {limit:.3f}, p ≤ {p:.2g}"
    if candidate.psi > limit and p < level:
        return Finding(about, "back", f"{said} < {level:.2g}")
    return Finding(about, "promote", said)
