"""Fetch models and data sets by name: resumable downloads, and archives unpacked safely."""

from fractura.fetch.addresses import ADDRESSES, DATA_SETS, Address
from fractura.fetch.archive import unpack_archive
from fractura.fetch.download import Downloaded, download
from fractura.fetch.fetch import Fetched, fetch
from fractura.fetch.figshare import FetchedData, fetch_data

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
]
