package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// schemaNode is as much of a JSON Schema as it takes to type a value.
type schemaNode struct {
	Description string                `json:"description"`
	Type        typeSet               `json:"type"`
	Enum        []any                 `json:"enum"`
	AnyOf       []schemaNode          `json:"anyOf"`
	OneOf       []schemaNode          `json:"oneOf"`
	Properties  map[string]schemaNode `json:"properties"`
}

// typeSet is JSON Schema's "type": one name or several.
type typeSet []string

// UnmarshalJSON accepts both forms.
func (t *typeSet) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*t = typeSet{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(t))
}

// types returns all types that a value may have; none means any.
func (n schemaNode) types() []string {
	types := slices.Clone([]string(n.Type))
	for _, alternative := range append(slices.Clone(n.AnyOf), n.OneOf...) {
		types = append(types, alternative.types()...)
	}
	if len(types) > 0 {
		return types
	}
	for _, value := range n.Enum {
		switch value.(type) {
		case string:
			types = append(types, "string")
		case float64:
			types = append(types, "number")
		case bool:
			types = append(types, "boolean")
		}
	}
	return types
}

// parameterName tells a parameter (`work_mem`, `spec.parameters.work_mem`) from
// a field of the spec (`spec.storageGiB`).
func parameterName(path string) (string, bool) {
	if name, ok := strings.CutPrefix(path, "spec.parameters."); ok {
		return name, true
	}
	return path, !strings.HasPrefix(path, "spec.")
}

// specFields are the fields that --set spec.NAME=VALUE knows, with their types.
var specFields = map[string]string{
	"zone": "string", "plan": "string", "serviceLevel": "string", "displayName": "string",
	"storageGiB": "integer", "protected": "boolean", "suspendable": "boolean", "allowedNetworks": "networks",
	"logs.retentionDays": "integer",
	"maintenance.day":    "string", "maintenance.at": "string", "maintenance.minutes": "integer", "maintenance.timeZone": "string",
	"backup.enabled": "boolean", "backup.at": "string", "backup.timeZone": "string", "backup.spreadMinutes": "integer",
	"backup.keep.last": "integer", "backup.keep.daily": "integer", "backup.keep.weekly": "integer", "backup.keep.monthly": "integer",
}

func setField(spec map[string]any, path, text string) error {
	field := strings.TrimPrefix(path, "spec.")
	kind, ok := specFields[field]
	if !ok {
		return misuse("--set %s: the spec has no field %s that can be set; it has: %s", path, field, fieldNames())
	}
	if kind == "networks" {
		value, err := networks([]string{text})
		spec[field] = value
		return err
	}
	value, err := typed([]string{kind}, text)
	if err != nil {
		return misuse("--set %s: %v", path, err)
	}
	for first, rest, within := strings.Cut(field, "."); within; first, rest, within = strings.Cut(field, ".") {
		inner, ok := spec[first].(map[string]any)
		if !ok {
			inner = map[string]any{}
			spec[first] = inner
		}
		spec, field = inner, rest
	}
	spec[field] = value
	return nil
}

func fieldNames() string {
	names := []string{"parameters.NAME"}
	for name := range specFields {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// setParameter puts a value, typed by the schema, where a name points. A name
// with dots is one name where the schema has it, or where it knows no object of
// the first part.
func setParameter(parameters map[string]any, schema schemaNode, name, text string) error {
	node, known := schema.Properties[name]
	if first, rest, dotted := strings.Cut(name, "."); dotted && !known {
		if object, ok := schema.Properties[first]; ok && slices.Contains(object.types(), "object") {
			inner, ok := parameters[first].(map[string]any)
			if !ok {
				inner = map[string]any{}
				parameters[first] = inner
			}
			return setParameter(inner, object, rest, text)
		}
	}
	value, err := typed(node.types(), text)
	if err != nil {
		return misuse("%s", strings.TrimSpace(fmt.Sprintf("--set %s: %v. %s", name, err, node.Description)))
	}
	parameters[name] = value
	return nil
}

// typed reads a value as the first of these types that it can be, or as a YAML
// scalar where any type will do.
func typed(types []string, text string) (any, error) {
	if len(types) == 0 {
		return scalar(text)
	}
	for _, kind := range []string{"boolean", "integer", "number", "array", "object"} {
		if slices.Contains(types, kind) {
			if value, err := as(kind, text); err == nil {
				return value, nil
			}
		}
	}
	if slices.Contains(types, "string") {
		return text, nil
	}
	return nil, fmt.Errorf("%q is not a value of type %s", text, strings.Join(types, " or "))
}

func as(kind, text string) (any, error) {
	switch kind {
	case "boolean":
		switch strings.ToLower(text) {
		case "true", "on", "yes":
			return true, nil
		case "false", "off", "no":
			return false, nil
		}
		return nil, strconv.ErrSyntax
	case "integer":
		return strconv.ParseInt(text, 10, 64)
	case "number":
		if _, err := strconv.ParseFloat(text, 64); err != nil || !json.Valid([]byte(text)) {
			return nil, strconv.ErrSyntax
		}
		return json.Number(text), nil
	case "array":
		return array(text)
	}
	value, err := scalar(text)
	if _, ok := value.(map[string]any); err == nil && !ok {
		return nil, strconv.ErrSyntax
	}
	return value, err
}

// array reads `[a, b]` or `a,b`.
func array(text string) (any, error) {
	if !strings.HasPrefix(text, "[") {
		text = "[" + text + "]"
	}
	value, err := scalar(text)
	if _, ok := value.([]any); err == nil && !ok {
		return nil, strconv.ErrSyntax
	}
	return value, err
}

// scalar reads a YAML value, keeping numbers exactly as they are written.
func scalar(text string) (any, error) {
	document, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("%q is not a YAML value", text)
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var value any
	err = decoder.Decode(&value)
	return value, err
}
