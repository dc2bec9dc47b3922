"""What is known of threats: ours, and those of MITRE ATLAS and the CoSAI risk map, carried as data."""
