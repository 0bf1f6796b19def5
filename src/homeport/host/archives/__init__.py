"""Archives of backups: written, read back and unpacked.

An archive is a tar file in one zstd frame: ``data-ID/data/...`` and last ``data-ID/manifest.json``. It may be sealed
with age around that. What is read is held to exactly what is written here; all else is refused, whoever made it.
"""
