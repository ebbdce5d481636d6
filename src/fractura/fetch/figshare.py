"""Data sets on figshare: what belongs to an article, its licence and citation, and its files, checked by MD5.

The addresses and sums are not written here: they come from the answer of figshare's API
(https://docs.figshare.com/#public_article), so that a new version of an article is found too.
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
from fractura.fetch.archive import safe_name, unpack_archive
from fractura.fetch.download import Progress, download
from fractura.fetch.zip_archive import unpack_zip

SOURCE_FILE = "source.json"
_API = "https://api.figshare.com/v2/articles/"
_LONGEST_ANSWER = 1 << 22
_CHUNK = 1 << 20
_CHANGED = "figshare's answer is not what it used to be; fetch the data set by hand"


@dataclass(frozen=True)
class DataAddress:
    """A data set that can be fetched.

    Attributes:
        article: Number on figshare.
        about: One line for people.
        paper: To cite beside the data.
    """

    article: int
    about: str
    paper: str

    @property
    def url(self) -> str:
        """Where figshare's API describes it."""
        return f"{_API}{self.article}"


DATA_SETS = {
    "fracatlas": DataAddress(
        22363012,
        "FracAtlas: 4,083 radiographs, 717 with fractures, boxes",
        "Abedeen et al., FracAtlas, Scientific Data 10, 521 (2023), https://doi.org/10.1038/s41597-023-02432-4",
    ),
    "grazpedwri-dx": DataAddress(
        14825193,
        "GRAZPEDWRI-DX: 20,327 radiographs of children's wrists, 9 classes of boxes",
        "Nagy et al., GRAZPEDWRI-DX, Scientific Data 9, 222 (2022), https://doi.org/10.1038/s41597-022-01328-z",
    ),
}


@dataclass(frozen=True)
class ArticleFile:
    """One file of an article: its plain name, bytes, where it is and its MD5 in hexadecimal."""

    name: str
    size: int
    url: str
    md5: str


@dataclass(frozen=True)
class Article:
    """What figshare says of a data set."""

    title: str
    doi: str
    licence: str
    licence_url: str
    citation: str
    files: tuple[ArticleFile, ...]


@dataclass(frozen=True)
class FetchedData:
    """What is there now.

    Attributes:
        folder: The data set's.
        article: Title, licence, citation.
        paper: To cite, too.
        fetched: Names of the files that came this time.
        packed: Names of files that are still packed, in a way that is not unpacked here.
    """

    folder: Path
    article: Article
    paper: str
    fetched: tuple[str, ...]
    packed: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        article = self.article
        return {
            "folder": str(self.folder),
            "title": article.title,
            "doi": article.doi,
            "licence": article.licence,
            "licence_url": article.licence_url,
            "citation": article.citation,
            "paper": self.paper,
            "fetched": list(self.fetched),
            "packed": list(self.packed),
        }


def fetch_data(
    name: str, output: Path, *, url: str | None = None, keep_archive: bool = False, progress: Progress | None = None
) -> FetchedData:
    """Download and unpack a data set into ``output/name``. Called again, it goes on where it was.

    Args:
        name: ``fracatlas`` or ``grazpedwri-dx``.
        output: Folder in which the data set's own appears.
        url: Another address that answers as figshare's API does.
        keep_archive: Leave archives beside what was in them.
        progress: Told of bytes that are there and will be, over all files.

    Raises:
        UsageError: Nothing has this name.
        MissingDependencyError: There is no network.
        DataError: A file is not what figshare says, or cannot be unpacked or written.
    """
    if name not in DATA_SETS:
        raise UsageError(f"no data set to fetch is called '{name}'", hint=suggest_name(name, DATA_SETS))
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
    """What the API says of an article.

    Args:
        url: Of the article in the API.
        folder: For the answer, while it is read.

    Raises:
        MissingDependencyError: There is no network.
        DataError: The answer is not what it should be.
    """
    answer = folder / ".article.json"
    answer.unlink(missing_ok=True)
    try:
        download(url, answer)
        if answer.stat().st_size > _LONGEST_ANSWER:
            raise DataError("answers with more than an article", file=url, hint=_CHANGED)
        document = json.loads(answer.read_bytes())
        return _article(document)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"does not answer as figshare does ({error!r})", file=url, hint=_CHANGED) from error
    finally:
        answer.unlink(missing_ok=True)


def _article(document: Mapping[str, Any]) -> Article:
    licence = document["license"]
    files = tuple(_file(each) for each in document["files"] if not each.get("is_link_only"))
    if not files:
        raise ValueError("no files")
    if len({file.name.casefold() for file in files}) < len(files):
        raise ValueError("two files of one name")
    words = (document["title"], document["doi"], licence["name"], licence.get("url", ""), document["citation"])
    if not all(isinstance(word, str) for word in words):
        raise ValueError("title, doi, licence or citation is no text")
    return Article(*words, files)


def _file(each: Mapping[str, Any]) -> ArticleFile:
    name, size, url = each["name"], each["size"], each["download_url"]
    md5 = each.get("computed_md5") or each.get("supplied_md5")
    if not (isinstance(name, str) and isinstance(url, str) and isinstance(md5, str) and isinstance(size, int)):
        raise ValueError("name, size, download_url or md5 of a file is missing")
    if len(md5) != 32 or size < 0:
        raise ValueError(f"the md5 or size of '{name}' is none")
    if len(safe_name(Path(name), name).parts) != 1 or name.startswith(".") or name == SOURCE_FILE:
        raise ValueError(f"'{name}' is no plain file name")
    return ArticleFile(name, size, url, md5.lower())


def _fetch_file(file: ArticleFile, folder: Path, keep_archive: bool, progress: Progress | None) -> None:
    target = folder / file.name
    if target.is_file() and _md5(target) != file.md5:
        raise DataError(
            "is there already and is not the file it should be", file=target, hint="delete it and fetch again"
        )
    download(file.url, target, progress=progress)
    if (found := _md5(target)) != file.md5:
        target.unlink()
        raise DataError(
            f"is not the file it should be: its MD5 is {found}, not {file.md5}", file=file.url, hint="fetch it again"
        )
    unpack = {".zip": unpack_zip, ".gz": unpack_archive}.get(target.suffix.lower())
    if unpack is None or (target.suffix.lower() == ".gz" and not target.name.lower().endswith(".tar.gz")):
        return
    inside = folder / target.name.removesuffix(".gz").removesuffix(".tar").removesuffix(".zip")
    if inside.exists():
        raise DataError("is in the way: the archive is unpacked there", file=inside, hint="delete or rename it")
    unpack(target, inside)
    if not keep_archive:
        target.unlink()


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _done(folder: Path) -> dict[str, str]:
    """MD5 of each file that came before, by name."""
    path = folder / SOURCE_FILE
    if not path.is_file():
        return {}
    try:
        done = json.loads(path.read_bytes())["files"]
        return {name: md5 for name, md5 in done.items() if isinstance(md5, str)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            "is damaged", file=path, hint="delete it; what is there already is then fetched again"
        ) from error


def _note(folder: Path, article: Article, paper: str, done: Mapping[str, str]) -> None:
    document = {
        "title": article.title,
        "doi": article.doi,
        "licence": article.licence,
        "licence_url": article.licence_url,
        "citation": article.citation,
        "paper": paper,
        "files": dict(done),
    }
    write_atomically(folder / SOURCE_FILE, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
