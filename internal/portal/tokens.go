package portal

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"time"

	"souk/api"
	"souk/api/client"
)

// tokenTerms are the days that a token can be made to last.
var tokenTerms = []int{7, 30, 90, 180, 365}

// tokensView is the list of tokens with the form for another.
type tokensView struct {
	tokens   []api.Token
	projects []api.Project
	form     api.TokenCreate
	key      string     // of the form: sent twice, it makes one token
	made     *api.Token // just now: the one time that its secret is shown
	wrong    *formErrors
}

func (p *Portal) tokens(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showTokens(w, r, v, tokensView{form: api.TokenCreate{Role: api.RoleViewer, ExpiresInDays: 90}})
}

func (p *Portal) showTokens(w http.ResponseWriter, r *http.Request, v *visit, view tokensView) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	var err error
	if view.tokens, err = v.organization().Tokens(r.Context()); err != nil {
		return err
	}
	slices.SortStableFunc(view.tokens, func(a, b api.Token) int {
		return cmp.Or(cmp.Compare(view.state(v, a), view.state(v, b)), b.CreatedAt.Compare(a.CreatedAt))
	})
	if view.projects, err = v.organization().Projects(r.Context()); err != nil {
		return err
	}
	view.key = rand.Text()
	if view.wrong.any() {
		return refuse(w, r, v, tokensPage(v, view))
	}
	return show(w, r, v, tokensPage(v, view))
}

// state sorts tokens that work before those that have expired or were revoked.
func (tokensView) state(v *visit, t api.Token) tokenState {
	switch {
	case t.RevokedAt != nil:
		return revoked
	case !t.ExpiresAt.After(v.now):
		return expired
	}
	return works
}

type tokenState int

const (
	works tokenState = iota
	expired
	revoked
)

// createToken answers with the page itself, as it is the only one with the
// secret. Loaded again, the form carries the same key: nothing is made, and the
// secret is not shown again.
func (p *Portal) createToken(w http.ResponseWriter, r *http.Request, v *visit) error {
	f := r.PostForm
	days, _ := strconv.Atoi(f.Get("days"))
	view := tokensView{form: api.TokenCreate{Name: f.Get("name"), Role: api.Role(f.Get("role")), Project: f.Get("project"), ExpiresInDays: days}}
	ctx := r.Context()
	if key := f.Get("key"); len(key) == len(rand.Text()) {
		ctx = client.WithIdempotencyKey(ctx, key)
	}
	made, err := v.organization().CreateToken(ctx, view.form)
	if err != nil {
		if view.wrong, err = formProblem(err); err != nil {
			return err
		}
		return p.showTokens(w, r, v, view)
	}
	return p.showTokens(w, r, v, tokensView{made: &made, form: api.TokenCreate{Role: api.RoleViewer, ExpiresInDays: 90}})
}

func (p *Portal) revokeToken(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.organization().RevokeToken(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	redirect(w, r, done("token-revoked", "o", v.org, "tokens"))
	return nil
}

// day is a date in the organization's zone.
func (v *visit) day(at time.Time) string { return at.In(v.zone).Format(time.DateOnly) }
