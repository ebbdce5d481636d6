"""Every reader that is fuzzed."""

from soak.fuzz.annotations import ANNOTATIONS
from soak.fuzz.archives import ARCHIVES
from soak.fuzz.harness import Reader
from soak.fuzz.images import IMAGES
from soak.fuzz.models import MODELS
from soak.fuzz.own_files import OWN_FILES
from soak.fuzz.tensorflow_files import TENSORFLOW_FILES

READERS: tuple[Reader, ...] = (*ANNOTATIONS, *TENSORFLOW_FILES, *IMAGES, *MODELS, *OWN_FILES, *ARCHIVES)
FUZZING = tuple(reader.campaign() for reader in READERS)
