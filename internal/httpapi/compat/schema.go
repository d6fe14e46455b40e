package compat

import (
	"fmt"
	"slices"
	"strings"
)

// direction is who writes what a schema describes.
type direction string

const (
	request direction = "request" // clients: the schema must take all that it took
	answer  direction = "answer"  // the server: it must hold all that it held
)

func (c *comparison) schema(at string, was, is object, d direction) {
	wasRef, isRef := ref(was), ref(is)
	if wasRef != "" || isRef != "" {
		key := string(d) + " " + wasRef + " " + isRef
		if c.seen[key] {
			return
		}
		c.seen[key] = true
		if wasRef != "" {
			at = string(d) + " " + strings.TrimPrefix(wasRef, "#/components/schemas/")
		}
		was, is = resolve(c.old, was), resolve(c.new, is)
	}
	c.types(at, was, is, d)
	c.properties(at, was, is, d)
	if d == request {
		c.bounds(at, was, is)
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if inner, ok := was[key].(object); ok {
			if now, ok := is[key].(object); ok {
				c.schema(at+"[]", inner, now, d)
			}
		}
	}
	if d == request && was["additionalProperties"] != false && is["additionalProperties"] == false && was["type"] == "object" {
		c.report(at, "takes no other fields any more")
	}
}

func ref(schema object) string {
	r, _ := schema["$ref"].(string)
	return r
}

func resolve(document, schema object) object {
	for r := ref(schema); r != ""; r = ref(schema) {
		schema = child(child(child(document, "components"), "schemas"), strings.TrimPrefix(r, "#/components/schemas/"))
	}
	return schema
}

// types: a request may take more types, an answer may hold fewer.
func (c *comparison) types(at string, was, is object, d direction) {
	before, after := types(was), types(is)
	if d == answer {
		before, after = after, before
	}
	if len(after) == 0 { // anything
		return
	}
	for _, t := range before {
		if !slices.Contains(after, t) && !(t == "integer" && slices.Contains(after, "number")) {
			c.report(at, "the type was %v and is %v", was["type"], is["type"])
			return
		}
	}
	if len(before) == 0 {
		c.report(at, "the type was %v and is %v", was["type"], is["type"])
	}
}

func types(schema object) []string {
	if t, ok := schema["type"].(string); ok {
		return []string{t}
	}
	var all []string
	for _, t := range list(schema["type"]) {
		all = append(all, fmt.Sprint(t))
	}
	return all
}

func (c *comparison) properties(at string, was, is object, d direction) {
	after := child(is, "properties")
	for name, p := range child(was, "properties") {
		now, ok := after[name].(object)
		if !ok {
			c.report(at, "the field %s is gone", name)
			continue
		}
		c.schema(at+"."+name, p.(object), now, d)
	}
	before, now := list(was["required"]), list(is["required"])
	if d == request {
		for _, name := range now {
			if !slices.Contains(before, name) {
				c.report(at, "the field %s is required now", name)
			}
		}
		return
	}
	for _, name := range before {
		if !slices.Contains(now, name) && after[name.(string)] != nil {
			c.report(at, "the field %s is not always there any more", name)
		}
	}
}

// bounds: a request must go on taking every value that it took.
func (c *comparison) bounds(at string, was, is object) {
	if now := list(is["enum"]); now != nil {
		before := list(was["enum"])
		if before == nil {
			c.report(at, "takes only certain values now")
		}
		for _, v := range before {
			if !slices.Contains(now, v) {
				c.report(at, "does not take %v any more", v)
			}
		}
	}
	for _, key := range []string{"maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"} {
		if now, ok := is[key].(float64); ok {
			if before, ok := was[key].(float64); !ok || now < before {
				c.report(at, "%s was %v and is %v", key, was[key], now)
			}
		}
	}
	for _, key := range []string{"minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties"} {
		if now, ok := is[key].(float64); ok {
			if before, ok := was[key].(float64); !ok || now > before {
				c.report(at, "%s was %v and is %v", key, was[key], now)
			}
		}
	}
	for _, key := range []string{"pattern", "format"} {
		if is[key] != nil && is[key] != was[key] {
			c.report(at, "%s was %v and is %v", key, was[key], is[key])
		}
	}
}
