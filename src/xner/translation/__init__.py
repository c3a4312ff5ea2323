"""Machine translation of one side of a corpus, and the way from words to text and back."""
