# Everything a developer and CI run. `make check` is what must pass before a commit.

GO ?= go
TOOL = $(GO) tool -modfile=tools/go.mod
FUZZTIME ?= 30s
DEBIAN = gcc libc6-dev curl postgresql chromium nginx caddy wrk libxml2-utils
NPM = internal/testkit/npm

.PHONY: run build test test-deps check format lint tidy fuzz bench

# A complete installation in a temporary directory, with accounts and a token to try.
run:
	$(GO) run ./cmd/keywright demo

# One static binary.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/keywright ./cmd/keywright

# Everything. REQUIRE_ALL=1 makes a test fail where it would skip because a program is missing.
test:
	$(GO) test -race -shuffle=on -timeout 30m ./...

# What tests use when they find it. Needs root (or sudo) on Debian; installs only what is missing.
test-deps:
	@missing=""; for p in $(DEBIAN); do \
	  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; \
	done; \
	if [ -n "$$missing" ]; then \
	  sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  echo "installing$$missing"; \
	  $$sudo apt-get update -q && \
	  $$sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -q -y --no-install-recommends $$missing; \
	fi
	@if [ -f $(NPM)/package-lock.json ] && ! cmp -s $(NPM)/package-lock.json $(NPM)/node_modules/.installed; then \
	  cd $(NPM) && npm ci --no-audit --no-fund && cp package-lock.json node_modules/.installed; \
	fi

# Format, vet, linters, modules, tests.
check: format lint tidy test

format:
	@unformatted=$$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 -r $(TOOL) gofumpt -l); \
	if [ -n "$$unformatted" ]; then echo "not formatted (gofumpt -w):"; echo "$$unformatted"; exit 1; fi

lint:
	$(GO) vet ./...
	$(TOOL) golangci-lint run ./...

tidy:
	$(GO) mod tidy -diff
	cd tools && $(GO) mod tidy -diff

# Each fuzz target for a bounded time, one after the other.
fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

# The packages' benchmarks, then whole servers side by side.
bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...
	@if [ -d internal/bench ]; then $(GO) run ./internal/bench; fi
