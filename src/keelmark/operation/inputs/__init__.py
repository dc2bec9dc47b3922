"""OM-2, monitor your system's inputs: what texts carry is looked at on the way in and on the way out, and acted on.

- `settings`: what is looked for, and what is done about it;
- `taint`: whether others than the operator and the caller wrote a part of the conversation;
- `stage_screen`: the stage that looks at what goes in;
- `text_screen`: the same for what comes out, whole or in parts;
- `tool_arguments`: which tools may be called with what;
- `plugins`: detectors of others.
"""
