"""Signals found in text: one kind of signal per module, each a pure function of the text.

A detector reads no file, opens no connection and keeps no state. It answers for any text within its bounds, in time
linear in the length, and never repeats a secret that it has found.

- `secrets`: credentials, and look-alikes with the reason why they are none;
- `personal`: personal data in records and in free text;
- `instructions`: text that is hidden from people or written to steer a model against its user.
"""
