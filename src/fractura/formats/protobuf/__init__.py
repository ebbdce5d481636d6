"""Protocol buffers without generated code: the text format (``pipeline.config``, label maps) and the wire format."""
