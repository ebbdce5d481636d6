"""TLS for the node's port, and towards destinations. Certificates are always checked; 1.2 is the oldest version."""

from __future__ import annotations

import ssl

from fractura.core.errors import UsageError
from fractura.node.settings import ClientTls, Tls


def server_context(tls: Tls) -> ssl.SSLContext:
    """For the node's port; callers must show a certificate if an authority is set.

    Raises:
        UsageError: A file cannot be read, or certificate and key do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=_refuse_to_ask)
        if tls.authority is not None:
            context.load_verify_locations(tls.authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise _unusable("tls", error) from error
    return context


def client_context(tls: ClientTls) -> ssl.SSLContext:
    """Towards a DICOM node.

    Raises:
        UsageError: See ``server_context``.
    """
    try:
        context = ssl.create_default_context(cafile=tls.authority)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # from Python 3.13 on; hospitals' own authorities fail it
        if tls.certificate is not None and tls.key is not None:
            context.load_cert_chain(tls.certificate, tls.key, password=_refuse_to_ask)
    except (OSError, ValueError) as error:
        raise _unusable("tls of a destination", error) from error
    return context


def _refuse_to_ask() -> str:
    """OpenSSL would wait for a passphrase at the terminal."""
    raise ValueError("the key has a passphrase")


def _unusable(setting: str, error: Exception) -> UsageError:
    reason = error.strerror or error if isinstance(error, OSError) else error
    return UsageError(
        f"the setting '{setting}' cannot be used: {reason}",
        hint="certificate, key and authority are PEM files; the key belongs to the certificate and has no passphrase",
    )
