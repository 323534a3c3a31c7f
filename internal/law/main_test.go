package law

import (
	"testing"

	"github.com/revocast/revocast/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// root is where every test changes to. It does so itself: the test cache does not see a change of
// folder before the tests, and would then look for the files that they read in the wrong place.
const root = "../.."
