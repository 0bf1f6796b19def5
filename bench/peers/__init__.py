"""The servers of others; run by the interpreter that they are installed for, and imported by nobody here."""
