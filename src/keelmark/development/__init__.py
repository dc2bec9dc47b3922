"""Area 2, secure development: the supply chain, assets, documents and debt."""
