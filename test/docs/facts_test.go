//go:build docs

package docs

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/authz"
)

func text(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The tables of roles say what internal/authz says, action by action.
func TestRoleTables(t *testing.T) {
	source := text(t, "internal/authz/authz.go")
	shown := map[string]bool{}
	for _, name := range []string{"docs/end-user/people.md", "docs/operator/daily.md"} {
		for row := range strings.Lines(text(t, name)) {
			cells := strings.Split(strings.TrimSpace(row), "|")
			if len(cells) != 8 || !strings.Contains(cells[1], "`") {
				continue
			}
			for _, m := range regexp.MustCompile("`([a-z.-]+)`").FindAllStringSubmatch(cells[1], -1) {
				shown[m[1]] = true
				allowed := authz.Roles(authz.Action(m[1]))
				for i, role := range []api.Role{api.RoleOwner, api.RoleAdmin, api.RoleEditor, api.RoleViewer, api.RoleBilling} {
					if says := strings.TrimSpace(cells[i+2]) == "yes"; says != slices.Contains(allowed, role) {
						t.Errorf("%s: %s for %s is shown as %q", name, m[1], role, strings.TrimSpace(cells[i+2]))
					}
				}
			}
		}
	}
	for _, m := range regexp.MustCompile(`Action += "([a-z.-]+)"`).FindAllStringSubmatch(source, -1) {
		if a := authz.Action(m[1]); !a.Roleless() && !shown[m[1]] {
			t.Errorf("no page shows who may do %s", a)
		}
	}
}

// Every module that is imported has its line, and no other has.
func TestDependencies(t *testing.T) {
	var modules []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+`).FindAllStringSubmatch(text(t, "go.mod"), -1) {
		modules = append(modules, m[1])
	}
	used := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range file.Imports {
			imported := strings.Trim(i.Path.Value, `"`)
			for _, module := range modules {
				if imported == module || strings.HasPrefix(imported, module+"/") {
					used[module] = true
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\S+)` \\| \\S").FindAllStringSubmatch(text(t, "docs/dependencies.md"), -1) {
		if listed[m[1]] = true; !used[m[1]] {
			t.Errorf("%s is listed and not imported", m[1])
		}
	}
	for module := range used {
		if !listed[module] {
			t.Errorf("docs/dependencies.md does not say why %s is there", module)
		}
	}
}

// A link within the documentation leads somewhere.
func TestLinks(t *testing.T) {
	for _, name := range markdown(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)#\s]+)`).FindAllStringSubmatch(text(t, name), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", name, m[1])
			}
		}
	}
}

// The prices that the pages name are those that the demonstration has.
func TestPrices(t *testing.T) {
	costs := text(t, "docs/end-user/costs.md")
	for _, service := range []string{"postgresql", "redis"} {
		souk := text(t, "services/"+service+"/package.yaml")
		for plan, price := range map[string]string{"small": "0.02", "medium": "0.04", "large": "0.08"} {
			if !strings.Contains(souk, `{ plan: `+plan+`, item: compute, unit: hour, amount: "`+price+`" }`) || !regexp.MustCompile(`\| `+plan+` \|.*\| CHF `+price+` \|`).MatchString(costs) {
				t.Errorf("the price of %s %s is not CHF %s here or there", service, plan, price)
			}
		}
		if !strings.Contains(souk, `{ item: storage, unit: GiB-month, amount: "0.20" }`) || !strings.Contains(costs, "CHF 0.20 per GiB and month") {
			t.Errorf("the price of storage of %s differs", service)
		}
		if !strings.Contains(souk, `{ item: backup-storage, unit: GiB-month, amount: "0.05" }`) || !strings.Contains(costs, "cost CHF 0.05 per GiB and month") {
			t.Errorf("the price of backups of %s differs", service)
		}
	}
	var schema struct {
		Properties map[string]struct {
			Restart bool `json:"x-restart"`
		} `json:"properties"`
	}
	if err := json.Unmarshal([]byte(text(t, "services/postgresql/parameters.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	for name, p := range schema.Properties {
		if p.Restart != (name == "max_connections") {
			t.Errorf("docs/end-user/change.md says that max_connections alone restarts the server; %s differs", name)
		}
	}
}
