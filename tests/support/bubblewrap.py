"""Find bubblewrap for the tests of the sandbox, or bring it: a machine without is an error, never a skip.

`python -m tests.support.bubblewrap` does so up-front.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from server.agents import sandbox


def main() -> None:
    if sys.platform == "linux" and not shutil.which("bwrap") and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in ("update", "install --yes --no-install-recommends bubblewrap"):
            subprocess.run(["apt-get", *command.split()], stdout=subprocess.DEVNULL, check=False)
    if why := sandbox.why_not():
        sys.exit(f"The tests of the sandbox need one that works. {why}")


if __name__ == "__main__":
    main()
