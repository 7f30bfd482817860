# `make help` lists the targets. All are thin: after the bootstrap plain `pulumi` works too (`. tools/env.sh`).
STACK ?= dev
export STACK
.DEFAULT_GOAL := help
.PHONY: help bootstrap up preview refresh destroy status smoke load stats logs restart backup restore adopt update-images new-stack diff history rollback lint format test test-unit test-e2e test-slow test-vm bench report golden

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  STACK=$(STACK) chooses the environment, OFFLINE=1|0 the route of downloads."

bootstrap: ## Bring this machine what it lacks: Node, Pulumi, a Docker engine, images
	@tools/bootstrap.sh up

up: bootstrap ## Deploy: build, initialise the swarm, roll out, wait until it is true; with APPROVED=report.json only what that says
	@tools/stack.sh up

report: ## Write what `make up` would change for a reviewer: .reports/<stack>/report.md; see docs/review.md for exit codes
	@tools/bootstrap.sh unit && tools/report.sh

golden: ## Write the golden graph of each stack anew, for a change of it on purpose
	@. tools/env.sh && UPDATE_GOLDEN=1 node_modules/.bin/jest tests/unit/golden-graphs.test.ts

preview: bootstrap ## Show what `make up` would change, against the real swarm, and ask the policies
	@tools/stack.sh preview

refresh: bootstrap ## Read the real swarm into the state, change nothing
	@tools/stack.sh refresh

destroy: bootstrap ## Remove what this stack made; says what it keeps
	@tools/stack.sh destroy

status: ## Services with replicas, image and URLs
	@tools/status.sh

smoke: ## Ask the running platform as a user would
	@tools/smoke.sh

load: ## Have USERS=1000 come within DURATION=30 seconds to BASE_URL= (default accountsUrl); see docs/load.md
	@tools/bootstrap.sh load && tools/load.sh

stats: ## CPU and memory by service, until Ctrl-C or for DURATION= seconds
	@tools/stats.sh

logs: ## Follow the logs of SERVICE=name
	@tools/service.sh logs "$(SERVICE)"

restart: ## Start the tasks of SERVICE=name anew, one after the other
	@tools/service.sh restart "$(SERVICE)"

backup: bootstrap ## Copy the volumes of the stateful services to backups/; they are stopped meanwhile
	@tools/stack.sh backup

restore: bootstrap ## Put back the volumes of FROM=folder; FORCE=1 replaces data that is there
	@tools/stack.sh restore "$(FROM)" "$(FORCE)"

adopt: bootstrap ## Take over the running stack NAME (default STACK) of FILES="file ..." as it is, without a restart
	@tools/stack.sh adopt "$(or $(NAME),$(STACK))" $(FILES)

update-images: bootstrap ## Show which tags of base images have newer digests, and take these; `make preview` shows what that changes
	@tools/update-images.sh

.PHONY: ephemeral
ephemeral: bootstrap ## Environments of pull requests on a shared swarm: DO=up|down|describe PR=number, DO=list|sweep
	@tools/ci/ephemeral.sh $(or $(DO),list) $(PR)

new-stack: ## Make the file of another environment: NAME=staging FROM=dev, and any key: host=, nodes=, routing=, registry=
	@tools/new-stack.sh

diff: ## How the environments FROM=dev and TO=prod differ, and what that means for the services
	@tools/diff-stacks.sh "$(FROM)" "$(TO)" || [ $$? = 1 ]

history: ## The deployments of the stack, and which one a rollback returns to
	@tools/deployments.sh history

rollback: bootstrap ## Return to the deployment before the last change, or to TO=time; shows the preview first, YES=1 does not ask
	@tools/rollback.sh "$(TO)"

lint: ## Type check, ESLint, Prettier, go vet, gofmt, actionlint
	@tools/lint.sh

format: ## Let Prettier and gofmt write their form
	@. tools/env.sh && node_modules/.bin/prettier --log-level warn --write . && gofmt -w services tools/offline examples

test: ## All tests: unit and, on engines of their own, end to end
	@tools/test.sh all

test-unit: ## Tests that need no engine
	@tools/test.sh unit

test-e2e: ## End-to-end tests, on engines of their own
	@tools/test.sh e2e

test-slow: ## The cases of each class that are not in `make test`
	@tools/test.sh slow

test-vm: ## Mesh, virtual IPs and encryption on a full kernel: a virtual machine with a newer engine
	@tools/test.sh vm

bench: ## Measure this program beside its peers, on an engine of its own: PARTS= SIZES= RUNS= CASES= CONTENDERS=; see docs/benchmarks.md
	@tools/bootstrap.sh test && . tools/env.sh && exec node --import ./tools/typescript.mjs bench/main.ts

.PHONY: bench-publish bench-update bench-kafka
bench-publish: ## Put the results and plots FROM=bench/results/... (one run, or several of one machine) into docs/bench
	@. tools/env.sh && node --import ./tools/typescript.mjs bench/main.ts publish $(FROM)

bench-update: ## Where the time of an update goes, on the deployed stack
	@. tools/env.sh && bench/single-service-update.mjs

bench-kafka: ## The producer beside Kafka's own perf tool, on the deployed stack
	@. tools/env.sh && bench/kafka-throughput.mjs
