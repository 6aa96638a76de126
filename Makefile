# `make demo` and `make test` are the two commands that a newcomer needs. Everything else is for those who change the code.

CARGO ?= cargo

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: demo
demo: ## Run the service and evaluate the example policies
	$(CARGO) run --release -- demo

.PHONY: test
test: prerequisites check ## Install what the tests need, check the code, run every test
	$(CARGO) test --workspace --locked
	./scripts/contract

.PHONY: stack
stack: prerequisites ## Run the service on a private Postgres, RabbitMQ and Redis, to try and to break
	$(CARGO) build --release --locked -p tars-cli
	$(CARGO) run --release --locked -p tars-chaos

.PHONY: check
check: ## Format, lints, docs, imports, dependencies: exactly what CI runs before the tests
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --locked --quiet
	./scripts/cycles
	./scripts/drivers
	./scripts/deny

.PHONY: prerequisites
prerequisites: ## Install what the tests need and is missing: a C compiler, Postgres, RabbitMQ, Redis, Python
	./scripts/prerequisites

.PHONY: bench
bench: ## Measure the engine on this machine
	$(CARGO) bench -p tars-engine

PROFILES = $(patsubst %,--profile loadtests/profiles/%.json,sustained spike read-heavy)
TARS_LOAD = $(CARGO) run --release --locked -p tars-loadtests --
MINUTES ?= 30

.PHONY: load
load: load-build ## Load a private service as the profiles say, in short and ten times larger, and print what held
	$(TARS_LOAD) run --stack --short --scale 1,10 $(PROFILES)

.PHONY: load-full
load-full: load-build ## The same with the whole profiles, which takes 45 minutes
	$(TARS_LOAD) run --stack --scale 1,10 $(PROFILES)

.PHONY: soak
soak: load-build ## Half of what the service can do, for 30 minutes (MINUTES=2), a worker killed every 20 s
	$(TARS_LOAD) soak --stack --minutes $(MINUTES)

.PHONY: load-build
load-build: prerequisites
	$(CARGO) build --release --locked -p tars-cli -p tars-loadtests

.PHONY: contract
contract: prerequisites ## Hold a running service against its OpenAPI document, as each role
	./scripts/contract

.PHONY: golden
golden: ## Regenerate the golden values from the reference implementations (needs Python)
	./scripts/golden
