"""Artifacts and dependencies in directories named by what they hold.

    store/artifacts/<hex>/tree            the files, read-only
    store/artifacts/<hex>/artifact.json   the last file written: with it, it is complete
    store/artifacts/<hex>/files.msgpack   what was sealed: path, mode, content, stat
    store/environments/<key>/             dependencies; complete with environment.json
    store/staging/<random>/               being built; its builder holds staging/<random>.lock
    store/built/<app>/<question>.json     which artifact answered a build before

Between releases nothing is shared but the dependencies: a hard link shares its bytes with every
release that has it, so one bad write would damage the release to go back to as well.
"""

from fairlead.drivers.store.store import DirectoryStore

__all__ = ["DirectoryStore"]
