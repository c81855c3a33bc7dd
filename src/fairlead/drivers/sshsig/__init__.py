"""Signatures in OpenSSH's form (PROTOCOL.sshsig), and the keys they are made with.

``ssh-keygen -Y verify`` accepts what is made here, and what ``-Y sign`` makes is accepted
here: a person needs no key but the one they already have, and no Fairlead to judge a
signature. No OpenSSH is needed to run.
"""

from fairlead.drivers.sshsig.keys import KeySigner, KeyVerifier, load_key, machine_key

__all__ = ["KeySigner", "KeyVerifier", "load_key", "machine_key"]
