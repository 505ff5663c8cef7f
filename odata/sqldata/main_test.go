package sqldata_test

import (
	"testing"

	"github.com/keywright/keywright/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
