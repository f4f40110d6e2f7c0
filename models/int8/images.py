#!/usr/bin/env python3
"""The images from which the int8 form is calibrated, and those that it is judged by, which calibration never sees.

    python3 models/int8/images.py FOLDER [--cifar data/cifar10]

Writes FOLDER/calibration/KIND, 64 images of each kind, and FOLDER/held_out/KIND, 272 of each. No photograph, drawing, icon
or cut-out is in both. The sources are packages of Debian 12, which apt-get fetches into FOLDER/packages (500 MB; `apt-get
update` comes first), the photographs in `data/photos` and CIFAR-10's test images, which are held out. The same versions of
pillow (13.0.0) and numpy (2.4.6) write the same bytes again.
"""

import argparse
import hashlib
import io
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from fetch import ROOT, SetupError, check, only_file, say, working_folder  # noqa: E402

# Their licences, in this order: public domain, LGPL-3+, GPL-2+, GPL-2+ (some pictures LGPL-3 or CC-BY-SA), GPL-2,
# CC-BY, CC-BY-SA or CC0 each, and the fonts' own free licence.
PACKAGES = {
    "openclipart-png": ("1:0.18+dfsg-19", "f07f1545a2970c2cf3fa339bc2405da1a95cf2b1827bfa05bf73eb1c20291c02"),
    "oxygen-icon-theme": ("5:5.103.0-1", "3e49023e148906e41457a98a19a09858ddd761ef4f212fa356232924b3cebcce"),
    "mate-backgrounds": ("1.26.0-1", "7bf4c2209f34b4f61ba6d24c8b58c28b361e82e4b943aae6d42c030169af9e04"),
    "plasma-workspace-wallpapers": ("4:5.27.5-2", "32cd18b71c8c938a18b3b351f217c02ac590e323caa3cf322fbb875ce8892f8b"),
    "tuxpaint-stamps-default": ("2022.06.04-1", "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34"),
    "lomiri-wallpapers-16.04": ("20.04.0-2", "a99ff6a3bfe451e4cc0682ecb3cc82e71740626d59e4845ae34a0a0e45421eab"),
    "lomiri-wallpapers-20.04": ("20.04.0-2", "d44e89b8473aafe64a5b678f014862dc31335aaaf18665c544d985d854f1a709"),
    "fonts-dejavu-core": ("2.37-6", "8892669e51aab4dc56682c8e39d8ddb7d70fad83c369344e1e240bf3ca22bb76"),
}
# The wallpapers that are photographs; the others are drawn.
LOMIRI = "Bridge Dragonfly Picture_0B Picture_1A Wine aitzgorri analogpattern free friends greentock life picosdeeuropa"
LOMIRI = (LOMIRI + " seeding sunset Infinite-Sea Kleiber").split()
PLASMA = "BytheWater ColdRipple ColorfulCups DarkestHour EveningGlow FallenLeaf Grey Kite OneStandsOut Path Volna summer_1am".split()
# What each part is made from, by the packages' own folders.
SUBJECTS = {
    "calibration": "buildings decorations education electronics office people plants recreation shapes signs_and_symbols",
    "held_out": "animals food tools transportation",
}
CATEGORIES = {"calibration": "actions apps categories mimetypes", "held_out": "devices emotes places status"}
STAMPS = {"calibration": "animals clothes hobbies household plants", "held_out": "food military seasonal space sports town vehicles"}
COUNTS = {"calibration": 64, "held_out": 272}
SIZES = [(500, 375), (500, 375), (500, 333), (375, 500), (400, 400), (640, 480), (256, 256)]
# Some drawings are far larger than pillow likes; they are only looked at, for their size.
Image.MAX_IMAGE_PIXELS = None
INKS = ["black", "#222222", "#1a3a8f", "#8f1a1a", "#0f5f2f", "#d0d0d0", "white", "#ffd75f"]
PAPERS = ["white", "#fbf6e8", "#f0f0f0", "#e4eef8", "#1e1e1e", "#002b36", "#3a0f3a", "#24406a"]


@dataclass
class Sources:
    """What the images of one part are made from."""

    photos: list
    drawings: list
    icons: list
    stamps: list
    thumbnails: list
    fonts: list


