"""``NodeSettings``: every choice of a node, typed and closed; from options, a YAML file or a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from fractura.core.errors import DataError, UsageError, nearest_name
from fractura.core.files import read_file
from fractura.hospital.dicom_results import DicomKind

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})

AeTitle = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=16, pattern=r"^[ -\[\]-~]+$")
]
"""Name of a DICOM application: up to 16 ASCII characters without the backslash."""
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Tls(_Closed):
    """Encryption of the node's own port.

    Attributes:
        certificate: PEM file of the node's certificate, with those between it and its authority.
        key: PEM file of its key, without a passphrase.
        authority: PEM file of the authority that callers' certificates must come from; None asks for none.
    """

    certificate: Path
    key: Path
    authority: Path | None = None


class ClientTls(_Closed):
    """Encryption towards a destination.

    Attributes:
        authority: PEM file of the authority of its certificate; None is those that the system trusts.
        certificate: PEM file of the certificate that the node shows; None shows none.
        key: PEM file of its key.
    """

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a certificate needs its key, and a key its certificate")
        return self


class WebAccess(_Closed):
    """A DICOMweb service, and how to log in to it.

    Attributes:
        url: Such as ``http://127.0.0.1:8042/dicom-web``.
        username: With ``password_file``: for basic authentication.
        password_file: Text file that holds the password.
        token_file: Text file that holds a bearer token, instead of both.
        tls: Where the URL begins with https and the system's authorities do not suffice.
        timeout: Seconds to wait for an answer.
    """

    url: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")]
    username: str | None = None
    password_file: Path | None = None
    token_file: Path | None = None
    tls: ClientTls | None = None
    timeout: Annotated[float, Field(gt=0)] = 60.0

    @model_validator(mode="after")
    def _logs_in_one_way(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file belong together")
        if self.username is not None and self.token_file is not None:
            raise ValueError("give a password or a token, not both")
        return self


class DicomPeer(_Closed):
    """A DICOM node that results are sent to.

    Attributes:
        ae_title: Its name.
        host: Name or address of its machine.
        port: Its TCP port.
        tls: Encryption; None sends in the clear.
        timeout: Seconds to wait for an answer.
    """

    ae_title: AeTitle
    host: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    port: Port
    tls: ClientTls | None = None
    timeout: Annotated[float, Field(gt=0)] = 60.0


class Destination(_Closed):
    """Where results go: a DICOM node (C-STORE) or a DICOMweb service (STOW-RS).

    Attributes:
        name: In logs and in the status; a delivery that waits belongs to it, so do not rename one.
        dicom: A DICOM node.
        web: A DICOMweb service, instead.
    """

    name: Name
    dicom: DicomPeer | None = None
    web: WebAccess | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.dicom is None) == (self.web is None):
            raise ValueError("a destination is either 'dicom' or 'web'")
        return self


class Pull(_Closed):
    """Images that the node fetches by DICOMweb, besides those that are sent to it.

    Attributes:
        web: The service.
        every_seconds: Pause between two searches.
        days: Studies of so many days are searched for, today included.
        modalities: Of the images that are fetched.
    """

    web: WebAccess
    every_seconds: Annotated[float, Field(ge=1)] = 60.0
    days: Annotated[int, Field(ge=1, le=3650)] = 1
    modalities: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,16}$")], ...] = ("CR", "DX")


class NodeSettings(_Closed):
    """Settings of a node.

    Attributes:
        folder: Its queue: images that wait, results that wait. One node a folder.
        model: Model folder, exported ``.onnx`` file or ``built-in``.
        ae_title: The node's name; callers must call it by this name.
        host: Address to listen on. Other machines may reach it only if ``callers`` says which.
        port: TCP port; 0 is any that is free.
        callers: AE titles that may send; empty lets every program of this machine send.
        tls: Encryption of the port; None listens in the clear.
        results: What is made of an image: ``sr``, a structured report; ``sc``, a picture with the boxes drawn;
            ``gsps``, a presentation state with the boxes.
        rules: TOML file that says which images are examined, and of which results are sent; see
            ``fractura.hospital.rules``. Its ``kinds`` are those of files: here ``results`` has them.
        destinations: Where results go.
        pull: Images to fetch; None fetches none.
        queue_instances: Most images in the queue, failed ones included; a sender of more is told to try again later.
        queue_bytes: Most bytes of these images and their results.
        image_bytes: Largest size of one image.
        associations: Most senders at once.
        attempts: How often an image is tried, and a result that a destination refuses, before it is reported as failed.
        keep_images: Keep the image files when all is delivered.
        remember_days: For so long an image that was dealt with is known, and not examined again when it is sent again.

    Examples:
        >>> NodeSettings.create({"folder": "queue", "callers": ["ORTHANC"]}).port
        11112
        >>> NodeSettings.create({"folder": "queue", "portt": 104})
        Traceback (most recent call last):
        ...
        fractura.core.errors.UsageError: there is no setting 'portt'; did you mean 'port'?
    """

    folder: Path
    model: str = "built-in"
    ae_title: AeTitle = "FRACTURA"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 11112
    callers: tuple[AeTitle, ...] = ()
    tls: Tls | None = None
    results: tuple[DicomKind, ...] = ("sr", "sc")
    rules: Path | None = None
    destinations: tuple[Destination, ...] = ()
    pull: Pull | None = None
    queue_instances: Annotated[int, Field(ge=1)] = 10_000
    queue_bytes: Annotated[int, Field(ge=1)] = 50 * 2**30
    image_bytes: Annotated[int, Field(ge=1)] = 100 * 2**20
    associations: Annotated[int, Field(ge=1, le=200)] = 10
    attempts: Annotated[int, Field(ge=1)] = 5
    keep_images: bool = False
    remember_days: Annotated[float, Field(ge=0)] = 30.0

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.host not in LOOPBACK_HOSTS and not self.callers:
            raise ValueError("other machines may reach it only if 'callers' names those that may send")
        names = [each.name for each in self.destinations]
        if len(set(names)) != len(names):
            raise ValueError("two destinations have one name")
        return self

    @classmethod
    def create(cls, values: Mapping[str, Any], *, file: Path | None = None) -> Self:
        """Settings from a mapping.

        Args:
            values: The settings by name.
            file: Where they come from, for messages.

        Raises:
            UsageError: A name is unknown (the nearest valid one is suggested), or a value is not valid.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise _in_words(error, file) from error


