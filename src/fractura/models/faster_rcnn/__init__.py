"""Faster R-CNN: one meta-architecture over several backbones (``backbones.py``), in TensorFlow's words."""