def fetch_package(name, folder):
    """The folder in which the package's /usr/share lies, which appears by one rename after the checksum was compared."""
    version, sha256 = PACKAGES[name]
    target = folder / f"{name}-{sha256[:8]}"
    if not target.exists():
        say(f"{name} {version}: fetching it with apt-get")
        with working_folder(folder) as work:
            run(["apt-get", "download", "--quiet", f"{name}={version}"], work)
            package = only_file(work, "*.deb")
            check(package, sha256, package.name)
            run(["dpkg", "-x", str(package), str(work / "unpacked")], work)
            (work / "unpacked").replace(target)
    return target / "usr" / "share"


def run(command, folder):
    outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if outcome.returncode != 0:
        words = outcome.stderr.strip().splitlines()[-1:]
        raise SetupError(f"{' '.join(command[:3])} failed: {' '.join(words)}", "run `apt-get update` on a Debian 12, then this again")


def load_photo(path):
    photo = Image.open(path).convert("RGB")
    photo.thumbnail((1920, 1920))
    return photo


def wallpapers(share):
    """The paths of the photographs of each part."""
    lomiri = [file for name in ("16.04", "20.04") for file in (share[f"lomiri-wallpapers-{name}"] / "backgrounds").glob("*.jpg")]
    plasma = share["plasma-workspace-wallpapers"] / "wallpapers"
    return {
        "calibration": sorted(file for file in lomiri if file.name.split("_by_")[0] in LOMIRI)
        + [max((plasma / name / "contents" / "images").glob("*.jpg"), key=lambda file: file.stat().st_size) for name in PLASMA],
        "held_out": sorted((ROOT / "data" / "photos").glob("*.jpg"))
        + sorted((share["mate-backgrounds"] / "backgrounds" / "mate" / "nature").glob("*.jpg")),
    }


def files_by(folder, names, depth, ending="*.png", least=0):
    """The files under the folders of these names, no links, grouped by the path's part at `depth` below `folder`."""
    groups = {}
    for file in sorted(folder.rglob(ending)):
        parts = file.relative_to(folder).parts
        if not file.is_symlink() and not set(parts).isdisjoint(names.split()) and file.stat().st_size >= least:
            groups.setdefault(parts[depth], []).append(file)
    return groups


def pick(groups, count, draw, seen):
    """So many files, from each group in turn, none whose pixels were seen before, none above four megapixels."""
    groups = [draw.sample(group, len(group)) for _, group in sorted(groups.items())]
    picked = []
    while len(picked) < count and any(groups):
        for group in groups:
            while group:
                file = group.pop()
                with Image.open(file) as image:
                    small = image.width * image.height <= 4_000_000
                    digest = small and hashlib.sha256(image.convert("RGBA").tobytes()).digest()
                if small and digest not in seen:
                    seen.add(digest)
                    picked.append(file)
                    break
    return picked[:count]


def icons_by_size(folder, part):
    """An icon whose name calibration's folders have too is not held out: it may be the same picture."""
    groups = files_by(folder, CATEGORIES[part], 0)
    groups.pop("8x8", None)
    if part == "held_out":
        known = {file.name for group in files_by(folder, CATEGORIES["calibration"], 0).values() for file in group}
        groups = {size: [file for file in group if file.name not in known] for size, group in groups.items()}
    return groups


def stamps_by_subject(folder, part):
    """The photographs among the stamps, which are the larger files."""
    groups = files_by(folder, STAMPS[part], 0, least=25_000)
    drawn = {"cartoon", "toys", "hanukkah"}
    return {
        subject: [file for file in group if drawn.isdisjoint(file.parts) and not {"mirror", "cartoon"} & set(file.stem.split("_"))]
        for subject, group in groups.items()
    }


