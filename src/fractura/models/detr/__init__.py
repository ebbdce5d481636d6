"""Detection transformers from the library ``transformers``: D-FINE, RT-DETRv2, RF-DETR and DEIMv2 share this code."""
