"""A PostgreSQL database as a whole: dumped beside its servers, restored into a scratch database, exchanged."""
