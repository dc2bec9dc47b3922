"""Area 3, secure deployment: infrastructure, protection, incidents, release, defaults."""
