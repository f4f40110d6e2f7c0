"""A data set whose names try everything, from the photographs in data/photos: MAKE_HOSTILE FOLDER writes hostile.csv there.

Each photograph stands in it twice, under a class that is one of a few. The page made of it must stay a page.
"""

import csv
import shutil
import sys
from pathlib import Path

CLASSES = [
    "<script>document.title = 'taken'</script>",
    '"><img src=x onerror="document.title=1">',
    "</style></title></svg>'&amp;",
    "n" * 300,
    "\u202egnorw \u200fאבג",
    "🐈‍⬛ two\nlines",
]
NAMES = ["<b>bold<", "quote\"'", "space and, comma", "🐕", "\u202egnp.x", "a" * 150, "new\nline", "&lt;", "%20", "#hash?x=1"]

folder = Path(sys.argv[1])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
photos = sorted(Path("data/photos").glob("*.jpg"))
with open(folder / "hostile.csv", "w", newline="", encoding="utf-8") as file:
    rows = csv.writer(file)
    rows.writerow(["path", "label"])
    for place, photo in enumerate(photos):
        for copy in range(2):
            name = f"{NAMES[place % len(NAMES)]}-{copy}.jpg"
            shutil.copy(photo, folder / name)
            rows.writerow([name, CLASSES[(place + copy * (place % 3 == 0)) % len(CLASSES)]])
