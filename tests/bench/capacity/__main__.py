"""`python -m tests.bench.capacity`"""

import sys

from tests.bench.capacity import main

if __name__ == "__main__":
    sys.exit(main())
