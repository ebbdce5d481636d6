"""Two ways to send results: by C-STORE to a DICOM node, by STOW-RS to a DICOMweb service."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pynetdicom import AE

from fractura.node.encryption import client_context
from fractura.node.settings import DicomPeer, WebAccess
from fractura.node.storage_classes import EXPLICIT, IMPLICIT
from fractura.node.web_client import client_of

_SUCCESS = 0x0000
_WARNINGS = frozenset({0x0001, 0xB000, 0xB006, 0xB007, 0x0107, 0x0116})
"""Stored all the same, perhaps with changed elements."""
_OUT_OF_RESOURCES = range(0xA700, 0xA800)
_TRY_LATER = frozenset({401, 403, 404, 408, 425, 429})
"""Answers by HTTP that say nothing about the result itself: it is accepted once somebody has mended the access."""
_FIRST_SERVER_ERROR = 500
_OTHER_KIND = "it does not accept objects of this kind"


class UnreachableError(Exception):
    """Nothing can be sent to the destination at the moment. The text holds nothing of a patient."""


@dataclass(frozen=True)
class Refused:
    """A destination's answer that it will not store a result.

    Attributes:
        problem: Why, in words without anything of a patient.
    """

    problem: str


Answer = Refused | None
"""None: it is stored."""


def send_dicom(peer: DicomPeer, files: Sequence[Path], *, ae_title: str) -> Generator[Answer]:
    """Send results over one association, and give the answer to each before the next is sent.

    Args:
        peer: Where to.
        files: DICOM files.
        ae_title: The node's name.

    Raises:
        UnreachableError: There is no association, it broke, or the peer has no room: those without an answer wait.
    """
    datasets = [dcmread(file) for file in files]
    entity = AE(ae_title=ae_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = peer.timeout
    for storage_class in dict.fromkeys(str(each.SOPClassUID) for each in datasets):
        entity.add_requested_context(storage_class, [EXPLICIT, IMPLICIT])
    arguments: dict[str, Any] = {}
    if peer.tls is not None:
        arguments["tls_args"] = (client_context(peer.tls), peer.host)
    association = entity.associate(peer.host, peer.port, ae_title=peer.ae_title, **arguments)
    if not association.is_established:
        if association.is_rejected:
            raise UnreachableError("it rejects the association: it must know this node's AE title and address")
        if association.rejected_contexts:
            yield from [Refused(_OTHER_KIND)] * len(files)
            return
        raise UnreachableError("no association: it does not answer, or not as DICOM")
    try:
        for dataset in datasets:
            yield _stored(association, dataset)
    finally:
        association.release()


def _stored(association: Any, dataset: Any) -> Answer:
    if str(dataset.SOPClassUID) not in {str(each.abstract_syntax) for each in association.accepted_contexts}:
        return Refused(_OTHER_KIND)
    try:
        answer = association.send_c_store(dataset)
    except (AttributeError, ValueError) as error:
        return Refused(f"the result cannot be encoded: {type(error).__name__}")
    except RuntimeError:
        raise UnreachableError("the association broke") from None
    status = answer.get("Status")
    if status is None:
        raise UnreachableError("it did not answer in time, or the association broke")
    if status == _SUCCESS or status in _WARNINGS:
        return None
    if status in _OUT_OF_RESOURCES:
        raise UnreachableError(f"it is out of resources (status 0x{status:04X})")
    return Refused(f"it refused with status 0x{status:04X}")


def send_web(access: WebAccess, files: Sequence[Path]) -> Generator[Answer]:
    """Send results by STOW-RS, each in a request of its own, so that each has its answer.

    Args:
        access: Where to.
        files: DICOM files.

    Raises:
        UnreachableError: There is no answer, or none about the result.
    """
    from requests import HTTPError, RequestException

    client = client_of(access)
    for file in files:
        try:
            answer = client.store_instances([dcmread(file)])
        except HTTPError as error:
            status = 0 if error.response is None else error.response.status_code
            if status in _TRY_LATER or status >= _FIRST_SERVER_ERROR or status == 0:
                raise UnreachableError(f"it answers with status {status}") from None
            yield Refused(f"it refused with status {status}")
            continue
        except (RequestException, OSError) as error:
            raise UnreachableError(f"no answer: {type(error).__name__}") from None
        failed = answer.get("FailedSOPSequence")
        yield Refused(f"it refused with reason {_reason(failed)}") if failed else None


def _reason(failed: Any) -> str:
    reason = failed[0].get("FailureReason")
    return "unknown" if reason is None else f"0x{int(reason):04X}"
