// Package keywright_test holds the repository to its own rules: sizes, the arrows between rooms, package
// comments, and citations of RFCs. CONTRIBUTING.md gives the reasons.
//
// A rule is a function from parsed packages to sentences, each saying what to do, so that one test can
// hold the repository to it and another can show that the rule sees a violation. The rules read source
// text only: they need no network, no build and no other tool, and the linter repeats the imports' half.
package keywright_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module            = "github.com/keywright/keywright"
	mostFunctionLines = 80
	mostFileLines     = 600
	mostParameters    = 5
	mostMethods       = 5
	leastCommentLines = 3
)

func TestFunctionsAreAtMost80Lines(t *testing.T)        { hold(t, longFunctions) }
func TestFilesAreAtMost600Lines(t *testing.T)           { hold(t, longFiles) }
func TestFunctionsTakeAtMost5Parameters(t *testing.T)   { hold(t, manyParameters) }
func TestInterfacesHaveAtMost5Methods(t *testing.T)     { hold(t, wideInterfaces) }
func TestNothingHappensBeforeMain(t *testing.T)         { hold(t, initFunctions) }
func TestPackageVariablesNeverChange(t *testing.T)      { hold(t, mutableVariables) }
func TestEveryPackageExplainsItsDesign(t *testing.T)    { hold(t, thinComments) }
func TestImportsFollowTheArrows(t *testing.T)           { hold(t, wrongArrows) }
func TestCitationsHaveTheFormThatIsListed(t *testing.T) { hold(t, unreadableCitations) }

// hold fails for every sentence that a rule has about this repository.
func hold(t *testing.T, rule func(goPackage) []string) {
	t.Helper()
	packages := loadRepository(t)
	for _, p := range packages {
		for _, problem := range rule(p) {
			t.Error(problem)
		}
	}
}

// goPackage is the Go files of one directory.
type goPackage struct {
	dir   string // slash-separated, from the repository's root; "." is the root
	fset  *token.FileSet
	files []goFile
}

type goFile struct {
	*ast.File
	path string
	test bool
}

// loadRepository parses every Go file of the module that people wrote.
func loadRepository(t *testing.T) []goPackage {
	t.Helper()
	fset := token.NewFileSet()
	byDir := map[string]*goPackage{}
	for _, name := range repositoryFiles(t) {
		if path.Ext(name) != ".go" {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if ast.IsGenerated(file) {
			continue
		}
		dir := path.Dir(name)
		if byDir[dir] == nil {
			byDir[dir] = &goPackage{dir: dir, fset: fset}
		}
		byDir[dir].files = append(byDir[dir].files, goFile{File: file, path: name, test: strings.HasSuffix(name, "_test.go")})
	}
	var packages []goPackage
	for _, p := range byDir {
		packages = append(packages, *p)
	}
	slices.SortFunc(packages, func(a, b goPackage) int { return strings.Compare(a.dir, b.dir) })
	return packages
}

// repositoryFiles lists the repository's files, without what is installed or built in it.
func repositoryFiles(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // a temporary file of someone else's
		case err != nil:
			return err
		case !entry.IsDir():
			names = append(names, filepath.ToSlash(name))
		case slices.Contains([]string{".git", "node_modules", "bin", "dist"}, entry.Name()):
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func (p goPackage) at(pos token.Pos) string { return p.fset.Position(pos).String() }

// lines counts the lines from one position to another, both included.
func (p goPackage) lines(from, to token.Pos) int {
	return p.fset.Position(to).Line - p.fset.Position(from).Line + 1
}

func longFunctions(p goPackage) (problems []string) {
	for _, f := range p.files {
		for _, decl := range f.Decls {
			ast.Inspect(decl, func(n ast.Node) bool {
				switch n.(type) {
				case *ast.FuncDecl, *ast.FuncLit:
					if lines := p.lines(n.Pos(), n.End()); lines > mostFunctionLines {
						problems = append(problems, fmt.Sprintf("%s: a function of %d lines: cut it where its idea cuts (at most %d)", p.at(n.Pos()), lines, mostFunctionLines))
					}
					return false // what it contains is shorter
				}
				return true
			})
		}
	}
	return problems
}

func longFiles(p goPackage) (problems []string) {
	for _, f := range p.files {
		if lines := p.fset.File(f.Pos()).LineCount() - 1; lines > mostFileLines {
			problems = append(problems, fmt.Sprintf("%s: %d lines: a second idea is in it (at most %d)", f.path, lines, mostFileLines))
		}
	}
	return problems
}

func manyParameters(p goPackage) (problems []string) {
	p.inspect(func(n ast.Node) {
		f, ok := n.(*ast.FuncType)
		if !ok || f.Params.NumFields() <= mostParameters {
			return
		}
		problems = append(problems, fmt.Sprintf("%s: %d parameters: give those that belong together a type (at most %d)", p.at(n.Pos()), f.Params.NumFields(), mostParameters))
	})
	return problems
}

func wideInterfaces(p goPackage) (problems []string) {
	info := p.resolve()
	p.inspect(func(n ast.Node) {
		literal, ok := n.(*ast.InterfaceType)
		if !ok {
			return
		}
		methods := literal.Methods.NumFields()
		if i, ok := info.TypeOf(literal).(*types.Interface); ok {
			methods = max(i.NumMethods(), i.NumExplicitMethods())
		}
		if methods > mostMethods {
			problems = append(problems, fmt.Sprintf("%s: an interface of %d methods: use the concrete type, or ask for less (at most %d)", p.at(n.Pos()), methods, mostMethods))
		}
	})
	return problems
}

func initFunctions(p goPackage) (problems []string) {
	for _, f := range p.files {
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				problems = append(problems, p.at(fn.Pos())+": init runs unseen and can't fail: call a constructor from main")
			}
		}
	}
	return problems
}

