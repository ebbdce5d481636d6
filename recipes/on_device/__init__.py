"""Training with all images in the device's memory and augmented there, one batch at a time."""
