"""Average precision and recall as COCO defines them, with two loose overlaps beside COCO's ten.

Source: https://cocodataset.org/#detection-eval.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.evaluation.coco_metrics import AveragePrecision
from fractura.evaluation.table import build_table


def average_precision(dataset: Dataset, predictions: Sequence[Boxes]) -> dict[str, float | None]:
    """COCO's metrics of scored boxes, one ``Boxes`` per record of ``dataset`` and in its label order.

    Returns:
        Each in 0..1, or None where no box of that kind is annotated on the images: the twelve of COCO (``AP``,
        ``AP50``, ``AP75``, ``AP_small``, ``AP_medium``, ``AP_large``, ``AR_1``, ``AR_10``, ``AR_100``, ``AR_small``,
        ``AR_medium``, ``AR_large``), ``AP30`` and ``AP10``; of several classes also ``AP/<class>`` and so on.
    """
    measure = AveragePrecision(build_table(dataset, predictions))
    values = measure.of(np.ones(len(dataset)))
    return {key: None if np.isnan(value) else float(value) for key, value in zip(measure.keys, values, strict=True)}
