"""Import and export of foreign formats: one package a format, over the domain's ``Records`` port.

``json_v1`` is the directory of JSON files that the earlier server kept (docs/json-v1.md).
"""
