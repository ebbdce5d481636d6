#!/usr/bin/env python
"""``model_main_tf2.py`` of the TensorFlow Object Detection API, as fractura does it."""

import sys

from fractura.tensorflow_od.model_main_tf2 import main

sys.exit(main())
