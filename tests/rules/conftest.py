"""The example folders of rules hold files that look like tests; they are data."""

collect_ignore_glob = ["*/bad/*", "*/good/*", "*/edge/*"]
