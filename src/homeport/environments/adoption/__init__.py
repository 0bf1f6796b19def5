"""A server that was started by hand is moved under the service manager, and back. Pure: facts come in, plans go out.

:mod:`homeport.host.adoption` gathers the facts and carries out the steps.
"""
