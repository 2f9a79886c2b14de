"""The functions of `taeda.nn.functional`, one noun a file."""
