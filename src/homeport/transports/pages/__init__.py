"""The web pages: what people look at. Server-rendered, readable without scripts, live where there are some."""
