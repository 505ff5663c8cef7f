package feeds

import (
	"testing"

	"github.com/keywright/keywright/internal/publish"
)

func TestFeedsOfOneNameInTwoWorkspacesAreToldApartInTheMetrics(t *testing.T) {
	for want, f := range map[string]*publish.Feed{
		"acme/pg":  {Workspace: "acme", Name: "pg"},
		"other/pg": {Workspace: "other", Name: "pg"}, publish.BuiltIn: {Workspace: "acme", Name: publish.BuiltIn},
	} {
		if got := label(f); got != want {
			t.Errorf("%s/%s is %s", f.Workspace, f.Name, got)
		}
	}
}
