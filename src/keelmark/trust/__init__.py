"""Digests, signatures and envelopes: what lets one person rely on what another one stated."""
