"""The interfaces that callers speak: requests read strictly into calls, answers and streams read so that they can be screened.

`routes.find` leads a request to its interface; `interface` says what each of them can do; `strict_json` is the one way in
which bodies become values. One file per interface; what several share stands in `fields`, `texts`, `media` and `tools`.

What is not known is not handed on: fields of requests are refused, events of streams and fields of answers are left out.
"""
