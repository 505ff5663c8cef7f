package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/config"
)

func TestTheManualHasEverySettingAsItIs(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "```text\n" + config.Reference() + "```\n"; !strings.Contains(string(manual), want) {
		t.Errorf("docs/operations.md, section Configuration, must hold this block as it is:\n%s", want)
	}
}
