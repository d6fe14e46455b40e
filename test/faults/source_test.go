package faults

import (
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var testFunction = regexp.MustCompile(`^Test[A-Z]`)

// testFunctions are those of all packages, whatever their build tags.
func testFunctions(root string) (map[ref]bool, error) {
	found := map[ref]bool{}
	err := eachFile(root, func(folder, name string, file *ast.File) {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && strings.HasSuffix(name, "_test.go") && testFunction.MatchString(f.Name.Name) && f.Name.Name != "TestMain" {
				found[ref{folder, f.Name.Name}] = true
			}
		}
	})
	return found, err
}

// clusterTests are those that need a Kubernetes cluster: of files that are built
// with the tag e2e only.
func clusterTests(root string) (map[ref]bool, error) {
	found := map[ref]bool{}
	err := eachFile(root, func(folder, name string, file *ast.File) {
		if !strings.HasSuffix(name, "_test.go") || !forCluster(file) {
			return
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				found[ref{folder, f.Name.Name}] = true
			}
		}
	})
	return found, err
}

func forCluster(file *ast.File) bool {
	for _, group := range file.Comments {
		for _, c := range group.List {
			expression, err := constraint.Parse(c.Text)
			if err == nil && c.Pos() < file.Package {
				return !expression.Eval(func(tag string) bool { return tag != "e2e" })
			}
		}
	}
	return false
}

// registeredSteps are all that product code registers with step.New.
func registeredSteps(root string) ([]string, error) {
	var steps []string
	err := eachFile(root, func(_, name string, file *ast.File) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if step, ok := stepName(n); ok {
				steps = append(steps, step)
			}
			return true
		})
	})
	slices.Sort(steps)
	return steps, err
}

// stepName reads the name from step.New("name").
func stepName(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return "", false
	}
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || function.Sel.Name != "New" {
		return "", false
	}
	if pkg, ok := function.X.(*ast.Ident); !ok || pkg.Name != "step" {
		return "", false
	}
	literal, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return "step.New without a literal at " + strconv.Itoa(int(call.Pos())), true // which nobody kills
	}
	name, err := strconv.Unquote(literal.Value)
	return name, err == nil
}

// eachFile parses every Go file below root; folders are named relative to it.
func eachFile(root string, each func(folder, name string, file *ast.File)) error {
	files := token.NewFileSet()
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		each(filepath.ToSlash(folder), d.Name(), file)
		return err
	})
}
