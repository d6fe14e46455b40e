package servicepkg

import (
	"cmp"
	"embed"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"souk/api"
	"souk/internal/bytesize"
)

// Alert is a condition of an instance that people want to be told of: that a figure
// is above or below a bound, or that the instance is in a phase.
type Alert struct {
	Name     string `json:"name"` // "storage-filling"
	Title    string `json:"title"`
	Severity string `json:"severity"` // Critical or Warning
	// Expr is PromQL over series of all instances of the service. Its result has one
	// value an instance, and the label instance_id; no value means that nothing is
	// known.
	Expr  string   `json:"expr,omitempty"`
	Above *float64 `json:"above,omitempty"`
	Below *float64 `json:"below,omitempty"`
	Unit  string   `json:"unit,omitempty"`  // of the value, one of Units
	Phase string   `json:"phase,omitempty"` // in place of Expr
	// Backups, in place of both, is what is the matter with an instance's backups:
	// DrillFailed or BackupLate.
	Backups string `json:"backups,omitempty"`
	For     string `json:"for"` // how long it has to hold, such as "5m"
	// Summary says what is the matter; {{VALUE}} stands for the value.
	Summary string `json:"summary"`
	Runbook string `json:"runbook"` // name of a page of the package
}

// What can be the matter with backups.
const (
	DrillFailed = "drill-failed" // the last restore drill did not pass
	BackupLate  = "late"         // the newest is older than the schedule has it
)

// How urgent an alert is.
const (
	Critical = "critical" // what clients notice, or will at any moment
	Warning  = "warning"
)

// Value stands in a summary for the value.
const Value = "{{VALUE}}"

// Holds says whether a value is beyond the bound.
func (a Alert) Holds(value float64) bool {
	return a.Above != nil && value > *a.Above || a.Below != nil && value < *a.Below
}

// Wait is how long the condition has to hold before the alert fires.
func (a Alert) Wait() time.Duration {
	d, _ := time.ParseDuration(a.For) // checked
	return d
}

// Say is the summary with a value in it.
func (a Alert) Say(value float64) string {
	return strings.ReplaceAll(a.Summary, Value, written(a.Unit, value))
}

func written(unit string, value float64) string {
	switch unit {
	case "bytes":
		return bytesize.Text(int64(value))
	case "ratio":
		return strconv.FormatFloat(math.Floor(value*100), 'f', 0, 64) + " %"
	case "seconds":
		if days := math.Floor(value / (24 * 60 * 60)); days >= 2 {
			return strconv.FormatFloat(days, 'f', 0, 64) + " days"
		}
		return time.Duration(value * float64(time.Second)).Round(time.Second).String()
	}
	return strconv.FormatFloat(value, 'f', -1, 64)
}

//go:embed alerts.yaml
var everyServices []byte

//go:embed runbooks
var everyServicesRunbooks embed.FS

// alertsOfAll are those that every service has.
var alertsOfAll = func() []Alert {
	list, err := ReadAlerts(everyServices)
	if err != nil {
		panic(err) // found by any test
	}
	return list
}()

// ReadAlerts reads a package's alerts.yaml.
func ReadAlerts(text []byte) ([]Alert, error) {
	var doc struct {
		Alerts []Alert `json:"alerts"`
	}
	if err := yaml.UnmarshalStrict(text, &doc); err != nil {
		return nil, fmt.Errorf("alerts.yaml: %w", err)
	}
	for _, a := range doc.Alerts {
		if err := a.check(); err != nil {
			return nil, err
		}
	}
	return doc.Alerts, nil
}

var alertName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

func (a Alert) check() error {
	_, err := time.ParseDuration(a.For)
	switch {
	case !alertName.MatchString(a.Name) || !alertName.MatchString(a.Runbook):
		return fmt.Errorf("the alert %q needs a name and a runbook of small letters, digits and hyphens", a.Name)
	case a.Title == "" || a.Summary == "" || a.Severity != Critical && a.Severity != Warning:
		return fmt.Errorf("the alert %s needs a title, a summary, and the severity critical or warning", a.Name)
	case err != nil:
		return fmt.Errorf("the alert %s: for has to be a time such as 5m", a.Name)
	case given(a.Expr)+given(a.Phase)+given(a.Backups) != 1:
		return fmt.Errorf("the alert %s needs one of expr, phase and backups", a.Name)
	case a.Backups != "" && a.Backups != DrillFailed && a.Backups != BackupLate:
		return fmt.Errorf("the alert %s: backups has to be %s or %s", a.Name, DrillFailed, BackupLate)
	case a.Expr != "" && ((a.Above == nil) == (a.Below == nil) || !slices.Contains(Units, a.Unit)):
		return fmt.Errorf("the alert %s needs either above or below, and a unit of %s", a.Name, strings.Join(Units, ", "))
	}
	return nil
}

func given(s string) int { return min(len(s), 1) }

// AllAlerts are those of the package and those that every service has.
func (p Package) AllAlerts() []Alert {
	return append(slices.Clone(alertsOfAll), p.Definition.Alerts...)
}

// Runbook returns a page of the package, or of those that every service has, with
// an instance's values in its commands. It is Markdown.
func (p Package) Runbook(name string, values RunbookValues) (text string, found bool) {
	if text, found = p.Runbooks[name]; !found {
		raw, err := everyServicesRunbooks.ReadFile("runbooks/" + name + ".md")
		if err != nil {
			return "", false
		}
		text = string(raw)
	}
	larger := p.Definition.planAbove(values.Plan)
	return strings.NewReplacer("{{LARGER_PLAN}}", larger.Name, "{{LARGER_PLAN_STORAGE_GIB}}", strconv.FormatInt(max(values.StorageGiB, larger.MinStorageGiB), 10)).Replace(values.In(text)), true
}

// planAbove is the next plan by its memory, or the same where it is the largest.
func (d Definition) planAbove(name string) Plan {
	plans := slices.SortedFunc(slices.Values(d.Plans), func(a, b Plan) int { return cmp.Compare(a.MemoryMiB, b.MemoryMiB) })
	i := slices.IndexFunc(plans, func(p Plan) bool { return p.Name == name })
	if i < 0 {
		return Plan{Name: name}
	}
	return plans[min(i+1, len(plans)-1)]
}

// readRunbooks reads the pages by their names; a package may have none.
func readRunbooks(folder embed.FS) map[string]string {
	pages := map[string]string{}
	entries, _ := folder.ReadDir("runbooks") // built in: it can only be missing
	for _, e := range entries {
		raw, _ := folder.ReadFile("runbooks/" + e.Name())
		pages[strings.TrimSuffix(e.Name(), ".md")] = string(raw)
	}
	return pages
}

// RunbookValues are an instance's own, put in place of {{ORGANIZATION}} and so on.
type RunbookValues struct {
	Organization, Project, Instance, Plan string
	StorageGiB                            int64
	Endpoint                              api.Endpoint
}

// In puts the values into a page.
func (v RunbookValues) In(text string) string {
	return strings.NewReplacer(
		"{{ORGANIZATION}}", v.Organization, "{{PROJECT}}", v.Project, "{{INSTANCE}}", v.Instance, "{{PLAN}}", v.Plan,
		"{{STORAGE_GIB}}", strconv.FormatInt(v.StorageGiB, 10), "{{MORE_STORAGE_GIB}}", strconv.FormatInt(v.StorageGiB*3/2+1, 10),
		"{{HOST}}", v.Endpoint.Host, "{{PORT}}", strconv.Itoa(v.Endpoint.Port), "{{DATABASE}}", v.Endpoint.Database,
	).Replace(text)
}
