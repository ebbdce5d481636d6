"""What all requests share: the folder's films and annotations, models, uploads and running jobs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from fractura.web.annotation_store import AnnotationStore
from fractura.web.event_board import EventBoard
from fractura.web.folder_index import FilmRow, FolderIndex
from fractura.web.pictures import PictureShelf
from fractura.web.problems import WebError
from fractura.web.security import Sessions
from fractura.web.settings import WebSettings


class Workplace:
    """One server's state.

    Args:
        settings: What it was started with.

    Raises:
        DataError: The folder cannot be used.
    """

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        self.sessions = Sessions(settings.token)
        self.board = EventBoard()
        self.pictures = PictureShelf(settings)
        self.index: FolderIndex | None = None
        self.annotations: AnnotationStore | None = None
        if settings.folder is not None:
            self.index = FolderIndex(settings.folder, self._films_changed)
            self.annotations = AnnotationStore(self.index)

    def start(self) -> None:
        """Begin the work in the background."""
        if self.index is not None:
            self.index.start()

    def stop(self) -> None:
        """End it."""
        self.board.close()
        if self.index is not None:
            self.index.stop()

    def folder_index(self) -> FolderIndex:
        """The folder's films.

        Raises:
            WebError: There is no folder.
        """
        if self.index is None:
            raise WebError(404, "no_folder", "this server has no folder of films", hint="fractura label FOLDER")
        return self.index

    def annotation_store(self) -> AnnotationStore:
        """The folder's annotations.

        Raises:
            WebError: There is no folder.
        """
        self.folder_index()
        assert self.annotations is not None
        return self.annotations

    def row(self, film: str) -> FilmRow:
        """A film of the folder.

        Raises:
            WebError: There is no folder, or no such film in it.
        """
        found = self.folder_index().get(film)
        if found is None:
            raise WebError(404, "film_unknown", "there is no film with this id", hint="ask for /api/films again")
        return found

    def _films_changed(self, rows: list[FilmRow] | None) -> None:
        if rows is None or len(rows) > 50:
            index = self.folder_index()
            self.board.publish("films", {"revision": index.revision, "counts": index.counts()})
            return
        for row in rows:
            self.board.publish("film", film_document(row))


def film_document(row: FilmRow) -> dict[str, Any]:
    """A film of the list, as the API gives it."""
    summary, opinion = row.summary, row.opinion
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "boxes": None if summary is None or summary.fault is not None else len(summary.objects),
        "uncertainty": None if opinion is None else round(opinion.uncertainty, 4),
        "disagreeing": opinion is not None and opinion.disagreeing,
        "comment": row.commented,
    }


def _workplace_of(request: Request) -> Workplace:
    workplace: Workplace = request.app.state.workplace
    return workplace


Here = Annotated[Workplace, Depends(_workplace_of)]
