"""Faster R-CNN: one meta-architecture over several backbones (``backbones.py``), named as in TensorFlow."""
