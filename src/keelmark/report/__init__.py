"""Reports of one assessment: pure functions from an assessment to text, one format per file."""
