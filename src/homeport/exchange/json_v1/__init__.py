"""The earlier server's directory of JSON files: read, imported, exported, written.

``directory`` reads it into a value, ``importing`` puts that value into records, ``exporting`` makes the files of
a directory from records, ``writing`` brings them to the disk. One module a noun says how a record of a file
becomes a value of the domain and back. What an import has no place for stays in the records' originals, so an
export right after it gives the same directory back.
"""
