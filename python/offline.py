"""Run a command without a network, and perhaps with a folder that cannot be written.

A namespace of its own (`unshare`, util-linux) does both, for root and for others, where the system allows it.
Elsewhere proxies at a closed port stop what asks for them, and the folder's mode stops everybody but root. `how` says
which it is.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: A port that nobody listens at.
CLOSED = "http://127.0.0.1:9"
#: Where the system's own programs lie: a test may leave its command no PATH.
SYSTEM = "/usr/bin:/bin:/usr/sbin:/sbin"


def namespaces():
    """Whether this system lends them."""
    found = shutil.which("unshare", path=SYSTEM)
    return found is not None and subprocess.run([found, "-rnm", "/bin/true"], capture_output=True).returncode == 0


def how():
    """For people."""
    return "no network (a namespace)" if namespaces() else "no network (proxies at a closed port)"


def command(words, read_only=None):
    """The same command, cut off."""
    words = [str(word) for word in words]
    if not namespaces():
        if read_only:
            Path(read_only).chmod(0o555)
        proxies = [f"{name}={CLOSED}" for name in ("http_proxy", "https_proxy", "HTTPS_PROXY")]
        return [shutil.which("env", path=SYSTEM), *proxies, *words]
    inner = [sys.executable, os.path.abspath(__file__), str(read_only or ""), *words]
    return [shutil.which("unshare", path=SYSTEM), "-rnm", *inner]


def main():
    """Inside the namespace."""
    read_only, *words = sys.argv[1:]
    up()
    if read_only:
        mount = shutil.which("mount", path=SYSTEM)
        subprocess.run([mount, "--bind", read_only, read_only], check=True)
        subprocess.run([mount, "-o", "remount,bind,ro", read_only], check=True)
    os.execvpe(words[0], words, os.environ)


def up():
    """The loopback device: notebooks talk to their kernels through it."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        # SIOCSIFFLAGS with IFF_UP and IFF_RUNNING.
        fcntl.ioctl(asked, 0x8914, struct.pack("16sh", b"lo", 1 | 64))


if __name__ == "__main__":
    main()
