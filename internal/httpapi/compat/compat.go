// Package compat finds what in an OpenAPI document would break the clients of an
// older one.
//
// Additions do not: new operations, new optional parameters and fields, new
// values in answers. Removals do, and so does asking more of a request.
package compat

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

type object = map[string]any

// Breaking returns what breaks clients of the old document, in a fixed order.
func Breaking(old, new []byte) ([]string, error) {
	var c comparison
	if err := json.Unmarshal(old, &c.old); err != nil {
		return nil, fmt.Errorf("the old document: %w", err)
	}
	if err := json.Unmarshal(new, &c.new); err != nil {
		return nil, fmt.Errorf("the new document: %w", err)
	}
	c.seen = map[string]bool{}
	c.paths()
	slices.Sort(c.found)
	return slices.Compact(c.found), nil
}

type comparison struct {
	old, new object
	found    []string
	seen     map[string]bool // pairs of named schemas that have been compared
}

func (c *comparison) report(at, format string, args ...any) {
	c.found = append(c.found, at+": "+fmt.Sprintf(format, args...))
}

var methods = []string{"get", "put", "post", "delete", "patch", "head", "options"}

func (c *comparison) paths() {
	after := child(c.new, "paths")
	for path, item := range child(c.old, "paths") {
		for _, method := range methods {
			was, ok := item.(object)[method].(object)
			if !ok {
				continue
			}
			at := strings.ToUpper(method) + " " + path
			is, ok := child(after, path)[method].(object)
			if !ok {
				c.report(at, "the operation is gone")
				continue
			}
			c.operation(at, was, is)
		}
	}
}

func (c *comparison) operation(at string, was, is object) {
	if len(list(was["security"])) == 0 && len(list(is["security"])) > 0 {
		c.report(at, "needs a token now")
	}
	c.parameters(at, was, is)
	c.requestBody(at, child(was, "requestBody"), child(is, "requestBody"))
	for status, response := range child(was, "responses") {
		now, ok := child(is, "responses")[status].(object)
		if !ok {
			c.report(at, "answer %s is gone", status)
			continue
		}
		before := response.(object)
		for media, m := range child(before, "content") {
			now, ok := child(now, "content")[media].(object)
			if !ok {
				c.report(at, "answer %s is no longer given as %s", status, media)
				continue
			}
			c.schema(at+" "+status, child(m.(object), "schema"), child(now, "schema"), answer)
		}
		for name := range child(before, "headers") {
			if child(now, "headers")[name] == nil {
				c.report(at, "answer %s has no header %s any more", status, name)
			}
		}
	}
}

func (c *comparison) parameters(at string, was, is object) {
	name := func(p any) string { return fmt.Sprint(p.(object)["in"], ".", p.(object)["name"]) }
	before, after := object{}, object{}
	for _, p := range list(was["parameters"]) {
		before[name(p)] = p
	}
	for _, p := range list(is["parameters"]) {
		after[name(p)] = p
	}
	for n, p := range before {
		now, ok := after[n].(object)
		if !ok {
			c.report(at, "the parameter %s is gone", n)
			continue
		}
		c.schema(at+" "+n, child(p.(object), "schema"), child(now, "schema"), request)
	}
	for n, p := range after {
		if required(p) && !required(before[n]) {
			c.report(at, "the parameter %s is required now", n)
		}
	}
}

func (c *comparison) requestBody(at string, was, is object) {
	if required(is) && !required(was) {
		c.report(at, "a body is required now")
	}
	for media, m := range child(was, "content") {
		now, ok := child(is, "content")[media].(object)
		if !ok {
			c.report(at, "the body is no longer taken as %s", media)
			continue
		}
		c.schema(at+" body", child(m.(object), "schema"), child(now, "schema"), request)
	}
}

func required(v any) bool {
	o, _ := v.(object)
	return o["required"] == true
}

// child returns the object under the key, or an empty one.
func child(o object, key string) object {
	c, _ := o[key].(object)
	return c
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
