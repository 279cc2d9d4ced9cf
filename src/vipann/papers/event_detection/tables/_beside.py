"""What the tables of chapter 4 say of the print beside ours."""

from vipann.papers import Names
from vipann.papers.event_detection.printed import AUDIOSET, ON_EMBEDDINGS
from vipann.tables.layout import ABOUT_THE_PAPER

OURS = "Ours: mean over seeds ± standard deviation over seeds; an ensemble is one."
EMBEDDINGS = (
    "Ours learnt from the VGGish embeddings that Google released of 22,160 clips, one a second, "
    "with the network of section 4.2.3 (512, 512, 256, 128); the print is of TALNet on log-mels of "
    "2 million clips: for orientation, without a difference."
)
OTHER = "The print is of AudioSet's full train list: for orientation, without a difference."


def is_comparable(names: Names, upstream: str | None) -> bool:
    """Whether the run learnt from what the thesis's networks learnt from."""
    return names.get(upstream or "") == AUDIOSET


def notes_on(names: Names, upstream: str | None) -> list[str]:
    """Sentences on what the print is to ours."""
    if is_comparable(names, upstream):
        return [OURS, ABOUT_THE_PAPER]
    on_embeddings = names.get(upstream or "") == ON_EMBEDDINGS
    return [OURS, EMBEDDINGS if on_embeddings else OTHER]
