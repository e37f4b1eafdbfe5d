"""harness/fdlab: starts servers, plays clients against them, and knows when a server has come to rest.

Standard library only, Python 3.9 or later. harness/README.md tells what is where and how to write a session.
"""
