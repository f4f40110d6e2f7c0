"""Python's client of model hubs and ours, on one hub and one cache: each finds the other's files, and both leave the same tree.

The hub is `crates/hub/examples/hub_server.rs`, our side is `crates/hub/examples/hub_fetch.rs`. Behind olah, a mirror of hubs that others
wrote, the same must come out. `just test-hub` builds and installs all that and runs this.
"""

import os
import random
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXAMPLES, OLAH = (Path(path).absolute() for path in sys.argv[1:])
REPOSITORY = "org/name"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = ["config.json", "onnx/model.onnx", "onnx/model.onnx_data", "deep/er/Größe 1.txt"]
FETCH = """
import sys
from huggingface_hub import hf_hub_download
typed, *files = sys.argv[1:]
repository, _, revision = typed.partition("@")
for file in files:
    print(hf_hub_download(repository, file, revision=revision or None))
"""


def repositories(folder):
    """One repository, with small and large files."""
    numbers = random.Random(5)
    for file, size in zip(FILES, [300, 3_000_000, 20_000, 40]):
        path = folder / REPOSITORY / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(numbers.randbytes(size))


class Cache:
    """A cache, and the two clients that use it."""

    def __init__(self, folder, hub):
        self.folder, self.hub = folder, hub

    def start(self, command, typed, files, **variables):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        own = {"HF_ENDPOINT": self.hub, "HF_HOME": str(self.folder), "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "127.0.0.1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([*command, typed, *files], env={**kept, **own, **variables}, **pipes)

    def python(self, typed, files, **variables):
        return self.start([sys.executable, "-c", FETCH], typed, files, **variables)

    def ours(self, typed, files, **variables):
        return self.start([EXAMPLES / "hub_fetch"], typed, files, **variables)

    def tree(self):
        """What is at each path: the kind, the mode, and the bytes or where a link leads."""
        found = {}
        for path in sorted((self.folder / "hub").rglob("*")):
            mode = path.lstat().st_mode
            what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            if path.name == "CACHEDIR.TAG":
                # The first line is what the standard prescribes, and the rest is each one's own remark.
                what = what.splitlines()[0]
            found[str(path.relative_to(self.folder))] = (stat.filemode(mode), what)
        return found


def done(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.splitlines()


def refused(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode != 0, out
    return err


def same(found, wanted, what):
    differ = [path for path in found.keys() | wanted.keys() if found.get(path) != wanted.get(path)]
    assert not differ, f"{what}: " + ", ".join(f"{path}: {str(found.get(path))[:80]}, expected {str(wanted.get(path))[:80]}" for path in differ)
    assert len(wanted) > 15, wanted.keys()


def check(folder, hub):
    cache = lambda name: Cache(folder / name, hub)
    theirs, ours = cache("theirs"), cache("ours")
    paths = done(theirs.python(REPOSITORY, FILES))
    wanted = theirs.tree()
    assert [str(Path(path).relative_to(theirs.folder)) for path in paths] == [
        str(Path(path).relative_to(ours.folder)) for path in done(ours.ours(REPOSITORY, FILES))
    ]
    same(ours.tree(), wanted, "each alone")

    offline = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1"}
    for typed in [REPOSITORY, f"{REPOSITORY}@{COMMIT}"]:
        assert done(theirs.ours(typed, FILES, **offline)) == paths, "ours in the cache of Python's"
        assert done(ours.python(typed, FILES, **offline)) == done(ours.ours(typed, FILES, **offline)), "Python's in our cache"
    same(theirs.tree(), wanted, "after ours has read it")
    same(ours.tree(), wanted, "after Python's has read it")

    mixed = cache("mixed")
    for number, file in enumerate(FILES):
        done((mixed.python if number % 2 else mixed.ours)(REPOSITORY, [file]))
    same(mixed.tree(), wanted, "by turns")

    for attempt in range(3):
        racing = cache(f"racing{attempt}")
        processes = [fetch(REPOSITORY, FILES) for fetch in [racing.python, racing.ours, racing.python, racing.ours]]
        for process in processes:
            done(process)
        same(racing.tree(), wanted, "at the same time")

    # What is not there is kept in mind in the same way, too, and so is a branch with slashes.
    for which, fetch in [(theirs, theirs.python), (ours, ours.ours)]:
        assert "none.json" in refused(fetch(REPOSITORY, ["none.json"]))
        done(fetch(f"{REPOSITORY}@refs/pr/1", ["config.json"]))
        assert (which.folder / "hub/models--org--name/.no_exist" / COMMIT / "none.json").exists()
    same(ours.tree(), theirs.tree(), "what is not there")
    assert theirs.tree() != wanted


def check_mirror(folder, hub):
    """Behind a mirror both clients leave what they leave without one."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    netloc, own = hub.removeprefix("http://"), f"127.0.0.1:{port}"
    places = {"--hf-netloc": netloc, "--hf-lfs-netloc": netloc, "--mirror-netloc": own, "--mirror-lfs-netloc": own}
    flags = [word for flag in places.items() for word in flag]
    flags += ["--hf-scheme", "http", "--mirror-scheme", "http", "--host", "127.0.0.1", "--port", str(port)]
    flags += ["--repos-path", folder / "mirrored", "--log-path", folder / "logs"]
    with subprocess.Popen([OLAH, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder) as mirror:
        try:
            for _ in range(300):
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            direct, theirs, ours = Cache(folder / "direct", hub), *(Cache(folder / name, f"http://{own}") for name in ["through", "through2"])
            done(direct.ours(REPOSITORY, FILES[:3]))
            done(ours.ours(REPOSITORY, FILES[:3]))
            done(theirs.python(REPOSITORY, FILES[:3]))
            same(ours.tree(), direct.tree(), "ours behind olah")
            same(theirs.tree(), direct.tree(), "Python's behind olah")
        finally:
            mirror.terminate()


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        repositories(folder / "served")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen([EXAMPLES / "hub_server", folder / "served"], **pipes) as server:
            try:
                hub = server.stdout.readline().strip()
                check(folder, hub)
                check_mirror(folder, hub)
            finally:
                server.stdin.close()
    print("both clients leave the same cache")


main()
