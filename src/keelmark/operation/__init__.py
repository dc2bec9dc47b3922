"""Area 4, secure operation and maintenance: behaviour, inputs, updates, lessons."""
