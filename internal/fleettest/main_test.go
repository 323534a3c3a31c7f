package fleettest_test

import (
	"testing"

	"github.com/revocast/revocast/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
