"""What a reader should know before reading: found in the texts of a change's files, each finding with its line."""
