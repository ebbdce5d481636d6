"""A client of a DICOMweb service, logged in as its settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fractura.core.errors import UsageError
from fractura.core.files import read_file
from fractura.node.encryption import client_context
from fractura.node.settings import WebAccess

if TYPE_CHECKING:
    from pathlib import Path

    from dicomweb_client import DICOMwebClient

_SECRET_BYTES = 64 * 2**10


def client_of(access: WebAccess) -> DICOMwebClient:
    """The client; the files of secrets are read anew each time, so that they can be changed while the node runs.

    Raises:
        UsageError: A secret is empty.
        DataError: Its file cannot be read.
    """
    from dicomweb_client import DICOMwebClient
    from requests import Session
    from requests.adapters import HTTPAdapter
    from requests.auth import HTTPBasicAuth

    class Adapter(HTTPAdapter):
        """Checks certificates as ``client_context`` does."""

        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            context = client_context(access.tls) if access.tls is not None else None
            super().init_poolmanager(*arguments, **options, ssl_context=context)

    session = Session()
    session.mount("https://", Adapter())
    session.trust_env = False  # neither .netrc nor proxies decide where images of patients go
    if access.tls is not None:
        if access.tls.authority is not None:
            session.verify = str(access.tls.authority)
        if access.tls.certificate is not None:
            session.cert = (str(access.tls.certificate), str(access.tls.key))
    if access.username is not None and access.password_file is not None:
        session.auth = HTTPBasicAuth(access.username.encode(), _secret(access.password_file).encode())
    if access.token_file is not None:
        session.headers["Authorization"] = f"Bearer {_secret(access.token_file)}"
    client = DICOMwebClient(access.url.rstrip("/"), session=session, timeout=access.timeout)
    client.set_http_retry_params(retry=False)  # the queue retries
    return client


def _secret(file: Path) -> str:
    text = read_file(file, limit=_SECRET_BYTES).decode("utf-8", "replace").strip()
    if not text:
        raise UsageError("holds no secret", file=file)
    return text
