"""The page: label, review and detect in the browser, and the same as a REST API.

See docs/guide/api.md for the API and docs/developers/security.md for what it is protected from.
"""

from fractura.web.app import create_app
from fractura.web.settings import WebSettings

__all__ = ["WebSettings", "create_app"]
