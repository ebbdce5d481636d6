"""Fetch data sets from figshare: the files of an article, verified by MD5, with its licence and citation.

Addresses and checksums come from figshare's API (https://docs.figshare.com/#public_article), so that a new version
of an article is found as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fractura.core.errors import DataError, UsageError, suggest_name
from fractura.core.files import write_atomically
from fractura.core.json_text import parse_json
from fractura.fetch.addresses import DATA_SETS
from fractura.fetch.archive import archive_ending, safe_name, unpack_archive
from fractura.fetch.download import Progress, download

SOURCE_FILE = "source.json"
_LONGEST_ANSWER = 1 << 22
_CHANGED = "figshare's API seems to have changed; download the data set by hand"


@dataclass(frozen=True)
class ArticleFile:
    """One file of an article: name, size in bytes, address and MD5 in hexadecimal."""

    name: str
    size: int
    url: str
    md5: str


@dataclass(frozen=True)
class Article:
    """What figshare knows about a data set."""

    title: str
    doi: str
    licence: str
    licence_url: str
    citation: str
    files: tuple[ArticleFile, ...]


@dataclass(frozen=True)
class FetchedData:
    """The result of ``fetch_data``.

    Attributes:
        folder: Of the data set.
        article: Title, licence and citation.
        paper: To cite as well.
        fetched: Names of the files that this call downloaded.
        packed: Names of archives in a format that fractura does not unpack.
    """

    folder: Path
    article: Article
    paper: str
    fetched: tuple[str, ...]
    packed: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "folder": str(self.folder),
            **_description(self.article, self.paper),
            "fetched": list(self.fetched),
            "packed": list(self.packed),
        }


def _description(article: Article, paper: str) -> dict[str, str]:
    facts = {name: getattr(article, name) for name in ("title", "doi", "licence", "licence_url", "citation")}
    return {**facts, "paper": paper}


def fetch_data(
    name: str, output: Path, *, url: str | None = None, keep_archive: bool = False, progress: Progress | None = None
) -> FetchedData:
    """Download and unpack a data set into ``output/name``. Called again, it resumes where it stopped.

    Args:
        name: ``fracatlas`` or ``grazpedwri-dx``.
        output: Folder in which the data set's own folder is created.
        url: Another address that answers like figshare's API.
        keep_archive: Keep the archives next to their contents.
        progress: Called with the bytes downloaded and the total, over all files.

    Raises:
        UsageError: There is no data set of this name.
        MissingDependencyError: There is no network.
        DataError: A file differs from what figshare promises, or cannot be unpacked or written.
    """
    if name not in DATA_SETS:
        raise UsageError(f"there is no data set called '{name}'", hint=suggest_name(name, DATA_SETS))
    known = DATA_SETS[name]
    folder = output / name
    article = read_article(url or known.url, folder)
    done = _done(folder)
    fetched: list[str] = []
    total = sum(file.size for file in article.files)
    before = 0
    for file in article.files:
        if done.get(file.name) != file.md5:
            _fetch_file(file, folder, keep_archive, _shifted(progress, before, total))
            fetched.append(file.name)
            done[file.name] = file.md5
            _note(folder, article, known.paper, done)
        before += file.size
    packed = tuple(file.name for file in article.files if file.name.lower().endswith((".rar", ".7z", ".tar")))
    return FetchedData(folder, article, known.paper, tuple(fetched), packed)


def _shifted(progress: Progress | None, before: int, total: int) -> Progress | None:
    return None if progress is None else lambda done, _: progress(before + done, total)


def read_article(url: str, folder: Path) -> Article:
    """Ask the API about an article.

    Args:
        url: Of the article in the API.
        folder: Where the answer is stored while it is read.

    Raises:
        MissingDependencyError: There is no network.
        DataError: The answer is not that of figshare's API.
    """
    answer = folder / ".article.json"
    answer.unlink(missing_ok=True)
    try:
        download(url, answer)
        if answer.stat().st_size > _LONGEST_ANSWER:
            raise DataError("returned more than an article", file=url, hint=_CHANGED)
        document = parse_json(answer.read_bytes())
        return _article(document)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"does not answer like figshare ({error!r})", file=url, hint=_CHANGED) from error
    finally:
        answer.unlink(missing_ok=True)


def _article(document: Mapping[str, Any]) -> Article:
    licence = document["license"]
    files = tuple(_file(each) for each in document["files"] if not each.get("is_link_only"))
    if not files:
        raise ValueError("no files")
    if len({file.name.casefold() for file in files}) < len(files):
        raise ValueError("two files have the same name")
    words = (document["title"], document["doi"], licence["name"], licence.get("url", ""), document["citation"])
    if not all(isinstance(word, str) for word in words):
        raise ValueError("title, doi, licence or citation is not a string")
    return Article(*words, files)


def _file(each: Mapping[str, Any]) -> ArticleFile:
    name, size, url = each["name"], each["size"], each["download_url"]
    md5 = each.get("computed_md5") or each.get("supplied_md5")
    if not (isinstance(name, str) and isinstance(url, str) and isinstance(md5, str) and isinstance(size, int)):
        raise ValueError("name, size, download_url or md5 of a file is missing")
    if len(md5) != 32 or size < 0:
        raise ValueError(f"the md5 or size of '{name}' is invalid")
    if len(safe_name(Path(name), name).parts) != 1 or name.startswith(".") or name == SOURCE_FILE:
        raise ValueError(f"'{name}' is not a plain file name")
    return ArticleFile(name, size, url, md5.lower())


def _fetch_file(file: ArticleFile, folder: Path, keep_archive: bool, progress: Progress | None) -> None:
    target = folder / file.name
    if target.is_file() and _md5(target) != file.md5:
        raise DataError("already exists and is not the expected file", file=target, hint="delete it and fetch again")
    download(file.url, target, progress=progress)
    if (found := _md5(target)) != file.md5:
        target.unlink()
        raise DataError(
            f"is not the expected file: its MD5 is {found}, not {file.md5}", file=file.url, hint="fetch it again"
        )
    ending = archive_ending(file.name)
    if ending is None:
        return
    inside = folder / file.name[: -len(ending)]
    if inside.exists():
        raise DataError("is in the way: the archive would be unpacked there", file=inside, hint="delete or rename it")
    unpack_archive(target, inside)
    if not keep_archive:
        target.unlink()


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _done(folder: Path) -> dict[str, str]:
    """MD5 of each file that an earlier call downloaded, by name."""
    path = folder / SOURCE_FILE
    if not path.is_file():
        return {}
    try:
        done = parse_json(path.read_bytes())["files"]
        return {name: md5 for name, md5 in done.items() if isinstance(md5, str)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError("is damaged", file=path, hint="delete it; all files are then fetched again") from error


def _note(folder: Path, article: Article, paper: str, done: Mapping[str, str]) -> None:
    document = {**_description(article, paper), "files": dict(done)}
    write_atomically(folder / SOURCE_FILE, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
