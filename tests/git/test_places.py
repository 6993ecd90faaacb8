from __future__ import annotations

import os
import sys
from pathlib import Path

from server.git.places import erase


def test_a_folder_of_any_depth_is_removed_and_no_link_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file.txt").write_text("precious")
    top = tmp_path / "top"
    handle = os.open(tmp_path, os.O_RDONLY)
    os.mkdir("top", dir_fd=handle)
    for _ in range(sys.getrecursionlimit() + 50):
        inner = os.open("top", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
        os.mkdir("top", dir_fd=handle)
        os.symlink(tmp_path / "precious", "link", dir_fd=handle)
    os.close(handle)

    erase(top)

    assert not top.exists()
    assert (tmp_path / "precious/file.txt").read_text() == "precious"
