package store_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/keywright/keywright/internal/testkit"
)

// TestMain runs the tests, or, started again by one of them, is the child that the test kills. Tests must
// leave no goroutine behind: every store closes all that it started.
func TestMain(m *testing.M) {
	if role := os.Getenv(childEnv); role != "" {
		runChild(role)
	}
	code := m.Run()
	testkit.Stop()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