// inspect calls visit for every node of every file.
func (p goPackage) inspect(visit func(ast.Node)) {
	for _, f := range p.files {
		ast.Inspect(f.File, func(n ast.Node) bool {
			if n != nil {
				visit(n)
			}
			return true
		})
	}
}

// resolve finds what the names in the package's own code mean. What other packages hold is unknown to
// it, so every error of the type checker is ignored: the compiler reports the real ones.
func (p goPackage) resolve() *types.Info {
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: emptyImporter{}, Error: func(error) {}}
	var files []*ast.File
	for _, f := range p.files {
		if !f.test {
			files = append(files, f.File)
		}
	}
	_, _ = config.Check(p.dir, p.fset, files, info) // see above
	return info
}

// emptyImporter gives every import an empty package: enough to resolve local names.
type emptyImporter struct{}

func (emptyImporter) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}

// mutable lists the variables that are allowed to change, each with its reason.
func mutable() map[string]string {
	return map[string]string{
		"internal/testkit.shared": "one throw-away PostgreSQL per test process",
	}
}

// mutableVariables reports package variables that can change after the program has started: those
// without a value, those whose type exists to be changed, and those that the package assigns to or takes the
// address of. Tests may have some, for flags.
func mutableVariables(p goPackage) (problems []string) {
	info := p.resolve()
	variables := map[types.Object]bool{}
	for _, f := range p.files {
		if f.test {
			continue
		}
		for _, decl := range f.Decls {
			general, ok := decl.(*ast.GenDecl)
			if !ok || general.Tok != token.VAR {
				continue
			}
			for _, spec := range general.Specs {
				value, _ := spec.(*ast.ValueSpec)
				for _, name := range value.Names {
					if name.Name == "_" || mutable()[p.dir+"."+name.Name] != "" {
						continue
					}
					variables[info.Defs[name]] = true
					if why := changeable(general, value); why != "" {
						problems = append(problems, fmt.Sprintf("%s: package variable %s %s: make it a field of what uses it", p.at(name.Pos()), name.Name, why))
					}
				}
			}
		}
	}
	p.inspect(func(n ast.Node) {
		for _, target := range changedBy(n) {
			if name := root(target); name != nil && variables[info.Uses[name]] {
				problems = append(problems, fmt.Sprintf("%s: package variable %s changes here: make it a field of what uses it", p.at(n.Pos()), name.Name))
			}
		}
	})
	return problems
}

// changeable says what in its declaration makes a variable one that is meant to change.
func changeable(decl *ast.GenDecl, spec *ast.ValueSpec) string {
	embedded := strings.Contains(text(decl.Doc)+text(spec.Doc), "go:embed")
	if len(spec.Values) == 0 && !embedded {
		return "has no value"
	}
	why := ""
	for _, part := range append(slices.Clone(spec.Values), spec.Type) {
		if part == nil {
			continue
		}
		ast.Inspect(part, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false // what it does when it is called is its own affair
			case *ast.CallExpr:
				if name, ok := n.Fun.(*ast.Ident); ok && (name.Name == "make" || name.Name == "new") {
					why = "starts empty"
				}
			case *ast.SelectorExpr:
				if of, ok := n.X.(*ast.Ident); ok && (of.Name == "atomic" || of.Name == "sync" && !strings.HasPrefix(n.Sel.Name, "OnceValue")) {
					why = "holds a " + of.Name + "." + n.Sel.Name
				}
			}
			return true
		})
	}
	return why
}

// text is a comment with its directives, which CommentGroup.Text leaves out.
func text(group *ast.CommentGroup) string {
	if group == nil {
		return ""
	}
	var b strings.Builder
	for _, c := range group.List {
		b.WriteString(c.Text + "\n")
	}
	return b.String()
}

// changedBy returns the expressions that a statement or call changes or lets others change.
func changedBy(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		return n.Lhs
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		return []ast.Expr{n.Key, n.Value}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		name, ok := n.Fun.(*ast.Ident)
		if ok && len(n.Args) > 0 && slices.Contains([]string{"delete", "clear", "copy"}, name.Name) {
			return n.Args[:1]
		}
	}
	return nil
}

// root is v in v.a[i].b; nil when the expression does not start with a name.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

