package portal

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"souk/api/client"
)

// setting is one parameter of a service, as its JSON Schema describes it.
type setting struct {
	name, title, description string
	kind                     string // integer, number, boolean or string
	standard                 string // what it is unless it is set; "" where the schema does not say
	choices                  []string
	least, most              string
	restarts                 bool
}

// settings reads the schema of a service's parameters, sorted by name. What the
// schema says beyond this the API checks.
func settings(schema json.RawMessage) []setting {
	var doc struct {
		Properties map[string]struct {
			Title       string
			Description string
			Type        json.RawMessage
			Enum        []json.RawMessage
			Minimum     json.RawMessage
			Maximum     json.RawMessage
			Default     json.RawMessage
			Restart     bool `json:"x-restart"`
		}
	}
	if json.Unmarshal(schema, &doc) != nil {
		return nil // published, so it can be read
	}
	var all []setting
	for name, p := range doc.Properties {
		s := setting{name: name, title: cmp.Or(p.Title, name), description: p.Description, kind: plainText(p.Type), standard: plainText(p.Default),
			least: plainText(p.Minimum), most: plainText(p.Maximum), restarts: p.Restart}
		for _, c := range p.Enum {
			s.choices = append(s.choices, plainText(c))
		}
		if s.kind == "boolean" {
			s.choices = []string{"true", "false"}
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b setting) int { return strings.Compare(a.name, b.name) })
	return all
}

// plainText is a JSON value as one types it.
func plainText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// field is the name of the setting's control.
func (s setting) field() string { return "p." + s.name }

// value turns what was typed into what the API takes. What is not of the kind is
// passed on as it is, for the API to say so.
func (s setting) value(typed string) any {
	switch s.kind {
	case "integer", "number":
		if n := json.Number(typed); json.Valid([]byte(typed)) && !strings.ContainsAny(typed, `"[{tfn`) {
			return n
		}
	case "boolean":
		if typed == "true" || typed == "false" {
			return typed == "true"
		}
	}
	return typed
}

// parameters are those that were typed; what was left empty keeps its default.
func parameters(all []setting, typed url.Values) map[string]any {
	out := map[string]any{}
	for _, s := range all {
		if text := strings.TrimSpace(typed.Get(s.field())); text != "" {
			out[s.name] = s.value(text)
		}
	}
	return out
}

// networks reads an allow-list: one network a line. An empty one lets nobody in.
func networks(typed string) []string {
	out := []string{}
	for line := range strings.Lines(typed) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// everywhere is the allow-list that lets everybody in.
const everywhere = "0.0.0.0/0\n::/0"

// mistake is a refusal of our own, in the API's form.
func mistake(field, message string) *formErrors {
	return &formErrors{&problem{Status: 422, Code: "invalid", Fields: []client.FieldError{{Location: "body." + field, Message: message}}}}
}

// within returns what is wrong with a field or any part of it.
func (f *formErrors) within(name string) string {
	if !f.any() {
		return ""
	}
	var texts []string
	for _, e := range f.problem.Fields {
		part, found := strings.CutPrefix(e.Name(), name)
		if found && (part == "" || strings.HasPrefix(part, "[") || strings.HasPrefix(part, ".")) {
			texts = append(texts, e.Message)
		}
	}
	return strings.Join(texts, " ")
}

// code says whether the form was refused with this code.
func (f *formErrors) code(code string) bool { return f.any() && f.problem.Code == code }
