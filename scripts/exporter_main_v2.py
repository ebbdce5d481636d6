#!/usr/bin/env python
"""``exporter_main_v2.py`` of the TensorFlow Object Detection API, as fractura does it."""

import sys

from fractura.tensorflow_od.exporter_main_v2 import main

sys.exit(main())
