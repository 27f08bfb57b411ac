# SPDX-License-Identifier: Apache-2.0
"""What dashboards are made of: panels, and the queries that most of them ask.

``$namespace``, ``$job`` and ``$model`` are what the reader chose; recordings are those of charts/countersign/rules.
"""

from typing import Final, NamedTuple

OF_RELEASE: Final = 'namespace=~"$namespace",job=~"$job"'
OF_MODEL: Final = f'{OF_RELEASE},model=~"$model"'
RATE: Final = "[$__rate_interval]"


class Query(NamedTuple):
    """PromQL, and what its lines are called."""

    expr: str
    legend: str = ""


class Panel(NamedTuple):
    """One picture. ``exemplars`` shows single requests as points, each with the id that finds its record."""

    title: str
    text: str
    unit: str
    queries: tuple[Query, ...]
    kind: str = "timeseries"
    width: int = 8
    exemplars: bool = False


class Dashboard(NamedTuple):
    """A page of panels, in their order; ``name`` is the file's and the end of the uid."""

    name: str
    title: str
    text: str
    of_model: bool
    panels: tuple[Panel, ...]


def stat(title: str, text: str, unit: str, expr: str) -> Panel:
    """One number, four to a row."""
    return Panel(title, text, unit, (Query(expr),), "stat", 6)


def rate_by(metric: str, label: str, labels: str = OF_RELEASE) -> Query:
    """How often a second, a line for each value of a label."""
    return Query(f"sum by ({label}) (rate({metric}{{{labels}}}{RATE}))", f"{{{{{label}}}}}")


def quantiles(metric: str, labels: str = OF_RELEASE) -> tuple[Query, ...]:
    """The middle, 90 and 99 of 100, from the buckets of a histogram."""
    inner = f"sum by (le) (rate({metric}_bucket{{{labels}}}{RATE}))"
    return tuple(Query(f"histogram_quantile({q}, {inner})", f"{q * 100:.0f} of 100") for q in (0.5, 0.9, 0.99))


def largest(metric: str, legend: str) -> Query:
    """The most that any program says."""
    return Query(f"max({metric}{{{OF_RELEASE}}})", legend)


def since(metric: str, legend: str) -> Query:
    """Seconds since a moment, for what has had one."""
    return Query(f"time() - (max({metric}{{{OF_RELEASE}}}) > 0)", legend)


def burn(series: str, window: str, budget: str) -> Query:
    """How many times as fast as allowed a budget is used; 0 while nothing uses it."""
    quiet = f"0 * job:countersign_predict_requests:rate{window}{{{OF_RELEASE}}}"
    return Query(f"max(job:{series}:ratio_rate{window}{{{OF_RELEASE}}} or {quiet}) / {budget}", f"over {window}")


def increase(metric: str, legend: str) -> Query:
    """By how much a counter grew between two points of the picture."""
    return Query(f"sum(increase({metric}{{{OF_RELEASE}}}{RATE}))", legend)
