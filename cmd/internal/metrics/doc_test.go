package metrics_test

import (
	"go/parser"
	"go/token"
	"testing"
)

// packageDoc returns the package's documentation as it stands in doc.go.
func packageDoc(t *testing.T) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	return file.Doc.Text()
}
