"""What the configuration of each client should hold. Pure: values in, texts and entries out."""
