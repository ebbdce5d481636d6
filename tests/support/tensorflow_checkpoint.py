"""A small checkpoint that ``tf.train.Checkpoint.save`` of TensorFlow 2.21 wrote; ``VALUES`` is what was saved."""

import base64
import zlib

import numpy as np

_INDEX = (
    "c-"
    "muNVB=tvV&Y(Akl~Ma_HcFf4)FK%3vqPvagFzP@^W<!iFXfj4DjG!7h+Jj&7|>#)zsL_I+Q_4G&esbHAg>DU(YclB*@b#G{iMnKg==66Rb7N"
    "(I?cEgHeb>h>3#<h?x~cG$c$9+_n{Gli^Lmr-u`0kB$b1>4uq}d~7m;$@tWA39*38S1{3FGL7GGt`Vp{1D|?fsCqLE7SluN-"
    "_6)$go^R0X9ufiR<P1o$YlE1?*bc8Llr&^OhRlz3}7v{nM`lIYFfmg&Rd*VmKvX&Uz%5vT13d>JV1{#mfmw@l;bW*Eg+y8sCM`D`GO2eyydB"
    "SdYMHj_@jbBfdlC6IQ@sq8GwKhM7;XE?KPZp;M2kl42;Yb41bv6V($~<7B#YP^s(?W5Cq}B8@g3W-ERW`f+vhx"
)
_DATA = (
    "c-muUfPn+{j10)2!5&CB01*&30Pz9`W~dBMoehHn;|wN-"
    "X~9w|6^Az_=A|6oHA<mT?^tye=az9fadC1m3bE$qr=;d^ad0pRu@sl27I1NKFblDjr|M-"
    "Er9c$qmt>?CaS3p+2=NprmZiog=a=S{q!wv0aWHb}aj|l+3Na=EDK;U-"
    "Bp}5u#Fz}EID{B8fE1??V=<885@M_Zt9KN#=Hd%;4Dxhz@^Ot1bMy&y72*g>EXqtw%1M=y2RT4r&oLw<$kQn_#5GtSRVmmA7a==5MkoPY4st"
    "pnQ+$QoF-$@6o|HN=kC1UrLN*x2v1O+g<)!9GDS<;+KaoO@K}<=aiYdudF(rd4rW8}flqv$I001udZio"
)
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"

INDEX = zlib.decompress(base64.b85decode(_INDEX))
DATA = zlib.decompress(base64.b85decode(_DATA))
VALUES = {
    "model/a" + _VALUE: np.arange(6, dtype=np.float32).reshape(2, 3),
    "model/b" + _VALUE: np.int64(3),
    "model/c" + _VALUE: np.array([True, False]),
    "model/h" + _VALUE: np.array([1, 2], np.float16),
    "model/s" + _VALUE: np.array([b"x", ("ñandú" * 40).encode(), b""], object),
    "model/z" + _VALUE: np.zeros((0, 3)),
    "save_counter" + _VALUE: np.int64(1),
    "step" + _VALUE: np.int64(7),
    "we..ird" + _VALUE: np.float32(1.5),
}


def write_files(folder):
    """Write the checkpoint as ``ckpt-1`` into ``folder`` and return its prefix."""
    (folder / "ckpt-1.index").write_bytes(INDEX)
    (folder / "ckpt-1.data-00000-of-00001").write_bytes(DATA)
    return folder / "ckpt-1"