def read_settings(file: Path) -> dict[str, Any]:
    """What a ``.yaml``, ``.yml`` or ``.toml`` file says, not checked yet.

    Raises:
        UsageError: The file has another extension, or is not a mapping.
        DataError: It cannot be read, or is not YAML or TOML.
    """
    if file.suffix.lower() not in (".yaml", ".yml", ".toml"):
        raise UsageError("settings are a .yaml or a .toml file", file=file)
    data = read_file(file)
    try:
        text = data.decode("utf-8-sig")
        found = tomllib.loads(text) if file.suffix.lower() == ".toml" else yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        position = error.problem_mark
        place = None if position is None else f"line {position.line + 1}"
        raise DataError("is not valid YAML", file=file, place=place, hint="correct it there") from error
    except (ValueError, yaml.YAMLError) as error:
        raise DataError("cannot be read as settings", file=file, hint="write it as UTF-8 text") from error
    if not isinstance(found, dict):
        raise UsageError("does not hold settings by name", file=file, hint="such as: port: 11112")
    return {str(name): value for name, value in found.items()}


def _in_words(error: ValidationError, file: Path | None) -> UsageError:
    """The first problem, with the place of the setting and never its value, which may be a secret."""
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        nearest = nearest_name(str(first["loc"][-1]), _names())
        return UsageError(
            f"there is no setting '{place}'" + (f"; did you mean '{nearest}'?" if nearest else ""), file=file
        )
    if first["type"] == "missing":
        return UsageError(f"the setting '{place}' is missing", file=file)
    problem = first["msg"].removeprefix("Value error, ")
    return UsageError(f"the setting '{place}': {problem}" if place else problem, file=file)


def _names() -> set[str]:
    kinds: tuple[type[BaseModel], ...] = (NodeSettings, Destination, DicomPeer, WebAccess, Pull, Tls, ClientTls)
    return {name for kind in kinds for name in kind.model_fields}
