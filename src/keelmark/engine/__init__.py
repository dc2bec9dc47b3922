"""The engine: walk the folder once, collect facts, find and run rules, apply waivers."""
