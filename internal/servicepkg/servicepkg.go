// Package servicepkg defines the service package: the published data that says
// all about a service that the catalog, the forms and the checks need, and the
// code that carries it out.
package servicepkg

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"souk/api"
)

// Definition is the published data of a package. A change of it is published as
// a new revision; an instance stays on the revision that it was ordered with.
type Definition struct {
	Name         string          `json:"name"` // "postgresql"
	Title        string          `json:"title"`
	Summary      string          `json:"summary"`
	Description  string          `json:"description"`
	Category     string          `json:"category"`
	Parameters   json.RawMessage `json:"parameters"` // JSON Schema, draft 2020-12
	Plans        []Plan          `json:"plans"`
	Capabilities []Capability    `json:"capabilities"`
	// PlanChange says what another plan does to those who are connected; "": the
	// server restarts.
	PlanChange string `json:"planChange,omitempty"`
	// Guide is where the service's users read how it is used: a page of this
	// documentation, or a URL.
	Guide     string        `json:"guide,omitempty"`
	Snippets  []api.Snippet `json:"snippets,omitempty"`
	Dashboard *Dashboard    `json:"dashboard,omitempty"` // nil: the service has none
	Alerts    []Alert       `json:"alerts,omitempty"`    // beside those that every service has
	SLI       *SLI          `json:"sli,omitempty"`       // nil: it is not measured whether instances are available
	Meters    []Meter       `json:"meters,omitempty"`    // what is counted of instances
}

// Plan is a size that the package comes in. A changed plan is published as a
// new revision of it.
type Plan struct {
	Name          string `json:"name"`
	CPUMillis     int64  `json:"cpuMillis"` // thousandths of a core
	MemoryMiB     int64  `json:"memoryMiB"`
	MinStorageGiB int64  `json:"minStorageGiB"`
	MaxStorageGiB int64  `json:"maxStorageGiB"`
}

// Package is a Definition with the code that goes with it.
type Package struct {
	Definition Definition
	// Connection turns an endpoint and a log-in into what clients take: a URI
	// and the conventional environment variables of the engine. CAFile stands
	// for the path that the client writes the CA to.
	Connection func(e api.Endpoint, login, password string) Connection
	// Client is the program that people connect with; nil: Souk knows none.
	Client *Client
	// DemoPrices are those of the demonstration price list of souk dev.
	DemoPrices []Price
	// Runbooks are pages in Markdown that alerts lead to, by name.
	Runbooks map[string]string
	// Prover proves the service in a conformance run; nil: it cannot be proven.
	Prover *Prover
}

// CAFile stands in Connection.Env for the path of the CA file.
const CAFile = "{{CA_FILE}}"

// Connection is how clients connect.
type Connection struct {
	URI string
	Env map[string]string
}

// FieldError is what is wrong with one parameter.
type FieldError struct {
	Path    string // "work_mem"
	Message string
}

// Schema checks parameters.
type Schema struct {
	schema   *jsonschema.Schema
	restarts map[string]bool
	defaults map[string]any
}

// CompileSchema prepares the parameters' JSON Schema of a definition.
func CompileSchema(d Definition) (*Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(d.Parameters))
	if err != nil {
		return nil, fmt.Errorf("the parameters of %s are not JSON: %w", d.Name, err)
	}
	c := jsonschema.NewCompiler()
	name := d.Name + "/parameters.json"
	if err := c.AddResource(name, doc); err != nil {
		return nil, err
	}
	s, err := c.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("the parameters of %s are not a JSON Schema: %w", d.Name, err)
	}
	var annotations struct {
		Properties map[string]struct {
			Restart bool `json:"x-restart"`
			Default any  `json:"default"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(d.Parameters, &annotations); err != nil {
		return nil, err
	}
	out := &Schema{s, map[string]bool{}, map[string]any{}}
	for k, p := range annotations.Properties {
		out.restarts[k] = p.Restart
		if p.Default != nil {
			out.defaults[k] = p.Default
		}
	}
	return out, nil
}

// Defaults returns the value that each parameter has unless it is set, where the
// schema names one.
func (s *Schema) Defaults() map[string]any { return maps.Clone(s.defaults) }

// NeedsRestart says whether a change of the parameter restarts the engine.
func (s *Schema) NeedsRestart(parameter string) bool { return s.restarts[parameter] }

// Check returns what is wrong with the parameters, by name; nothing when all is well.
func (s *Schema) Check(parameters map[string]any) []FieldError {
	raw, err := json.Marshal(parameters)
	if err != nil {
		return []FieldError{{"", "cannot be read"}}
	}
	if parameters == nil {
		raw = []byte("{}")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return []FieldError{{"", "cannot be read"}}
	}
	err = s.schema.Validate(doc)
	if err == nil {
		return nil
	}
	invalid, ok := err.(*jsonschema.ValidationError)
	if !ok {
		return []FieldError{{"", err.Error()}}
	}
	return leaves(invalid)
}

// leaves collects the innermost causes, in a stable order.
func leaves(e *jsonschema.ValidationError) []FieldError {
	path := strings.Join(e.InstanceLocation, ".")
	var out []FieldError
	if unknown, ok := e.ErrorKind.(*kind.AdditionalProperties); ok {
		for _, name := range unknown.Properties {
			out = append(out, FieldError{strings.TrimPrefix(path+"."+name, "."), "The service has no parameter of this name; look at the service for those it has."})
		}
	} else if len(e.Causes) == 0 {
		return []FieldError{{path, plain(e.ErrorKind)}}
	}
	for _, c := range e.Causes {
		out = append(out, leaves(c)...)
	}
	slices.SortFunc(out, func(a, b FieldError) int { return strings.Compare(a.Path+a.Message, b.Path+b.Message) })
	return out
}

// plain says what is wrong with a parameter. Kinds of mistakes that a parameter
// seldom has are said in the validator's words.
func plain(k jsonschema.ErrorKind) string {
	number := func(r *big.Rat) string { f, _ := r.Float64(); return strconv.FormatFloat(f, 'f', -1, 64) }
	switch k := k.(type) {
	case *kind.Minimum:
		return "It is at least " + number(k.Want) + "."
	case *kind.Maximum:
		return "It is at most " + number(k.Want) + "."
	case *kind.Type:
		return "It has to be of this kind: " + strings.Join(k.Want, " or ") + "."
	case *kind.Enum:
		var choices []string
		for _, c := range k.Want {
			choices = append(choices, fmt.Sprint(c))
		}
		return "It is one of: " + strings.Join(choices, ", ") + "."
	}
	return k.LocalizedString(message.NewPrinter(language.English))
}
