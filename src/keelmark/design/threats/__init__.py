"""The threat model of a system: what was found as a graph, and the threats whose paths it has."""
