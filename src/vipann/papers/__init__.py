"""What papers printed, and the tables and figures of each: a folder a paper.

A folder's `PAPER` says what keeps its results apart, each file of its `tables/` and
`figures/` declares one (`TABLE`, `FIGURE`: `vipann.plan.products`), and no file outside knows them.
"""

from collections.abc import Mapping, Sequence

# What a table or figure is given: the input files by name; dataset -> what the paper calls it.
Sources = Mapping[str, Sequence[str]]
Names = Mapping[str, str | None]
