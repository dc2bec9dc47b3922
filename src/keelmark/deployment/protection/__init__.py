"""DEP-2: what protects a model in service from being used up, copied out by many questions, or made dear."""
