"""Who may do what (DEP-1): who calls is proved by key, token or certificate; what it may do is said by scopes and policies."""
