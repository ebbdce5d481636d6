"""Files from the network: found by name, downloaded so that a break costs nothing, unpacked so that nothing escapes."""

from fractura.fetch.addresses import ADDRESSES, Address
from fractura.fetch.archive import unpack_archive
from fractura.fetch.download import Downloaded, download
from fractura.fetch.fetch import Fetched, fetch

__all__ = ["ADDRESSES", "Address", "Downloaded", "Fetched", "download", "fetch", "unpack_archive"]
