package httpapi_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

var writeOffRows = map[string]row{
	"operator-write-offs": {operator: readers, request: get("/api/v1/operator/write-offs")},
	"operator-write-offs-propose": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return post("/api/v1/operator/write-offs", api.WriteOffPropose{Invoice: e.Bill(t, httpapitest.Own, "100.00"), Reason: "they are bankrupt"})
	}},
	"operator-write-offs-approve": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return post("/api/v1/operator/write-offs/"+proposed(t, e)+"/approve", nil)
	}},
	"operator-write-offs-refuse": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return post("/api/v1/operator/write-offs/"+proposed(t, e)+"/refuse", nil)
	}},
	"operator-write-offs-reverse": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		id := proposed(t, e)
		q := post("/api/v1/operator/write-offs/"+id+"/approve", nil)
		q.Token = e.Token(t, httpapitest.Operator, "", api.RoleOwner)
		e.Do(t, q).Want(t, http.StatusOK)
		return post("/api/v1/operator/write-offs/"+id+"/reverse", api.PaymentReason{Reason: "they pay after all"})
	}},
}

// proposed is the ID of a write-off that a person has proposed who uses no token here.
func proposed(t *testing.T, e *httpapitest.Env) string {
	t.Helper()
	return e.ProposeWriteOff(t, e.Bill(t, httpapitest.Own, "100.00"), "ann@operator.example")
}

// Nobody approves what they have proposed: neither by themselves, nor by a token of
// theirs, nor by one that such a token made, and not past the API either.
func TestWriteOffTakesTwo(t *testing.T) {
	e := httpapitest.New(t)
	number := e.Bill(t, httpapitest.Own, "100.00")
	e.Member(t, httpapitest.Operator, "ann@operator.example", api.RoleOwner)
	e.Member(t, httpapitest.Operator, "bob@operator.example", api.RoleEditor)
	ann, bob := e.Session(t, "ann@operator.example"), e.Session(t, "bob@operator.example")
	do := func(token, path string, in any) httpapitest.Response {
		q := post("/api/v1/operator/write-offs"+path, in)
		q.Token = token
		return e.Do(t, q)
	}
	tokenOf := func(maker, name string) string {
		q := post("/api/v1/organizations/"+httpapitest.Operator+"/tokens", api.TokenCreate{Name: name, Role: api.RoleAdmin, ExpiresInDays: 1})
		q.Token = maker
		var made api.Token
		e.Do(t, q).Want(t, http.StatusCreated).Decode(t, &made)
		return made.Secret
	}
	var w api.WriteOff
	do(ann, "", api.WriteOffPropose{Invoice: number, Reason: "they are bankrupt"}).Want(t, http.StatusCreated).Decode(t, &w)
	do(bob, "", api.WriteOffPropose{Invoice: number, Reason: "once more"}).Want(t, http.StatusConflict)
	do(ann, "/"+w.ID+"/approve", nil).Want(t, http.StatusConflict)
	hers := tokenOf(ann, "hers")
	do(hers, "/"+w.ID+"/approve", nil).Want(t, http.StatusConflict)
	do(tokenOf(hers, "its"), "/"+w.ID+"/approve", nil).Want(t, http.StatusForbidden)
	err := e.Store.System(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE write_offs SET state = 'approved', decided_by = 'Ann@operator.example', decided_at = $1`, e.Clock.Now())
		return err
	})
	if store.Constraint(err) != "write_offs_two_people" {
		t.Errorf("the database lets one person do it: %v", err)
	}
	do(bob, "/"+w.ID+"/approve", nil).Want(t, http.StatusOK).Decode(t, &w)
	if w.State != "approved" || w.ProposedBy != "ann@operator.example" || w.DecidedBy != "bob@operator.example" {
		t.Errorf("approved: %+v", w)
	}
	do(bob, "/"+w.ID+"/refuse", nil).Want(t, http.StatusConflict)
	err = e.Store.System(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(context.WithoutCancel(t.Context()), `UPDATE write_offs SET amount = 1`)
		return err
	})
	if store.ErrorCode(err) != "23001" {
		t.Errorf("the database lets a write-off be changed: %v", err)
	}
}

// Write-offs are listed page by page, those to decide on first; none is left out where some
// are decided on between two pages.
func TestWriteOffsByPages(t *testing.T) {
	e := httpapitest.New(t)
	staff := e.Token(t, httpapitest.Operator, "", api.RoleOwner)
	approve := func(id string) {
		t.Helper()
		q := post("/api/v1/operator/write-offs/"+id+"/approve", nil)
		q.Token = staff
		e.Do(t, q).Want(t, http.StatusOK)
	}
	var ids []string // the newest first
	for range 6 {
		ids = slices.Insert(ids, 0, proposed(t, e))
		e.Clock.Advance(time.Minute)
	}
	approve(ids[1])
	approve(ids[4])
	const all = "/api/v1/operator/write-offs"
	list := func(limit int, between func()) (found []string) {
		t.Helper()
		for _, w := range pages[api.WriteOff](t, e, all, staff, limit, between) {
			found = append(found, w.ID)
		}
		return found
	}
	want := []string{ids[0], ids[2], ids[3], ids[5], ids[1], ids[4]}
	for limit := 1; limit < 8; limit++ {
		if got := list(limit, nil); !slices.Equal(got, want) {
			t.Errorf("%d at a time: %v, want %v", limit, got, want)
		}
	}
	// Of those to decide on the last that was seen is decided on, then the next.
	next := []string{ids[0], ids[2]}
	got := list(1, func() {
		if len(next) > 0 {
			approve(next[0])
			next = next[1:]
		}
	})
	for _, id := range ids {
		if !slices.Contains(got, id) {
			t.Errorf("%s is left out: %v", id, got)
		}
	}
	for _, cursor := range []string{"eA", "!"} {
		e.Do(t, httpapitest.Request{Method: http.MethodGet, Path: all + "?cursor=" + cursor, Token: staff}).Want(t, http.StatusUnprocessableEntity)
	}
}
