"""``fractura node``: radiographs arrive from the archive by themselves, and results go back to where they are read.

``receiver`` takes images by C-STORE and ``puller`` fetches them by DICOMweb; ``queue`` keeps them on the disk;
``examiner`` makes their results; ``sender`` delivers these to every destination. ``service`` runs them all.
"""

from fractura.node.queue_entries import NodeStatus
from fractura.node.service import run_node
from fractura.node.settings import NodeSettings

__all__ = ["NodeSettings", "NodeStatus", "run_node"]
