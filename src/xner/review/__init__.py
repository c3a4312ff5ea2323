"""Review of a projection: a page to look at and to correct it, and corrections put back."""
