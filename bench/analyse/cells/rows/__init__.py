"""The row of a cell in a summary: each of its figures, or the sentence that says why there is none."""
