package httpapi_test

import (
	"bytes"
	"image/png"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/api"
	"souk/internal/clock"
	"souk/internal/httpapi/httpapitest"
)

// guarded is a person with a second factor.
type guarded struct {
	person
	key      api.TOTPKey
	recovery []string
}

// newGuarded returns one whose codes have all yet to be used.
func newGuarded(t *testing.T, e *httpapitest.Env) guarded {
	t.Helper()
	email := freshEmail()
	id := e.Member(t, httpapitest.Own, email, api.RoleEditor)
	g := guarded{person: person{e, id, email, e.Session(t, email)}}
	g.key = beginTOTP(t, e, g.token)
	var out api.RecoveryCodes
	e.Do(t, with(confirms(e, g.key), g.token)).Want(t, 200).Decode(t, &out)
	g.recovery = out.RecoveryCodes
	e.Clock.Advance(time.Minute)
	return g
}

func (g guarded) login(t *testing.T, password, code string) httpapitest.Response {
	t.Helper()
	return g.e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/login", Body: api.LoginRequest{Email: g.email, Password: password, Code: code}})
}

// refused is why a log-in with the right password failed.
func (g guarded) refused(t *testing.T, code string) string {
	t.Helper()
	return g.login(t, httpapitest.Password, code).Want(t, 401).Problem(t).Code
}

func (g guarded) status(t *testing.T) (s api.TOTPStatus) {
	t.Helper()
	g.e.Do(t, httpapitest.Request{Method: "GET", Path: totpPath, Token: g.token}).Want(t, 200).Decode(t, &s)
	return s
}

func (g guarded) disable(t *testing.T, password, code string) httpapitest.Response {
	t.Helper()
	return g.e.Do(t, httpapitest.Request{Method: "DELETE", Path: totpPath, Token: g.token, Body: api.TOTPDisable{Password: password, Code: code}})
}

func (g guarded) renew(t *testing.T, password, code string) httpapitest.Response {
	t.Helper()
	return g.e.Do(t, httpapitest.Request{Method: "POST", Path: totpPath + "/recovery-codes", Token: g.token, Body: api.RecoveryCodesRenew{Password: password, Code: code}})
}

