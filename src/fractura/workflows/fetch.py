"""``fetch_resource``: a public data set or model by its name."""

from __future__ import annotations

from pathlib import Path

from fractura.core.errors import UsageError, suggest_name
from fractura.core.reporter import LOG, Reporter
from fractura.fetch import ADDRESSES, DATA_SETS, Fetched, FetchedData, fetch, fetch_data


def fetch_resource(
    name: str,
    output: Path | str = ".",
    *,
    url: str | None = None,
    keep_archive: bool = False,
    reporter: Reporter = LOG,
) -> Fetched | FetchedData:
    """Download and unpack a data set, or a model of the TensorFlow 2 detection zoo. Called again, it resumes.

    Args:
        name: ``fracatlas``, ``grazpedwri-dx``, or such as ``zoo:faster_rcnn_inception_resnet_v2_640x640``.
        output: Folder in which it is unpacked.
        url: Fetch it from this address instead.
        keep_archive: Keep the archive next to the folder.
        reporter: Shows progress.

    Returns:
        ``FetchedData`` for a data set, ``Fetched`` for a model.

    Raises:
        UsageError: Nothing has this name.
        MissingDependencyError: There is no network.
        DataError: What was downloaded is not what was expected, or cannot be unpacked or written.

    Example:
        ``fetch_resource("fracatlas", "data").folder``
    """
    if name not in DATA_SETS and name not in ADDRESSES:
        raise UsageError(f"nothing to fetch is called '{name}'", hint=suggest_name(name, [*ADDRESSES, *DATA_SETS]))
    with reporter.progress(name, unit="bytes") as progress:
        if name in DATA_SETS:
            return fetch_data(name, Path(output), url=url, keep_archive=keep_archive, progress=progress)
        return fetch(name, Path(output), url=url, keep_archive=keep_archive, progress=progress)
