package authority_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"strconv"
	"testing"

	"github.com/keywright/keywright/api"
)

// declaredCodes reads the codes of package api from its source: a constant is in no table of the program's.
func declaredCodes(t *testing.T) []api.Code {
	t.Helper()
	file, err := parser.ParseFile(gotoken.NewFileSet(), "../../api/codes.go", nil, 0)
	wantOK(t, err)
	var out []api.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, isValue := n.(*ast.ValueSpec)
		if !isValue {
			return true
		}
		if lit, isText := spec.Values[0].(*ast.BasicLit); isText {
			text, err := strconv.Unquote(lit.Value)
			wantOK(t, err)
			out = append(out, api.Code(text))
		}
		return true
	})
	return out
}
