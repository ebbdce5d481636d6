"""What identifies a result: UIDs that are computed and not drawn, so that sending a result twice does not double it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fractura._version import __version__
from fractura.hospital.device import Device
from fractura.hospital.unique_ids import stable_uid
from fractura.inference.origin import ResultOrigin

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MANUFACTURER = "fractura"
NOT_FOR_DIAGNOSIS = "research, not for diagnosis"
SERIES_DESCRIPTION = f"{MANUFACTURER}: {NOT_FOR_DIAGNOSIS}"
OWN_SCHEME = "99FRACTURA"
"""Designator of our own codes, as DICOM and HL7 ask for of private ones."""
LONGEST_TEXT = 64
"""Characters of DICOM's types LO and SH's meaning."""
_DIGEST_SHOWN = 32


@dataclass(frozen=True)
class ObjectIdentity:
    """Of one object that is made from an image: the same image, model, settings and installation give the same.

    Attributes:
        kind: Of object: ``sr``.
        source: Header of the image.
        origin: The model and how it was applied.
        device: The installation.
    """

    kind: str
    source: Dataset
    origin: ResultOrigin
    device: Device

    @property
    def instance_uid(self) -> str:
        """SOP Instance UID."""
        return stable_uid("instance", self.kind, str(self.source.SOPInstanceUID), *self._maker())

    @property
    def series_uid(self) -> str:
        """Series Instance UID: one for each kind of object and series of images, which share body part and side."""
        return stable_uid("series", self.kind, str(self.source.SeriesInstanceUID), *self._maker())

    @property
    def instance_number(self) -> int:
        """That of the image, where it has one."""
        try:
            return max(1, int(self.source.get("InstanceNumber") or 1))
        except (TypeError, ValueError):
            return 1

    def tracking_uid(self, what: str) -> str:
        """Of what is reported, ``detection 1`` or ``whole image``: the same in every kind of object."""
        return stable_uid("tracking", what, str(self.source.SOPInstanceUID), *self._maker())

    @property
    def created(self) -> datetime:
        """When the run began, in local time, as DICOM writes times."""
        return datetime.fromisoformat(self.origin.created).astimezone()

    def series(self, number: int) -> dict[str, Any]:
        """Arguments of highdicom's classes: the object's place in the study, and the machine that made it."""
        return {
            "series_instance_uid": self.series_uid,
            "series_number": number,
            "sop_instance_uid": self.instance_uid,
            "instance_number": self.instance_number,
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": self.origin.card.name[:LONGEST_TEXT],
            "software_versions": (__version__, f"model sha256:{self.origin.digest[:_DIGEST_SHOWN]}"),
            "device_serial_number": self.device.uid,
            "series_description": SERIES_DESCRIPTION,
        }

    def complete(self, dataset: Dataset) -> None:
        """Add the UID of the device, and put the time of the run where highdicom writes that of now."""
        from pydicom.valuerep import DA, DT, TM

        dataset.DeviceUID = self.device.uid
        for what in ("InstanceCreation", "Content", "PresentationCreation", "OfSecondaryCapture"):
            date, time = ("Date" + what, "Time" + what) if what.startswith("Of") else (what + "Date", what + "Time")
            if date in dataset:
                setattr(dataset, date, DA(self.created.date()))
                setattr(dataset, time, TM(self.created.time()))
        for item in dataset.get("ContributingEquipmentSequence") or ():
            # What acquired the image has contributed when it did.
            if item.get("ManufacturerModelName") == "highdicom":
                item.ContributionDateTime = DT(self.created.replace(tzinfo=None))

    def _maker(self) -> tuple[str, ...]:
        return maker_of(self.origin, self.device)


def maker_of(origin: ResultOrigin, device: Device) -> tuple[str, ...]:
    """What tells the results of two runs apart: model, settings, version and installation."""
    settings = origin.settings
    return (origin.digest, f"{settings.threshold:g}", ",".join(settings.views), __version__, device.uid)


def made_here(dataset: Dataset) -> bool:
    """True if an object is a result of fractura: it is never examined, or results would breed results."""
    return str(dataset.get("Manufacturer") or "").strip().casefold() == MANUFACTURER