def sources(part, share, cifar, seen):
    draw = random.Random(f"{part} sources")
    count = COUNTS[part]
    rows = (cifar / "test.csv").read_text().splitlines()[1:]
    return Sources(
        [load_photo(path) for path in wallpapers(share)[part]],
        pick(files_by(share["openclipart-png"] / "openclipart" / "png", SUBJECTS[part], 0), count, draw, seen),
        pick(icons_by_size(share["oxygen-icon-theme"] / "icons" / "oxygen" / "base", part), count, draw, seen),
        pick(stamps_by_subject(share["tuxpaint-stamps-default"] / "tuxpaint" / "stamps", part), count, draw, seen),
        [cifar / row.split(",")[0] for row in rows[:: len(rows) // count]][:count] if part == "held_out" else [],
        sorted((share["fonts-dejavu-core"] / "fonts" / "truetype" / "dejavu").glob("*.ttf")),
    )


def photograph(source, number, draw):
    """A piece of a photograph, from a third of its width to the whole."""
    photo = source.photos[number % len(source.photos)]
    width, height = draw.choice(SIZES)
    scale = min(photo.width / width, photo.height / height) * draw.uniform(0.35, 1)
    across, down = int(width * scale), int(height * scale)
    left, top = draw.randint(0, photo.width - across), draw.randint(0, photo.height - down)
    piece = photo.resize((width, height), Image.Resampling.LANCZOS, (left, top, left + across, top + down))
    return ImageOps.mirror(piece) if draw.random() < 0.5 else piece


def paste_fitting(image, file, draw, share):
    """Pastes the picture so that it takes about that share of the image's width and height."""
    picture = Image.open(file).convert("RGBA")
    picture = ImageOps.contain(picture, (int(image.width * share), int(image.height * share)), Image.Resampling.LANCZOS)
    place = (draw.randint(0, image.width - picture.width), draw.randint(0, image.height - picture.height))
    image.paste(picture, place, picture)
    return image


def cut_out(source, number, draw):
    """A photographed thing before a blurred photograph or a colour."""
    ground = photograph(source, draw.randrange(len(source.photos)), draw)
    if draw.random() < 0.4:
        ground.paste(tuple(draw.choice([draw.randint(0, 255), 235, 255]) for _ in range(3)), (0, 0, *ground.size))
    ground = ground.filter(ImageFilter.GaussianBlur(draw.choice([0, 2, 6])))
    return paste_fitting(ground, source.stamps[number % len(source.stamps)], draw, draw.uniform(0.5, 1))


def thumbnail(source, number, draw):
    """A CIFAR-10 image, or where there are none, so small a picture of a thing or a place."""
    if source.thumbnails:
        return Image.open(source.thumbnails[number])
    image = ImageOps.fit((photograph if number % 2 else cut_out)(source, number // 2, draw), (256, 256))
    return image.resize((draw.choice([32, 32, 32, 48, 64]),) * 2, Image.Resampling.BOX)


def words(draw, count):
    syllables = "an be cor de en fi gra ha in ka lo mu ne or pre qui ra sto ti un ver wa xi yo zen The Mar 19 3. 07 , ; ()".split()
    return [draw.choice(syllables) + "".join(draw.choices(syllables[:27], k=draw.randint(0, 3))) for _ in range(count)]


def write_page(image, source, draw, ink, top=10):
    """Writes lines, some as headings, with a table's or a chart's lines between them."""
    pen = ImageDraw.Draw(image)
    size = draw.choice([9, 12, 12, 16, 24])
    face = draw.choice(source.fonts)
    margin, y = draw.randint(8, 40), top
    while y < image.height - size:
        chance = draw.random()
        if chance < 0.04:
            columns, step = draw.randint(6, 16), (image.width - 2 * margin) // 16
            for column in range(columns):
                high, left = draw.randint(4, 60), margin + column * step
                pen.rectangle((left, y + 64 - high, left + step - 3, y + 64), draw.choice(INKS[2:5]), ink)
            y += 72
        elif chance < 0.12:
            pen.line((margin, y, image.width - margin, y), ink, 1)
            y += 6
        else:
            large = size * 2 if chance > 0.92 else size
            line = " ".join(words(draw, draw.randint(1, 14 * 12 // large)))
            pen.text((margin + draw.choice([0, 0, 0, 24]), y), line, ink, ImageFont.truetype(str(face), large))
            y += large * 3 // 2
    return image


def screen(source, number, draw):
    """Text on a light or a dark ground."""
    dark = draw.random() < 0.4
    image = Image.new("RGB", draw.choice(SIZES), draw.choice(PAPERS[4:] if dark else PAPERS[:4]))
    return write_page(image, source, draw, draw.choice(INKS[5:] if dark else INKS[:5]))


def scan(source, number, draw):
    """Text and a drawing on paper: turned a little, uneven, grainy, mostly grey."""
    image = Image.new("RGB", draw.choice([(500, 375), (375, 500), (424, 600)]), "white")
    write_page(image, source, draw, draw.choice(INKS[:5]), draw.choice([10, image.height // 2, image.height]))
    paste_fitting(image, source.drawings[number % len(source.drawings)], draw, draw.uniform(0.4, 0.9))
    image = image.rotate(draw.uniform(-4, 4), Image.Resampling.BICUBIC, fillcolor="white").filter(ImageFilter.GaussianBlur(0.6))
    if number % 4:
        image = image.convert("L").convert("RGB")
    noise = numpy.random.default_rng(draw.getrandbits(64))
    paper = numpy.array([1, draw.uniform(0.94, 1), draw.uniform(0.82, 1)]) * draw.uniform(0.8, 1)
    shade = numpy.linspace(draw.uniform(0.8, 1), draw.uniform(0.9, 1), image.width)[None, :, None]
    pixels = numpy.array(image) * paper * shade + noise.normal(0, draw.uniform(1, 9), (image.height, image.width, 1))
    return spoil(to_image(pixels), draw.choice([25, 50, 75]))


def to_image(pixels):
    return Image.fromarray(numpy.clip(numpy.rint(pixels), 0, 255).astype(numpy.uint8))


def spoil(image, quality):
    """What JPEG of that quality leaves of an image."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def night(source, number, draw):
    """A darkened photograph with a tint, a few lamps and the noise of a high sensitivity."""
    image = photograph(source, number, draw)
    noise = numpy.random.default_rng(draw.getrandbits(64))
    light = (numpy.array(image) / 255) ** 2 * draw.uniform(0.1, 0.8)
    light *= numpy.array(draw.choice([(0.7, 0.8, 1), (1, 0.75, 0.45), (1, 1, 1)]))
    lamps = Image.new("RGB", image.size)
    for _ in range(draw.choice([0, 0, 3, 12])):
        x, y, r = draw.randrange(image.width), draw.randrange(image.height), draw.randint(1, 6)
        ImageDraw.Draw(lamps).ellipse((x - r, y - r, x + r, y + r), draw.choice(["#fff0c0", "#ffb060", "#e0f0ff"]))
    lamps = numpy.array(lamps.filter(ImageFilter.GaussianBlur(1))) + numpy.array(lamps.filter(ImageFilter.GaussianBlur(9))) * 1.0
    return to_image(light * 255 + lamps + noise.normal(0, draw.uniform(1, 14), light.shape))


def drawing(source, number, draw):
    return source.drawings[number]


def icon(source, number, draw):
    return source.icons[number]


KINDS = {
    "photographs": (photograph, "jpg"),
    "objects": (cut_out, "jpg"),
    "drawings": (drawing, "png"),
    "icons": (icon, "png"),
    "thumbnails": (thumbnail, "png"),
    "scans": (scan, "jpg"),
    "night": (night, "jpg"),
    "text": (screen, "png"),
}
HELD_OUT = ["photographs", "objects", "drawings", "icons", "thumbnails", "scans", "night"]


def make_kind(folder, kind, source, count, draw):
    make, ending = KINDS[kind]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number in range(count):
        image, file = make(source, number, draw), folder / f"{number:03}.{ending}"
        if isinstance(image, Path):
            shutil.copyfile(image, file)
        else:
            image.save(file, **({"quality": 90} if ending == "jpg" else {}))
    say(f"{folder.parent.name}/{kind}: {count} images")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cifar", type=Path, default=ROOT / "data" / "cifar10")
    args = parser.parse_args()
    share = {name: fetch_package(name, args.folder / "packages") for name in PACKAGES}
    seen = set()
    for part, kinds in (("calibration", KINDS), ("held_out", HELD_OUT)):
        source = sources(part, share, args.cifar, seen)
        for kind in kinds:
            make_kind(args.folder / part / kind, kind, source, COUNTS[part], random.Random(f"{part} {kind}"))


if __name__ == "__main__":
    try:
        main()
    except SetupError as error:
        say(f"error: {error}\n\nhint: {error.hint}")
        sys.exit(2)
