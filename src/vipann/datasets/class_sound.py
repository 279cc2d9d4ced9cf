"""How the clips of each class were recorded: sample rates, bands, silence; and what gives away.

Where each class comes from another recorder, a network may learn the recorders.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

# A clip of which so much is near the floor of the spectrogram is hardly heard by a network.
QUIET_SHARE = 0.9
# Below this nothing is left of a 16-bit recording but its last two or three bits.
QUIET_LEVEL_DB = -80.0
# Samples above this are told: 6 dB over full scale, which resampling and codecs don't reach.
LOUD_PEAK = 2.0
_FEWEST_CLIPS = 3
_EDGES_DIFFER = 0.1
TABLE_HEAD = ["class", "sample rates (Hz)", "upper band edge (Hz)", "level (dB)", "quiet", "loud"]
LEGEND = (
    "Upper band edge: of the frequencies within 70 dB of the strongest, at most half of "
    "the sample rate; median over clips (5 % to 95 %). Level: root mean square re full scale, "
    "median. Quiet: clips of which at least nine tenths of the frames are within 20 dB of the "
    "spectrogram's floor in all bands, or whose level is below -80 dB. Loud: with samples "
    "above 2, where full scale is 1."
)
_EDGES = {"lowest": 0.05, "median": 0.5, "highest": 0.95}


def sound_rows(clips: pd.DataFrame, classes: Sequence[str]) -> list[dict]:
    """Rows of a summary on the clips' sound.

    `clips` has a row a clip: labels (list[str]) and the measures of a feature file. what is
    "sample_rate" (name: the class, hz, how many clips have it), "band_edge lowest", "median" and
    "highest" (hz: quantiles 0.05, 0.5 and 0.95 over the class), "quiet" (clips of which at least
    nine tenths of the frames are near the spectrogram's floor, or whose level is below -80 dB) or
    "loud" (clips with samples above 2, where full scale is 1). Without classes the name is "".
    """
    rows = []
    for name, group in _by_class(clips, classes):
        for hz, count in group["source_rate"].value_counts().sort_index().items():
            rows.append({"what": "sample_rate", "name": name, "clips": count, "hz": hz})
        for which, quantile in _EDGES.items():
            hz = group["band_edge_hz"].quantile(quantile)
            what = f"band_edge {which}"
            rows.append({"what": what, "name": name, "clips": len(group), "hz": hz})
        rows.append({"what": "quiet", "name": name, "clips": int(_quiet(group).sum())})
        rows.append({"what": "loud", "name": name, "clips": int(_loud(group).sum())})
    return rows


def warnings(clips: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    """Sentences on what a user should look into, of the same clips; none where all is well."""
    found = []
    if count := int(_quiet(clips).sum()):
        found.append(
            f"{count:,} of {len(clips):,} clips ({count / len(clips):.1%}) are near the floor of "
            f"the spectrogram in at least {QUIET_SHARE:.0%} of their frames, or below "
            f"{QUIET_LEVEL_DB:.0f} dB re full scale: networks hear next to nothing of them."
        )
    if count := int(_loud(clips).sum()):
        found.append(
            f"{count:,} clips have samples above {LOUD_PEAK:g}, the largest "
            f"{clips['peak'].max():g}, where full scale is 1: were floats written in another range?"
        )
    rates, edges = {}, {}
    for name, group in _by_class(clips, classes):
        rates[name] = set(group["source_rate"].astype(int))
        if len(group) >= _FEWEST_CLIPS:
            quantiles = group["band_edge_hz"].quantile([_EDGES["lowest"], _EDGES["highest"]])
            edges[name] = tuple(quantiles)
    apart = [name for name in rates if _is_apart(name, rates, lambda a, b: not a & b)]
    if apart:
        told = ", ".join(f"{name} ({_rates_text(rates[name])})" for name in apart)
        found.append(_gives_away("the sample rate of their files", told))
    apart = [name for name in edges if _is_apart(name, edges, _ranges_differ)]
    if apart and len(apart) == len(edges):
        told = ", ".join(f"{name} ({edges[name][0]:.0f} to {edges[name][1]:.0f})" for name in apart)
        found.append(_gives_away("the upper edge of their band, in Hz,", told))
    return found


def table_of(rows: pd.DataFrame, clips: pd.DataFrame, classes: Sequence[str]) -> list[list[str]]:
    """Cells for a reader, from `sound_rows`: class, rates, edge, level, quiet and loud clips."""
    body = []
    for name, group in _by_class(clips, classes):
        own = rows[rows["name"] == name].set_index("what")
        edge = [own.loc[f"band_edge {which}", "hz"] for which in _EDGES]
        body.append(
            [
                name or "all",
                _rates_text(group["source_rate"]),
                f"{edge[1]:.0f} ({edge[0]:.0f} to {edge[2]:.0f})",
                f"{group['level_db'].median():.0f}",
                f"{own.loc['quiet', 'clips']:,}",
                f"{own.loc['loud', 'clips']:,}",
            ]
        )
    return body


def _by_class(clips: pd.DataFrame, classes: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    if not classes:
        return [("", clips)]
    groups = dict(list(clips.explode("labels").groupby("labels")))
    return [(name, groups[name]) for name in classes if name in groups]


def _quiet(clips: pd.DataFrame) -> pd.Series:
    return (clips["quiet_share"] >= QUIET_SHARE) | (clips["level_db"] < QUIET_LEVEL_DB)


def _loud(clips: pd.DataFrame) -> pd.Series:
    return clips["peak"] > LOUD_PEAK


def _is_apart(name: str, values: dict, differ: Callable[[Any, Any], bool]) -> bool:
    others = [value for other, value in values.items() if other != name]
    return bool(others) and all(differ(values[name], other) for other in others)


def _ranges_differ(one: tuple[float, float], other: tuple[float, float]) -> bool:
    low, high = sorted([one, other])
    return low[1] * (1 + _EDGES_DIFFER) < high[0]


def _rates_text(rates: Sequence) -> str:
    shown = sorted({int(rate) for rate in rates})
    more = f" and {len(shown) - 4} more" if len(shown) > 4 else ""
    return ", ".join(f"{rate}" for rate in shown[:4]) + more


def _gives_away(what: str, told: str) -> str:
    return (
        f"{what[0].upper()}{what[1:]} alone tells these classes from all others: {told}. A network "
        "may learn the recorder instead of the sound: mix the sources, or bring all files to one "
        "rate and band before."
    )
