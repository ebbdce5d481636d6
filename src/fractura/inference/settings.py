"""Which views and which threshold a detection uses: the one place for this rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from fractura.core.errors import UsageError
from fractura.core.model_card import ModelCard
from fractura.inference.views import TILE_SIZE, WHOLE, known_views


@dataclass(frozen=True, kw_only=True)
class DetectionSettings:
    """How a model is applied to each image.

    Attributes:
        views: Names of the views whose detections are fused; see ``fractura.inference.views``.
        threshold: Lowest score of a detection that counts, 0..1.
    """

    views: tuple[str, ...]
    threshold: float

    @classmethod
    def of(
        cls,
        card: ModelCard,
        *,
        threshold: float | None = None,
        fast: bool = False,
        tile: bool | int = False,
        views: Sequence[str] | None = None,
    ) -> Self:
        """The settings of a model's card, or others where they are given.

        Args:
            card: Of the model.
            threshold: By default the card's, chosen for its views; with ``fast`` the card's ``fast_threshold``.
            fast: Use the whole image only, once.
            tile: Use overlapping tiles as well, for small fractures on large images; a number is their side in
                pixels.
            views: Use exactly these views.

        Raises:
            UsageError: A view is unknown, a tile too small, the threshold outside 0..1, or ``views`` are given
                together with ``fast`` or ``tile``.

        Examples:
            >>> card = ModelCard(name="m", architecture={"name": "a"}, class_names=("fracture",), threshold=0.4,
            ...                  fast_threshold=0.6, views=("whole", "flipped"))
            >>> DetectionSettings.of(card)
            DetectionSettings(views=('whole', 'flipped'), threshold=0.4)
            >>> DetectionSettings.of(card, fast=True)
            DetectionSettings(views=('whole',), threshold=0.6)
        """
        if views is not None and (fast or tile is not False):
            raise UsageError("views are given already", hint="leave out fast and tile")
        if views is None:
            views = WHOLE if fast else card.views
        if tile is not False:
            views = (*views, f"tiles={TILE_SIZE if tile is True else tile}")
        if threshold is None:
            threshold = card.fast_threshold if fast and card.fast_threshold is not None else card.threshold
        if not 0 <= threshold <= 1:
            raise UsageError(f"a threshold lies in 0..1, not {threshold}")
        return cls(views=known_views(views), threshold=threshold)
