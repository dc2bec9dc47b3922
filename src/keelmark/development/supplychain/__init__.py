"""DEV-1, secure your supply chain: dependencies, models, services, and how long each is supported."""
