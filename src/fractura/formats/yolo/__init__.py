"""YOLO: one text file an image, and ``data.yaml`` above them."""
