"""What a DICOM says of its image apart from the pixels, cut down to words that cannot name a person.

Every word kept is one of DICOM's own defined terms (PS3.16 CID 4031 and PS3.3 C.8.7.1, C.8.11.5) or a hash; free text
is never passed on, not even from fields that should hold codes: people type names everywhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from fractura.imaging.dicom.spacing import PixelSpacing

_BODY_PART_WORDS = (
    "ABDOMEN ACJOINT ANKLE ARM BREAST CALCANEUS CALF CHEST CLAVICLE COCCYX CSPINE CTSPINE ELBOW EXTREMITY FEMUR "
    "FINGER FOOT FOREARM HAND HEAD HEEL HIP HUMERUS JAW KNEE LEG LOWEXM LSPINE LSSPINE MANDIBLE MAXILLA NECK ORBIT "
    "PATELLA PELVIS RADIUS RIB SACRUM SCAPULA SCJOINT SHOULDER SIJOINT SKULL SPINE SSPINE STERNUM TARSALJOINT THIGH "
    "THUMB TIBFIB TIBIA TLSPINE TOE TSPINE ULNA UPEXM UPPERARM WHOLEBODY WRIST ZYGOMA"
)
_VIEW_WORDS = "AP PA LL RL RLD LLD RLO LLO LAO RAO LPO RPO LATERAL OBLIQUE AXIAL TANGENTIAL SUNRISE MORTISE"
_BODY_PARTS = frozenset(_BODY_PART_WORDS.split())
_VIEWS = frozenset(_VIEW_WORDS.split())
_LATERALITIES = frozenset("LRB")
_PATIENT_DIGITS = 16


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """What splits and subgroups need; None where the file does not say, or not in a defined term.

    Attributes:
        patient: ``patient_hash`` of the patient id.
        body_part: Such as ``WRIST``.
        view: Such as ``AP`` or ``LL``.
        laterality: ``L``, ``R`` or ``B`` (both).
        device: Hash of manufacturer and model; images of one machine share it.
        frames: Pictures in the file; the first one is the image.
        burnt_in_text: The file says that there is writing in the picture (it may be a name).
        study: ``study_hash`` of the study's unique id; images taken together share it.
        spacing: How large a pixel is.
    """

    patient: str | None = None
    body_part: str | None = None
    view: str | None = None
    laterality: str | None = None
    device: str | None = None
    frames: int = 1
    burnt_in_text: bool = False
    study: str | None = None
    spacing: PixelSpacing | None = None


def patient_hash(patient_id: str) -> str | None:
    """The first 16 hex digits of SHA-256 over ``fractura patient`` + NUL + the id without outer blanks; None if empty.

    There is no salt and no key, on purpose: the same patient gets the same hash in every folder, on every machine and
    in every year, so images read at different times still fall on one side of a split. The price is linkage. Whoever
    holds the hashes and the hospital's list of ids (or guesses them all: ids are short numbers) can tell whose they
    are. The hash is a pseudonym, not anonymity: treat it as you treat the id, and publish splits by image name. Two
    hospitals that number patients alike share hashes; for a split that errs to the safe side.
    """
    plain = patient_id.strip(" \0")
    return _hash("fractura patient", plain) if plain else None


def study_hash(study_uid: str) -> str | None:
    """Hash of a study's unique id, made as ``patient_hash`` is; None if empty."""
    plain = study_uid.strip(" \0")
    return _hash("fractura study", plain) if plain else None


def device_hash(manufacturer: str, model: str) -> str | None:
    """Hash of a machine's maker and model, made as ``patient_hash`` is; None if neither is known."""
    parts = (manufacturer.strip(" \0").casefold(), model.strip(" \0").casefold())
    return _hash("fractura device", *parts) if any(parts) else None


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:_PATIENT_DIGITS]


def body_part_term(text: str) -> str | None:
    """A defined term for a body part, or None."""
    plain = "".join(text.upper().split()).replace("_", "").replace("-", "")
    return plain if plain in _BODY_PARTS else None


def view_term(text: str) -> str | None:
    """A defined term for a view position, or None."""
    plain = text.strip(" \0").upper()
    return plain if plain in _VIEWS else None


def laterality_term(text: str) -> str | None:
    """``L``, ``R`` or ``B``, or None."""
    plain = text.strip(" \0").upper()
    return plain if plain in _LATERALITIES else None
