"""The page: label, review and detect in the browser, and the same as a REST API (docs/guide/api.md, docs/developers/security.md)."""

from fractura.web.app import create_app
from fractura.web.settings import WebSettings

__all__ = ["WebSettings", "create_app"]
