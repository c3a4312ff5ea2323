"""Machine translation of one side of a corpus, and conversion between words and text."""
