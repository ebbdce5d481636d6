"""Archives for tests, honest and hostile."""

import gzip
import io
import tarfile


def member(name, data=b"", *, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    return info, data


def tar_gz(*members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def zoo_archive(name="model"):
    return tar_gz(
        member(name, kind=tarfile.DIRTYPE),
        member(f"{name}/pipeline.config", b"model { }\n"),
        member(f"{name}/checkpoint/ckpt-0.index", b"index" * 2000),
        member(f"{name}/checkpoint/ckpt-0.data-00000-of-00001", bytes(range(256)) * 400),
    )


def bomb(size):
    """A header that announces a member of many zeros, and the zeros."""
    info = tarfile.TarInfo("zeros")
    info.size = size
    return gzip.compress(info.tobuf() + bytes(size) + bytes(1024))


def header_bomb(size):
    """A 'pax' header that claims to be ``size`` bytes long: it would be read into memory at once."""
    info = tarfile.TarInfo("header")
    info.type, info.size = tarfile.XHDTYPE, size
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20))
