"""`python -m tests.bench.receipts`"""

import sys

from tests.bench.receipts import main

if __name__ == "__main__":
    sys.exit(main())
