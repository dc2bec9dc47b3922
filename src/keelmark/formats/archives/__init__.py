"""Archives and compressed streams, opened in bounds and in memory."""
