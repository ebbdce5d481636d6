"""The TensorFlow Object Detection API's own files and commands, translated into ours."""
