"""Files from the network: found by name, downloaded so that a break costs nothing, unpacked so that nothing escapes."""

from fractura.fetch.addresses import ADDRESSES, Address
from fractura.fetch.archive import unpack_archive
from fractura.fetch.download import Downloaded, download
from fractura.fetch.fetch import Fetched, fetch
from fractura.fetch.figshare import DATA_SETS, FetchedData, fetch_data
from fractura.fetch.zip_archive import unpack_zip

__all__ = [
    "ADDRESSES",
    "DATA_SETS",
    "Address",
    "Downloaded",
    "Fetched",
    "FetchedData",
    "download",
    "fetch",
    "fetch_data",
    "unpack_archive",
    "unpack_zip",
]
