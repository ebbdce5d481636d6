"""YOLO: one text file a film, and ``data.yaml`` above them."""
