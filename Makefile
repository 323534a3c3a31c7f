# The project's own commands. `make` alone lists them.

GO       ?= go
LISTEN   ?= 127.0.0.1:8080
BENCH    ?= .
MODEL    ?=
FUZZTIME ?= 10s
UNITSEEDS ?= 20000
BENCHED  := $(addprefix ./,internal/fleettest cache events store account/session account/refresh account/limit account/code token)
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X github.com/revocast/revocast/cmd/internal/wiring.version=$(VERSION)

.PHONY: help dev build test unit lint tidy machine tools servers release vuln bench model fuzz clean

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

dev: ## everything in one process: embedded NATS and Redis, three workers, a demo issuer
	@echo "building bin/publisher; on a cold machine that takes minutes, and names each package when it is built"
	@$(GO) build -v -ldflags '$(LDFLAGS)' -o bin/publisher ./cmd/publisher
	@exec bin/publisher dev --listen $(LISTEN)

build: ## both programs into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/publisher ./cmd/subscriber

test: machine lint unit ## the whole suite on a fresh machine; nothing skipped

# The pattern work stands for all modules of go.work.
# A test may be left out for want of redis-server when somebody runs plain
# `go test ./...`, never here. -vet=off: lint has done it. Benchmarks run once, so that none rots.
unit: tools servers
	cd tools && GOWORK=off $(GO) test -timeout 20m ./...
	REVOCAST_TEST_REQUIRE_REDIS=1 REVOCAST_TEST_REQUIRE_SPIN=1 bin/suite -race -vet=off -timeout 22m work
	REVOCAST_TEST_REQUIRE_REDIS=1 $(GO) test -vet=off -timeout 10m -run '^$$' -bench . -benchtime 1x $(BENCHED)
	SEEDS=$(UNITSEEDS) $(GO) test -count 1 -vet=off -timeout 20m -v -run '^(TestSeeds|TestMutants|TestReplay)$$' ./internal/simulation

lint: tools ## formatting, vet, staticcheck, tidy, exported names
	@out=$$(bin/gofumpt -l .); if [ -n "$$out" ]; then echo "gofumpt -w is needed for:"; echo "$$out"; exit 1; fi
	$(GO) vet work
	bin/staticcheck work
	cd tools && export GOWORK=off && $(GO) vet ./... && ../bin/staticcheck ./...
	bin/modules
	bin/exported

tidy: tools ## the go.mod files of all modules
	bin/modules -w

machine:
	@tools/machine.sh

tools:
	@GOWORK=off $(GO) build -C tools -o ../bin/ ./suite ./modules ./exported mvdan.cc/gofumpt honnef.co/go/tools/cmd/staticcheck

# The servers that tests start. A test builds them too where they are missing, in its own time.
servers:
	@$(GO) tool -n nats-server >/dev/null
	@$(GO) tool -n embedredis >/dev/null

release: ## archives of both programs, bills of materials and checksums, into dist/; PLATFORMS=linux/amd64
	@tools/release.sh '$(VERSION)' '$(LDFLAGS)'

vuln: ## known vulnerabilities, asked from the Go vulnerability database
	GOWORK=off $(GO) build -C tools -o ../bin/ golang.org/x/vuln/cmd/govulncheck
	bin/govulncheck ./... ./cmd/...

bench: machine servers ## benchmarks against the peers, into bench/results.txt; BENCH=pattern
	@mkdir -p bench
	REVOCAST_TEST_REQUIRE_REDIS=1 $(GO) test -run '^$$' -bench '$(BENCH)' -benchtime 2s $(BENCHED) | tee bench/results.txt

model: machine ## the protocol's models through every interleaving, and their mutants; MODEL=pattern
	$(GO) run ./model/check '$(MODEL)'

fuzz: ## every fuzz target for FUZZTIME each
	@set -e; for pkg in $$($(GO) list work); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

SEED    ?=
SEEDS   ?= 1000000
SIMTIME ?= 2h
MUTANT  ?=

.PHONY: sim
sim: ## the protocol under simulated faults: SEEDS seeds from SEED on, or what fits into SIMTIME; MUTANT=name
	SEED=$(or $(SEED),1) SEEDS=$(SEEDS) SIMTIME=$(SIMTIME) MUTANT=$(MUTANT) $(GO) test -count 1 -timeout 0 -v -run '^TestSeeds$$' ./internal/simulation

DURATION ?= 10m
FAULTS   ?=

.PHONY: faults
faults: machine ## real processes, Redis and NATS under faults for DURATION; FAULTS=part of a scenario's name, SEED=n
	$(GO) run ./internal/faults/faultrun -duration $(DURATION) -only '$(FAULTS)' $(if $(SEED),-seed $(SEED))

clean: ## what was built
	rm -rf bin dist
