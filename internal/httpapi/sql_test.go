package httpapi_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// SQL in every text of every request: it is stored and shown literally, or
// refused, and never carried out.
func TestSQLInEveryTextField(t *testing.T) {
	e := httpapitest.New(t, named)
	const attack = `x'; DROP TABLE projects; UPDATE members SET role='owner'; --`
	rows := rowsByID()
	for _, op := range e.Server.Operations() {
		r, ok := rows[op.ID]
		if !ok {
			continue // TestRoles tells
		}
		token := e.Token(t, httpapitest.Own, "", api.RoleOwner)
		if op.Action.AcrossOrganizations() {
			token = e.Token(t, httpapitest.Operator, "", api.RoleOwner)
		}
		make := r.request
		if r.self != nil {
			email := freshEmail()
			e.Member(t, httpapitest.Own, email, api.RoleOwner)
			token = e.Session(t, email)
			make = func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request { return r.self(t, e, email) }
		}
		try := func(where string, q httpapitest.Request) {
			t.Helper()
			got := e.Do(t, with(q, token))
			if got.Status >= 500 && got.Status != r.success {
				t.Errorf("%s, %s: status %d: %s", op.ID, where, got.Status, got.Body)
			}
		}
		q := make(t, e, own)
		for _, field := range texts(document(t, q.Body), "") {
			q := make(t, e, own)
			q.Body = replaced(document(t, q.Body), "", field, attack)
			try("body"+field, q)
		}
		base, _, _ := strings.Cut(q.Path, "?")
		for _, name := range queryParameters(e, op.Method, op.Path) {
			q := q
			q.Path = base + "?" + url.Values{name: {attack}}.Encode()
			try("query."+name, q)
		}
		at := strings.Split(op.Path, "/")
		for i, segment := range strings.Split(base, "/") {
			if i < len(at) && strings.HasPrefix(at[i], "{") {
				q := q
				q.Path = strings.Replace(base, "/"+segment, "/"+url.PathEscape(attack), 1)
				try("path "+at[i], q)
			}
		}
	}
	if n := count(t, e, "SELECT count(*) FROM members WHERE role = 'owner' AND account_id NOT IN (SELECT id FROM accounts WHERE email LIKE '%@example.org')"); n != 0 {
		t.Errorf("%d people became owners", n)
	}
	t.Run("literally", func(t *testing.T) {
		var p api.Project
		token := e.Token(t, httpapitest.Own, "", api.RoleOwner)
		e.Do(t, httpapitest.Request{Method: "POST", Path: own.path("/projects"), Token: token, Body: api.ProjectCreate{Name: "literal", DisplayName: attack}}).Want(t, 201).Decode(t, &p)
		e.Do(t, httpapitest.Request{Method: "GET", Path: own.path("/projects/literal"), Token: token}).Want(t, 200).Decode(t, &p)
		if p.DisplayName != attack {
			t.Errorf("display name is %q", p.DisplayName)
		}
	})
}

// document returns a body as JSON.
func document(t *testing.T, body any) any {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// texts lists where the texts in a document are.
func texts(v any, at string) []string {
	switch v := v.(type) {
	case string:
		return []string{at}
	case map[string]any:
		var all []string
		for key, inner := range v {
			all = append(all, texts(inner, at+"."+key)...)
		}
		return all
	}
	return nil
}

func replaced(v any, at, where, with string) any {
	if at == where {
		return with
	}
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for key := range m {
		m[key] = replaced(m[key], at+"."+key, where, with)
	}
	return m
}

func queryParameters(e *httpapitest.Env, method, path string) []string {
	item := e.Server.API().OpenAPI().Paths[path]
	op := item.Get
	switch method {
	case "POST":
		op = item.Post
	case "PUT":
		op = item.Put
	case "PATCH":
		op = item.Patch
	case "DELETE":
		op = item.Delete
	}
	var names []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	return names
}
