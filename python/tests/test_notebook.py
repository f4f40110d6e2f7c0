"""The notebook runs from top to bottom, and is kept with its outputs and pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from conftest import PHOTOS, ROOT

NOTEBOOK = ROOT / "examples" / "photos_to_classifier.ipynb"


def kinds(notebook: nbformat.NotebookNode) -> list[list[str]]:
    """What each cell of code shows, but for bars of progress."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [[output for output in cell.outputs if output.get("name") != "stderr"] for cell in cells]
    return [sorted({kind for output in outputs for kind in output.get("data", {"text": ""})}) for outputs in shown]


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs_and_shows_what_it_showed(tmp_path: Path) -> None:
    kept = nbformat.read(NOTEBOOK, as_version=4)
    assert sum("image/png" in shown for shown in kinds(kept)) == 2
    assert len(kept.cells) >= 12
    shutil.copytree(PHOTOS, tmp_path / "data" / "photos")
    fresh = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(fresh, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert kinds(fresh) == kinds(kept)
    assert str(ROOT) not in NOTEBOOK.read_text()
