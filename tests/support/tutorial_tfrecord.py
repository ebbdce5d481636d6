"""What the tutorial's own script wrote with TensorFlow 2.21: 'muñeca.jpg' with two boxes, 'cadera.jpg' without."""

import base64
import zlib

_PACKED = (
    "c-rk$S4<R96n#_P%<SD&c80P_Y=B}3k%+zEMnNnwF=98-"
    "WOjC3me5=lSxt<wD?j$GiM@SDumSo*v406x)L^e4W>M_o_=W+Ex@*)wqbGSU^X8s==bpSdcMyvjVe)XbP%1zyM7T3$ml~h#NLLkayu*?0i=Un8"
    "&XOz=fKcc6C)W9M5`*z%pTS$Ul(!R}9m2qD@bcYGZ<>T78K7)|vwdH_a(E>koD`9e2+uLJFo<fFlI>KT(k%=%7_MUNx^@RyN2QERK@>q86^D>^"
    "6D1*9KT`Tm>tGpu$1KaR9Ok&j#hV1Oc#adyf(dkxCyN;@`av&Zq|%sSFz_4?zYVPni2@RljiI6uEmDj~X{S(ogectD9)+4f(F}_@p0r^mgkx6H"
    "KEsfvG3l5@=aM*LMJz@27{Y~)mHFtIVF~kB?GR#y7L|vmR{1;jba)n+Ai~zFb!4a5&Rx28>(#qY-"
    "+uiEBqa|^89rj<sBz;bOq?`%%2dUv&Tyr<({sIfv+{kj=PX>bc*)Xb%L`VoS-WoihK-vx@7%R}&)$9e4;(yv<mj>E#U-"
    "UDDk@K%K6Ccm`3u#TE?>EN?Rw3PyZ7!tc=+h?lc&$>Uc9V-_4>`*ckgvw6k@1m1k@!GU9^4&ysnF)^L2vA;;0^+G-"
    "NC<&kT)Dm@kA4UA3dA+!WI@)gSKgR6#_?UUxgy>CzgN{hF`^f28b-"
    "u&=sqAPYm0%VR`jM<25rw#<8Y+h2Gwq^9`OG!4N=4SoL#eR%oWr=b<e8agzuy1?#Q@wR@<`^ODkwuhA2n>Y<kSvw29V-"
    "u2A1L0sX{`WN1?Mm|+ei0!7Y~T1r$&hn%<GrfSE7?enkm8XQZ=Od6)95^(thg(WWI+_PG;(IRGt?|OQ<XxX1(-"
    "AQDvMM_?w+3Gf@o+JplpWhP%|Vhk_F<TU{-"
    "B5`qtX|!CPy+cBOQB&Pm3&{2244c2L4Yo1n9VmQb)LDXd2W%?)ed9A9(A!XKu^HVm6FZ1^jtg%w%<Pm6zPS_HGZ71{>3I}Hdr{NU`CU;$8Mr|L"
    "0`-R>vGrXx`>9~s^oqYbS142krZIR"
)

TUTORIAL_TFRECORD = zlib.decompress(base64.b85decode(_PACKED))
