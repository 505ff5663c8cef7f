// Package testkit gives tests real things instead of mocks: programs that are installed, databases
// on a real PostgreSQL, and (in its other files) servers, a clock and a browser.
//
// Two promises hold everywhere. A test that needs what the machine lacks skips and says which command
// installs it, so that `go test ./...` passes with only Go; with REQUIRE_ALL=1 the same test fails, so
// that a complete run can't hide a gap. And nothing that a test starts outlives the test process,
// even when that process is killed.
//
// Only tests and internal/bench import it.
package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Need returns the path of an installed program. Where there is none the test skips, or fails under
// REQUIRE_ALL=1; see Missing.
//
// PATH is searched first, then the places where Debian keeps servers that users don't start by hand.
func Need(t testing.TB, tool string) string {
	t.Helper()
	if path, err := exec.LookPath(tool); err == nil {
		return path
	}
	for _, dir := range serverDirs() {
		if path, err := exec.LookPath(filepath.Join(dir, tool)); err == nil {
			return path
		}
	}
	Missing(t, tool)
	return ""
}

// Missing ends a test that needs what this machine does not have: a skip that says how to install it,
// or a failure when REQUIRE_ALL=1 asks for a complete run.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_ALL") == "1" {
		t.Fatalf("%s is not installed, and REQUIRE_ALL=1 allows no skip: run `make test-deps`", what)
	}
	t.Skipf("%s is not installed: `make test-deps` installs it on Debian", what)
}

// NPM returns the path of a file of an npm package that internal/testkit/npm/package.json pins,
// such as "axe-core/axe.min.js".
func NPM(t testing.TB, file string) string {
	t.Helper()
	_, self, _, _ := runtime.Caller(0)
	path := filepath.Join(filepath.Dir(self), "npm", "node_modules", filepath.FromSlash(file))
	if _, err := os.Stat(path); err != nil {
		Missing(t, "npm package file "+file)
	}
	return path
}

// Node returns what it takes to run a program in internal/testkit/npm, such as "jose.mjs": node, and the program's
// path. It needs the packages; none named means the one that the program is named for.
func Node(t testing.TB, program string, packages ...string) (node, path string) {
	t.Helper()
	const leastNode = 20 // the packages use what earlier ones keep behind a flag
	node = Need(t, "node")
	version, err := exec.CommandContext(t.Context(), node, "--version").Output()
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if n, perr := strconv.Atoi(major); err != nil || perr != nil || n < leastNode {
		Missing(t, "node "+strconv.Itoa(leastNode)+" or later")
	}
	if len(packages) == 0 {
		packages = []string{strings.TrimSuffix(program, ".mjs")}
	}
	for _, name := range packages {
		NPM(t, name+"/package.json")
	}
	return node, filepath.Join(NPM(t, "."), "..", program)
}

// serverDirs lists where Debian keeps programs that are not in a user's PATH, newest PostgreSQL first.
func serverDirs() []string {
	clusters, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is constant: it can't be malformed
	slices.SortFunc(clusters, func(a, b string) int { return postgresMajor(b) - postgresMajor(a) })
	return append(clusters, "/usr/sbin", "/sbin", "/usr/local/sbin")
}

// postgresMajor reads 15 out of /usr/lib/postgresql/15/bin; anything else is 0.
func postgresMajor(bin string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	if err != nil {
		return 0
	}
	return n
}
