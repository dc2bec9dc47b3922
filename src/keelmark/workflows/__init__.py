"""One job of the user per file: composes the areas, opens the store."""
