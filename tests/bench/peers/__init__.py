"""Other programs that show a diff in a browser, and the same diffs for all of them."""
