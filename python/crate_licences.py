#!/usr/bin/env python3
"""The licence notices of all Rust crates that are compiled into the program and the module, as one text.

    python3 python/crate_licences.py python/licences/crates.txt

Cargo tells which crates those are and where their sources lie, and each source holds its notices. A text that several
crates share is printed once. For a crate without a file the one of another crate of the same repository counts, else
the usual text of a licence that its Cargo.toml names, with its authors; where neither is known, this fails and names
the crate. `build_wheels.py` calls it.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = "x86_64-unknown-linux-gnu"
#: What is shipped: the program and the compiled module.
SHIPPED = ("headstart", "headstart-python")
#: How files with notices are called.
NOTICE = re.compile(r"(li[cs]en[cs]e|copying|notice|unlicense|copyright)([-._].*)?$", re.IGNORECASE)

MIT = """MIT License

Copyright (c) {holders}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""
#: The standard library is compiled in as well, and no crate of the tree.
STANDARD_LIBRARY = "The Rust Standard Library", "MIT OR Apache-2.0", MIT.format(holders="The Rust Project Contributors")
INTRODUCTION = "Rust crates that are compiled into the program and the module `headstart`, and the notices of each.\n"


def main():
    into = Path(sys.argv[1])
    print(f"{into}: notices of {write(into)} crates")


def write(into):
    """Write them; how many crates there are."""
    crates = shipped_crates()
    Path(into).write_text(text_of(crates), encoding="utf-8")
    return len(crates)


def shipped_crates():
    """What `cargo metadata` says of each crate of the normal dependency tree that is not our own."""
    asked = [word for name in SHIPPED for word in ("--package", name)]
    tree = cargo("tree", *asked, "--edges=normal", f"--target={TARGET}", "--prefix=none", "--format={p}")
    # Such as `pyo3 v0.30.1`, perhaps with a remark behind it.
    wanted = {(words[0], words[1].removeprefix("v")) for words in map(str.split, tree.splitlines()) if words}
    told = json.loads(cargo("metadata", "--format-version=1", f"--filter-platform={TARGET}"))["packages"]
    of_others = (crate for crate in told if crate["source"] is not None)
    return [crate for crate in of_others if (crate["name"], crate["version"]) in wanted]


def cargo(*arguments):
    done = subprocess.run(["cargo", *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"cargo {arguments[0]}: {done.stderr}")
    return done.stdout


def text_of(crates):
    """Each text once, below the names of the crates that it belongs to."""
    found = {label(crate): notices(crate) for crate in crates}
    with_texts = (crate for crate in crates if found[label(crate)] and crate["repository"])
    of_repository = {crate["repository"]: found[label(crate)] for crate in with_texts}
    usual = {"Apache-2.0": apache(found.values())}
    sections = {}
    for crate in crates:
        texts = found[label(crate)] or of_repository.get(crate["repository"]) or usual_text(crate, usual)
        if not texts:
            sys.exit(f"there is no licence notice for the crate {label(crate)}: its source has none")
        for text in texts:
            sections.setdefault(plain(text), (text, []))[1].append(label(crate))
    name, licence, text = STANDARD_LIBRARY
    sections["standard library"] = text, [f"{name} ({licence})"]
    rule = "=" * 80
    blocks = [f"{rule}\n" + "\n".join(names) + f"\n{rule}\n\n{text.strip()}\n" for text, names in sections.values()]
    return "\n".join([INTRODUCTION, *blocks])


def label(crate):
    return f"{crate['name']} {crate['version']} ({crate['license'] or 'see its file'})"


def notices(crate):
    """The texts of all files with notices in a crate's source, those of what it includes from others too."""
    folder = Path(crate["manifest_path"]).parent
    files = {file for file in folder.rglob("*") if file.is_file() and NOTICE.match(file.name) and file.suffix != ".rs"}
    if crate["license_file"]:
        files.add(folder / crate["license_file"])
    texts = {plain(text): text for text in (file.read_text("utf-8", "replace") for file in sorted(files))}
    return [text for key, text in texts.items() if key]


def apache(all_texts):
    """The text of Apache-2.0 as crates have it, where no copyright was filled in."""
    texts = (text for texts in all_texts for text in texts if plain(text).startswith("apache license version 2.0"))
    return next((text for text in texts if "[yyyy]" in text), None)


def usual_text(crate, usual):
    """Of a licence that the crate may be used under."""
    may_be = re.split(r"\s+OR\s+|/", crate["license"] or "")
    if "MIT" in may_be:
        holders = ", ".join(author.split(" <")[0] for author in crate["authors"]) or f"the authors of {crate['name']}"
        return [MIT.format(holders=holders)]
    return [usual[name] for name in may_be if usual.get(name)]


def plain(text):
    """To compare texts by: line breaks and capitals aside."""
    return " ".join(text.split()).lower()


if __name__ == "__main__":
    main()