func thinComments(p goPackage) (problems []string) {
	lines, product, name := 0, false, ""
	for _, f := range p.files {
		if f.test {
			continue
		}
		product, name = true, f.Name.Name
		if f.Doc == nil {
			continue
		}
		start := "Package " + name + " "
		if name == "main" {
			start = "Command "
		}
		if !strings.HasPrefix(f.Doc.Text(), start) {
			problems = append(problems, fmt.Sprintf("%s: the package comment starts with %q", f.path, start))
		}
		lines += strings.Count(f.Doc.Text(), "\n")
	}
	if product && lines < leastCommentLines {
		problems = append(problems, fmt.Sprintf("%s: a package comment of %d lines: say why package %s is as it is, and what it guards against (at least %d)", p.dir, lines, name, leastCommentLines))
	}
	return problems
}

// arrows says which rooms each room may import, as drawn in docs/architecture.md. A room includes the
// packages below it. Tests may reach further, and so may what exists only for tests.
func arrows() map[string][]string {
	leaves := []string{"api", "internal/fault", "internal/token", "internal/keyring", "internal/audit", "internal/legacy"}
	rules := append(slices.Clone(leaves), "internal/store", "internal/verify", "odata")
	surface := append(slices.Clone(leaves), "internal/verify", "internal/authority", "internal/publish", "internal/web", "internal/login", "odata")
	everything := []string{""}
	return map[string][]string{
		"api":                {},
		"client":             {"api"},
		"odata":              {},
		"internal/fault":     {"api"},
		"internal/token":     {"api", "internal/fault"},
		"internal/keyring":   {"api", "internal/fault", "internal/token"},
		"internal/audit":     {"api", "internal/fault", "internal/token"},
		"internal/legacy":    {"api", "internal/fault", "internal/token"},
		"internal/store":     append(slices.Clone(leaves), "odata"),
		"internal/verify":    append(slices.Clone(leaves), "internal/store"),
		"internal/authority": rules,
		"internal/publish":   append(slices.Clone(rules), "internal/authority"),
		"internal/config":    leaves,
		"internal/web":       append(slices.Clone(leaves), "internal/verify", "internal/authority"),
		"internal/login":     append(slices.Clone(leaves), "internal/verify", "internal/authority", "internal/web"),
		"internal/rest":      surface,
		"internal/ui":        surface,
		"internal/gateway":   surface,
		"internal/oauth":     surface,
		"internal/feeds":     surface,
		"internal/server":    append(slices.Clone(surface), "internal/store", "internal/config", "internal/rest", "internal/ui", "internal/gateway", "internal/oauth", "internal/feeds"),
		"internal/sample":    {},
		"internal/testkit":   everything,
		"internal/bench":     everything,
		"cmd/keywright":      append(slices.Clone(surface), "internal/store", "internal/config", "internal/server", "internal/sample"),
	}
}

func wrongArrows(p goPackage) (problems []string) {
	room, allowed := "", []string(nil)
	for r, imports := range arrows() {
		if within(p.dir, r) {
			room, allowed = r, imports
		}
	}
	for _, f := range p.files {
		if f.test {
			continue
		}
		if room == "" {
			return []string{p.dir + ": no such room: draw it in docs/architecture.md, with its arrows there, here and in .golangci.yml"}
		}
		for _, spec := range f.Imports {
			name, _ := strconv.Unquote(spec.Path.Value) // the parser has read it
			local, ours := strings.CutPrefix(name, module+"/")
			if !ours || within(local, room) || slices.ContainsFunc(allowed, func(r string) bool { return within(local, r) }) {
				continue
			}
			problems = append(problems, fmt.Sprintf("%s: %s may not import %s: arrows point down only", p.at(spec.Pos()), room, local))
		}
	}
	return problems
}

// within reports whether dir is the room or below it; everything is below "".
func within(dir, room string) bool {
	return room == "" || dir == room || strings.HasPrefix(dir, room+"/")
}

func TestNoFileNamesTheMachineItWasWrittenOn(t *testing.T) {
	// Taken apart, so that this file does not contain them.
	everywhere := []string{"/wo" + "rk/", "registry." + "npmjs", "proxy." + "golang"}
	for _, name := range repositoryFiles(t) {
		if name == ".git" { // a file in a linked work tree; git's, not ours
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		forbidden := everywhere
		if !strings.HasSuffix(name, "_test.go") { // tests may read data beside the repository, and skip without it
			forbidden = append(slices.Clone(everywhere), "../sha"+"red")
		}
		for _, word := range forbidden {
			if strings.Contains(string(content), word) {
				t.Errorf("%s contains %q: true on one machine only", name, word)
			}
		}
	}
}

func TestEveryDirectDependencyHasItsReason(t *testing.T) {
	modules, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	reasons, err := os.ReadFile("docs/decisions/0003-dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(modules)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) != 2 || !strings.HasPrefix(fields[1], "v") || fields[0] == "require" {
			continue // not a requirement, or an indirect one
		}
		if !strings.Contains(string(reasons), "`"+fields[0]+"`") {
			t.Errorf("docs/decisions/0003-dependencies.md has no line for %s", fields[0])
		}
	}
}
