"""How the clips of each class were recorded: sample rates, bands, silence; and what gives away.

Where each class comes from another recorder, a network may learn the recorders.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

# A clip of which so much is near the floor of the spectrogram is hardly heard by a network.
QUIET_SHARE = 0.9
# Below this nothing is left of a 16-bit recording but its last two or three bits.
QUIET_LEVEL_DB = -80.0
# Samples above this are reported: 6 dB over full scale, which resampling and codecs don't reach.
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
    """Rows of a summary on the clips' sound, see `LEGEND`; without classes the name is "".

    `clips` has a row a clip, by its id: labels (list[str]) and the measures of a feature file. what
    is "sample_rate" (name: the class, hz, how many clips have it), "band_edge lowest", "median" and
    "highest" (hz: quantiles 0.05, 0.5 and 0.95 over the class), "quiet" or "loud" (clips).
    """
    rows = []
    for name, group in _by_class(clips, classes):
        rates = group["source_rate"].value_counts().sort_index()
        found = [("sample_rate", count, hz) for hz, count in rates.items()]
        edges = group["band_edge_hz"].quantile([*_EDGES.values()])
        found += [(f"band_edge {e}", len(group), hz) for e, hz in zip(_EDGES, edges, strict=True)]
        found += [("quiet", _quiet(group).sum(), 0.0), ("loud", _loud(group).sum(), 0.0)]
        rows += [{"what": what, "name": name, "clips": n, "hz": hz} for what, n, hz in found]
    return rows


def odd_sound(clips: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    """Sentences on what a user should look into, of the same clips; none where all is well."""
    found = []
    if count := len(quiet := clips[_quiet(clips)]):
        found.append(
            f"{count:,} of {len(clips):,} clips ({count / len(clips):.1%}) are near the floor of "
            f"the spectrogram in at least {QUIET_SHARE:.0%} of their frames, or below "
            f"{QUIET_LEVEL_DB:.0f} dB re full scale: networks hear next to nothing of them "
            f"({_some(quiet.sort_values('level_db').index)})."
        )
    if count := len(loud := clips[_loud(clips)]):
        found.append(
            f"{count:,} clips have samples above {LOUD_PEAK:g}, the largest "
            f"{clips['peak'].max():g}, where full scale is 1: were floats written in another "
            f"range? ({_some(loud.sort_values('peak', ascending=False).index)})"
        )
    groups = dict(_by_class(clips, classes))
    rates = {name: set(group["source_rate"].astype(int)) for name, group in groups.items()}
    if apart := _apart(rates, lambda one, other: not one & other):
        named = ", ".join(f"{name} ({_rates_text(rates[name])})" for name in apart)
        found.append(_gives_away("The sample rate of their files", named))
    edges = {
        name: tuple(group["band_edge_hz"].quantile([_EDGES["lowest"], _EDGES["highest"]]))
        for name, group in groups.items()
        if len(group) >= _FEWEST_CLIPS
    }
    apart = _apart(edges, _ranges_differ)
    if apart and len(apart) == len(edges):
        named = ", ".join(
            f"{name} ({edges[name][0]:.0f} to {edges[name][1]:.0f})" for name in apart
        )
        found.append(_gives_away("The upper edge of their band, in Hz,", named))
    return found


def table_of(rows: pd.DataFrame, clips: pd.DataFrame, classes: Sequence[str]) -> list[list[str]]:
    """Cells for a reader, from `sound_rows`: class, rates, edge, level, quiet and loud clips."""
    body = []
    for name, group in _by_class(clips, classes):
        own = rows[rows["name"] == name].set_index("what")
        low, middle, high = (own.loc[f"band_edge {which}", "hz"] for which in _EDGES)
        edges, level = f"{middle:.0f} ({low:.0f} to {high:.0f})", group["level_db"].median()
        counts = [f"{own.loc[what, 'clips']:,}" for what in ("quiet", "loud")]
        rates = _rates_text(group["source_rate"])
        body.append([name or "all", rates, edges, f"{level:.0f}", *counts])
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


def _apart(values: dict[str, Any], differ: Callable[[Any, Any], bool]) -> list[str]:
    """The classes whose value differs from that of every other one, if there are several."""
    return [
        name
        for name in values
        if len(values) > 1
        and all(differ(values[name], values[other]) for other in values if other != name)
    ]


def _ranges_differ(one: tuple[float, float], other: tuple[float, float]) -> bool:
    low, high = sorted([one, other])
    return low[1] * (1 + _EDGES_DIFFER) < high[0]


def _rates_text(rates: Iterable) -> str:
    return _some(sorted({int(rate) for rate in rates}))


def _some(names: Sequence) -> str:
    """The first four, and how many more there are."""
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(f"{name}" for name in names[:4]) + more


def _gives_away(what: str, classes: str) -> str:
    return (
        f"{what} alone tells these classes from all others: {classes}. A network may learn the "
        "recorder instead of the sound: mix the sources, or bring all files to one rate and band "
        "before."
    )
