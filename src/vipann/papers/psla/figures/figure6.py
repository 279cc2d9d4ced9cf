"""Figure 6: clips that training has not seen."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Sources
from vipann.papers.psla.figures._drawing import colours, keys, one_panel
from vipann.papers.psla.sampler import expected_unseen, multi_hot, train_labels
from vipann.training.sampling import balancing

FIGURE = {
    "number": "6",
    "label": "clips not seen yet",
    "needs": {"manifests": "manifests/{varied}.parquet"},
    "caption": """
Share of the train list that balanced sampling has not shown yet, by epoch, without mix-up and with
some of the samples mixed with a clip drawn evenly. Expected values, computed and not sampled.""",
}
EPOCHS = 30
RATES = (0.0, 0.2, 0.5, 0.8, 1.0)


def figure(sources: Sources, style: Style) -> tuple[Figure, pd.DataFrame]:
    """Columns of what is drawn: mixup_rate, epoch, unseen (a share)."""
    points = unseen(sources["manifests"][0])
    drawn, axes = one_panel(style, "Not seen yet", "Epoch", "Share of the train list (%)")
    forms = colours(style, list(map(_label, RATES)))
    for rate, line in points.groupby("mixup_rate", sort=False):
        colour = forms[_label(rate)]
        axes.plot(line["epoch"], 100 * line["unseen"], color=colour, linewidth=styles.LINE_WIDTH)
    styles.legend(drawn, keys(forms), columns=3)
    return drawn, points


def unseen(manifest: str) -> pd.DataFrame:
    """Expected share of the train list that no sample has shown after each epoch, from 0 on."""
    labels, _ = multi_hot(train_labels(manifest))
    chances, epochs = balancing(labels), np.arange(EPOCHS + 1)
    parts = [
        pd.DataFrame(
            {
                "mixup_rate": rate,
                "epoch": epochs,
                "unseen": expected_unseen(chances, epochs, rate),
            }
        )
        for rate in RATES
    ]
    return pd.concat(parts, ignore_index=True)


def _label(rate: float) -> str:
    return f"mix-up {rate:g}" if rate else "no mix-up"