func TestSecondFactor(t *testing.T) {
	e := httpapitest.New(t)

	t.Run("is in force once it is confirmed", func(t *testing.T) {
		p := newPerson(t, e, api.RoleEditor)
		g := guarded{person: p, key: beginTOTP(t, e, p.token)}
		g.login(t, httpapitest.Password, "").Want(t, 200)
		if s := g.status(t); s != (api.TOTPStatus{}) {
			t.Errorf("%+v", s)
		}
		wrong := httpapitest.Request{Method: "POST", Path: totpPath + "/confirm", Token: p.token, Body: api.TOTPConfirm{Code: "000000"}}
		if f := e.Do(t, wrong).Want(t, 422).Problem(t).Errors; f[0].Location != "body.code" {
			t.Errorf("%+v", f)
		}
		old := g.key
		g.key = beginTOTP(t, e, p.token) // in place of the first
		if e.Do(t, with(confirms(e, old), p.token)).Status == 200 {
			t.Error("the secret that was replaced can be confirmed")
		}
		var out api.RecoveryCodes
		e.Do(t, with(confirms(e, g.key), p.token)).Want(t, 200).Decode(t, &out)
		if s := g.status(t); s != (api.TOTPStatus{Enabled: true, RecoveryCodesLeft: 10}) || len(out.RecoveryCodes) != 10 {
			t.Errorf("%+v, %v", s, out)
		}
		for _, again := range []httpapitest.Request{{Method: "POST", Path: totpPath}, confirms(e, g.key)} {
			e.Do(t, with(again, p.token)).Want(t, 409)
		}
		if n := count(t, e, "SELECT count(*) FROM audit_events WHERE actor = $1 AND kind = 'account' AND action IN ('totp.begin', 'totp.enable')", p.email); n != 3 {
			t.Errorf("%d audit entries, want two of begin and one of enable", n)
		}
	})
	t.Run("a device can read the secret", func(t *testing.T) {
		p := newPerson(t, e, api.RoleViewer)
		key := beginTOTP(t, e, p.token)
		uri, err := url.Parse(key.URI)
		if err != nil || uri.Scheme != "otpauth" || uri.Host != "totp" || uri.Path != "/Souk:"+p.email || uri.Query().Get("secret") != key.Secret || uri.Query().Get("issuer") != "Souk" {
			t.Errorf("%s, %v", key.URI, err)
		}
		picture, err := png.Decode(bytes.NewReader(key.QR))
		if err != nil || picture.Bounds().Dx() != 288 {
			t.Fatalf("%v, %v", picture, err)
		}
		if r, _, _, _ := picture.At(0, 0).RGBA(); r == 0 {
			t.Error("the picture has no light frame")
		}
	})
	t.Run("is asked for with the right password, and only then", func(t *testing.T) {
		g := newGuarded(t, e)
		if got := g.refused(t, ""); got != "second-factor-required" {
			t.Errorf("without a code: %s", got)
		}
		for _, code := range []string{"", codeAt(e, g.key)} {
			if got := g.login(t, "guess", code).Want(t, 401).Problem(t).Code; got != "login-failed" {
				t.Errorf("with a wrong password: %s", got)
			}
		}
		g.login(t, httpapitest.Password, codeAt(e, g.key)).Want(t, 200) // a guess used nothing up
		if n := count(t, e, "SELECT count(*) FROM audit_events WHERE actor = $1 AND action = 'session.create' AND details->>'secondFactor' = 'totp'", g.email); n != 1 {
			t.Errorf("%d audit entries say that there was one", n)
		}
	})
	t.Run("a code is taken once", func(t *testing.T) {
		g := newGuarded(t, e)
		code := codeAt(e, g.key)
		g.login(t, httpapitest.Password, code[:3]+" "+code[3:]).Want(t, 200)
		if got := g.refused(t, code); got != "second-factor-wrong" {
			t.Errorf("the second time: %s", got)
		}
		e.Clock.Advance(30 * time.Second)
		if got := g.refused(t, code); got != "second-factor-wrong" {
			t.Errorf("later, within what drift allows: %s", got)
		}
		g.login(t, httpapitest.Password, codeAt(e, g.key)).Want(t, 200)
	})
	t.Run("a code is taken once by many at once", func(t *testing.T) {
		g := newGuarded(t, e)
		code := codeAt(e, g.key)
		var wg sync.WaitGroup
		var in atomic.Int32
		for range 4 {
			wg.Go(func() {
				if g.login(t, httpapitest.Password, code).Status == 200 {
					in.Add(1)
				}
			})
		}
		wg.Wait()
		if in.Load() != 1 {
			t.Errorf("%d got in", in.Load())
		}
	})
	t.Run("one step of drift", func(t *testing.T) {
		for _, c := range []struct {
			drift time.Duration
			in    bool
		}{{-60 * time.Second, false}, {-30 * time.Second, true}, {30 * time.Second, true}, {60 * time.Second, false}} {
			g := newGuarded(t, e)
			e.Clock.Advance(2 * time.Minute)
			at := e.Clock.Now()
			e.Clock.Set(at.Add(c.drift))
			code := codeAt(e, g.key)
			e.Clock.Set(at)
			if in := g.login(t, httpapitest.Password, code).Status == 200; in != c.in {
				t.Errorf("a device that is %s off gets in: %v", c.drift, in)
			}
		}
	})
	t.Run("an old code is refused after a newer one", func(t *testing.T) {
		g := newGuarded(t, e)
		old := codeAt(e, g.key)
		e.Clock.Advance(30 * time.Second)
		g.login(t, httpapitest.Password, codeAt(e, g.key)).Want(t, 200)
		if got := g.refused(t, old); got != "second-factor-wrong" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("recovery codes, each once", func(t *testing.T) {
		g := newGuarded(t, e)
		g.login(t, httpapitest.Password, g.recovery[0]).Want(t, 200)
		if got := g.refused(t, g.recovery[0]); got != "second-factor-wrong" {
			t.Errorf("the second time: %s", got)
		}
		g.login(t, httpapitest.Password, strings.ToUpper(strings.ReplaceAll(g.recovery[1], "-", " "))).Want(t, 200)
		if s := g.status(t); s != (api.TOTPStatus{Enabled: true, RecoveryCodesLeft: 8}) {
			t.Errorf("%+v", s)
		}
		if got := newGuarded(t, e).refused(t, g.recovery[2]); got != "second-factor-wrong" {
			t.Errorf("with another's: %s", got)
		}
		if n := count(t, e, "SELECT count(*) FROM audit_events WHERE actor = $1 AND details->>'secondFactor' = 'recovery code'", g.email); n != 2 {
			t.Errorf("%d audit entries name it", n)
		}
	})
	t.Run("is taken away by who has it and knows the password", func(t *testing.T) {
		g := newGuarded(t, e)
		if f := g.disable(t, "guess", codeAt(e, g.key)).Want(t, 422).Problem(t).Errors; f[0].Location != "body.password" || f[0].Value != nil {
			t.Errorf("%+v", f)
		}
		if f := g.disable(t, httpapitest.Password, "000000").Want(t, 422).Problem(t).Errors; f[0].Location != "body.code" || f[0].Value != nil {
			t.Errorf("%+v", f)
		}
		g.disable(t, httpapitest.Password, codeAt(e, g.key)).Want(t, 204)
		g.login(t, httpapitest.Password, "").Want(t, 200)
		if s := g.status(t); s != (api.TOTPStatus{}) {
			t.Errorf("%+v", s)
		}
		g.disable(t, httpapitest.Password, g.recovery[0]).Want(t, 409)
		if n := count(t, e, "SELECT count(*) FROM audit_events WHERE actor = $1 AND action = 'totp.disable'", g.email); n != 1 {
			t.Errorf("%d audit entries", n)
		}
	})
	t.Run("new recovery codes take the place of the old", func(t *testing.T) {
		g := newGuarded(t, e)
		for field, got := range map[string]httpapitest.Response{"body.password": g.renew(t, "guess", codeAt(e, g.key)), "body.code": g.renew(t, httpapitest.Password, "000000")} {
			if f := got.Want(t, 422).Problem(t).Errors; f[0].Location != field || f[0].Value != nil {
				t.Errorf("%+v, want %s", f, field)
			}
		}
		var out api.RecoveryCodes
		g.renew(t, httpapitest.Password, g.recovery[0]).Want(t, 200).Decode(t, &out)
		if s := g.status(t); s != (api.TOTPStatus{Enabled: true, RecoveryCodesLeft: 10}) || len(out.RecoveryCodes) != 10 {
			t.Errorf("%+v, %v", s, out)
		}
		if got := g.refused(t, g.recovery[1]); got != "second-factor-wrong" {
			t.Errorf("with an old one: %s", got)
		}
		g.login(t, httpapitest.Password, out.RecoveryCodes[0]).Want(t, 200)
		if n := count(t, e, "SELECT count(*) FROM audit_events WHERE actor = $1 AND action = 'totp.renew-codes'", g.email); n != 1 {
			t.Errorf("%d audit entries", n)
		}
		guarded{person: newPerson(t, e, api.RoleViewer)}.renew(t, httpapitest.Password, "000000").Want(t, 409)
	})
	t.Run("each change is mailed to its person, in their language", func(t *testing.T) {
		for locale, words := range map[string][3]string{
			"en": {"The second factor is on", "You have new recovery codes", "The second factor is off"},
			"de": {"Der zweite Faktor ist eingeschaltet", "Sie haben neue Ersatzcodes", "Der zweite Faktor ist ausgeschaltet"},
		} {
			p := newPerson(t, e, api.RoleEditor)
			e.Do(t, httpapitest.Request{Method: "PATCH", Path: "/api/v1/account", Token: p.token, Body: map[string]string{"locale": locale}}).Want(t, 200)
			g := guarded{person: p, key: beginTOTP(t, e, p.token)}
			told := func(want ...string) {
				t.Helper()
				var subjects []string
				for _, m := range e.Mails(t, p.email) {
					subjects = append(subjects, m.Subject)
					if strings.Contains(m.Text, g.key.Secret) || len(g.recovery) > 0 && strings.Contains(m.Text, g.recovery[0]) || !strings.Contains(m.Text, "/password/forgot") {
						t.Errorf("the mail says %s", m.Text)
					}
				}
				if slices.Reverse(subjects); !slices.Equal(subjects, want) {
					t.Errorf("in %s: %q, want %q", locale, subjects, want)
				}
			}
			told()
			var out api.RecoveryCodes
			e.Do(t, with(confirms(e, g.key), p.token)).Want(t, 200).Decode(t, &out)
			g.recovery = out.RecoveryCodes
			told(words[0])
			g.disable(t, "guess", g.recovery[0]).Want(t, 422)
			g.renew(t, httpapitest.Password, "000000").Want(t, 422)
			told(words[0])
			g.renew(t, httpapitest.Password, g.recovery[0]).Want(t, 200).Decode(t, &out)
			g.recovery = out.RecoveryCodes
			told(words[0], words[1])
			g.disable(t, httpapitest.Password, g.recovery[0]).Want(t, 204)
			told(words[:]...)
		}
	})
	t.Run("its secrets are not kept readable", func(t *testing.T) {
		g := newGuarded(t, e)
		n := count(t, e, `SELECT count(*) FROM totp t LEFT JOIN recovery_codes r USING (account_id)
			WHERE t::text || r::text LIKE '%' || $1 || '%' OR t.sealed = $1::text::bytea OR position($1::text::bytea IN t.sealed) > 0 OR t::text || r::text LIKE '%' || $2 || '%'`, g.key.Secret, g.recovery[0])
		if n != 0 {
			t.Error("the record shows a secret")
		}
	})
}

// Codes go by real time: what development moves is Souk's clock only.
func TestAMovedClockBreaksNoCode(t *testing.T) {
	e := httpapitest.New(t)
	g := newGuarded(t, e)
	e.Server.Clock.(*clock.Offset).Raise(90*24*time.Hour, time.Time{})
	g.login(t, httpapitest.Password, codeAt(e, g.key)).Want(t, 200)
}

// Wrong codes count as wrong passwords do, also for somebody who has the password.
func TestCodeGuesser(t *testing.T) {
	e := httpapitest.New(t, proxied)
	g := newGuarded(t, e)
	try := func(code string) httpapitest.Response {
		return e.Do(t, httpapitest.Request{
			Method: "POST", Path: "/api/v1/login", Body: api.LoginRequest{Email: g.email, Password: httpapitest.Password, Code: code}, Header: map[string]string{"X-Forwarded-For": "203.0.113.7"},
		})
	}
	for range 4 {
		try("000000").Want(t, 401)
	}
	try(codeAt(e, g.key)).Want(t, 429)

	t.Run("of the password, to take the second factor away", func(t *testing.T) {
		for range 5 {
			g.disable(t, "guess", "").Want(t, 422)
		}
		g.disable(t, httpapitest.Password, codeAt(e, g.key)).Want(t, 429)
	})
}

// A repeat of a request shows no recovery code again.
func TestConfirmRepeated(t *testing.T) {
	e := httpapitest.New(t)
	p := newPerson(t, e, api.RoleViewer)
	key := beginTOTP(t, e, p.token)
	q := with(confirms(e, key), p.token)
	q.Key = "once"
	var first, second api.RecoveryCodes
	e.Do(t, q).Want(t, 200).Decode(t, &first)
	e.Do(t, q).Want(t, 200).Decode(t, &second)
	if len(first.RecoveryCodes) != 10 || len(second.RecoveryCodes) != 0 {
		t.Errorf("%v, then %v", first, second)
	}
}
