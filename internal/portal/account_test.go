package portal_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

func TestProfile(t *testing.T) {
	s := newSite(t)
	ann := s.person(t, httpapitest.Own, "ann@acme.example", api.RoleEditor)
	ann.get(t, "/account").leads(t, "/account/profile")
	ann.get(t, "/account/profile").want(t, http.StatusOK, "Your account").says(t, "ann@acme.example", httpapitest.Own, "Editor")
	got := ann.post(t, "/account/profile", url.Values{"name": {hostile}, "locale": {"de"}, "timeZone": {"Asia/Tokyo"}})
	got.leads(t, "/account/profile?done=profile-kept")
	if !strings.Contains(got.header.Get("Set-Cookie"), "souk-lang=de") {
		t.Errorf("the browser is told %q", got.header.Get("Set-Cookie"))
	}
	ann.get(t, "/account/profile?done=profile-kept").says(t, hostile, "Profile kept.", "Asia/Tokyo").lacks(t, "<script>alert")
	wrong := ann.post(t, "/account/profile", url.Values{"name": {"Ann"}, "locale": {"de"}, "timeZone": {"Nowhere"}})
	wrong.want(t, http.StatusUnprocessableEntity, `id="timeZone-problem"`, `value="Nowhere"`)
	s.person(t, "", "nobody@acme.example", "").get(t, "/account/profile").says(t, "You belong to no organization yet")
	for _, path := range []string{"/account/profile", "/account/password", "/account/sessions", "/account/second-factor", "/device?code=WDJB-MJHT"} {
		s.as("").get(t, path).leads(t, "/login?return="+url.QueryEscape(path))
	}
}

func TestPasswordPage(t *testing.T) {
	s := newSite(t)
	ann := s.person(t, httpapitest.Own, "ann@acme.example", api.RoleEditor)
	other := s.Session(t, "ann@acme.example")
	form := func(current, password, repeat string) url.Values {
		return url.Values{"current": {current}, "new": {password}, "repeat": {repeat}}
	}
	const fresh = "another horse battery"
	ann.get(t, "/account/password").says(t, "ends all your other sessions")
	for _, c := range []struct {
		form  url.Values
		field string
	}{
		{form(httpapitest.Password, fresh, "something else"), "repeat"}, {form("guess", fresh, fresh), "current"}, {form(httpapitest.Password, "short", "short"), "new"},
	} {
		ann.post(t, "/account/password", c.form).want(t, http.StatusUnprocessableEntity, `id="`+c.field+`-problem"`).lacks(t, fresh, httpapitest.Password)
	}
	ann.post(t, "/account/password", form(httpapitest.Password, fresh, fresh)).leads(t, "/account/password?done=password-changed")
	ann.get(t, "/account/password?done=password-changed").says(t, "All your other sessions have ended.")
	s.people["other"] = other
	s.as("other").get(t, own).leads(t, "/login?return="+url.QueryEscape(own))
}

func TestSessionsPage(t *testing.T) {
	s := newSite(t)
	ann := s.person(t, httpapitest.Own, "ann@acme.example", api.RoleEditor)
	ann.get(t, "/account/sessions").says(t, "This one").lacks(t, "end-others")
	other := api.LoginRequest{Email: "ann@acme.example", Password: httpapitest.Password}
	s.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/login", Body: other, Header: map[string]string{
		"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}}).Want(t, 200)
	for _, agent := range []string{"souk/1.2.0", hostile} {
		s.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/login", Body: other, Header: map[string]string{"User-Agent": agent}}).Want(t, 200)
	}
	list := ann.get(t, "/account/sessions").says(t, "Firefox on Linux", "Souk command line 1.2.0", hostile, "127.0.0.1").lacks(t, "<script>alert")
	id := regexp.MustCompile(`/account/sessions/([0-9a-f-]{36})/end"`).FindStringSubmatch(list.text)[1]
	s.as("stranger").post(t, "/account/sessions/"+id+"/end", nil).want(t, http.StatusNotFound)
	ann.post(t, "/account/sessions/"+id+"/end", nil).leads(t, "/account/sessions?done=session-ended")
	ann.get(t, "/account/sessions").lacks(t, id)
	ann.post(t, "/account/sessions/end-others", nil).leads(t, "/account/sessions?done=sessions-ended")
	ann.get(t, "/account/sessions").says(t, "This one").lacks(t, "Firefox on Linux")
}

// codeFor is what the person's device shows.
func (s *site) codeFor(t testing.TB, secret string) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, s.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// guarded sets a second factor up in the portal.
func (b *browser) guarded(t testing.TB) (secret string, recovery []string) {
	t.Helper()
	const path = "/account/second-factor"
	begun := b.post(t, path+"/begin", url.Values{"key": {b.get(t, path).field(t, "key")}}).want(t, http.StatusOK, `src="data:image/png;base64,`, `href="otpauth://totp/`)
	secret = begun.between(t, `data-copy="`, `"`)
	page := b.post(t, path+"/confirm", url.Values{"key": {begun.field(t, "key")}, "code": {b.codeFor(t, secret)}}).want(t, http.StatusOK, "download=")
	for _, part := range strings.Split(page.text, "<li><code>")[1:] {
		code, _, _ := strings.Cut(part, "<")
		recovery = append(recovery, code)
	}
	return secret, recovery
}

func TestSecondFactorPages(t *testing.T) {
	s := newSite(t)
	ann := s.person(t, httpapitest.Own, "ann@acme.example", api.RoleEditor)
	const path = "/account/second-factor"

	key := url.Values{"key": {ann.get(t, path).says(t, "Off").field(t, "key")}}
	begun := ann.post(t, path+"/begin", key).want(t, http.StatusOK)
	secret := begun.between(t, `data-copy="`, `"`)
	if again := ann.post(t, path+"/begin", key).between(t, `data-copy="`, `"`); again != secret {
		t.Error("loaded again, the page has another secret")
	}
	wrong := ann.post(t, path+"/confirm", url.Values{"key": {begun.field(t, "key")}, "code": {"000000"}}).want(t, http.StatusUnprocessableEntity, `id="code-problem"`)
	if again := wrong.between(t, `data-copy="`, `"`); again != secret {
		t.Error("after a wrong code, the page has another secret")
	}
	right := url.Values{"key": {begun.field(t, "key")}, "code": {s.codeFor(t, secret)}}
	codes := ann.post(t, path+"/confirm", right).want(t, http.StatusOK).says(t, "Recovery codes")
	if n := strings.Count(codes.text, "<li><code>"); n != 10 {
		t.Errorf("%d recovery codes", n)
	}
	ann.post(t, path+"/confirm", right).want(t, http.StatusOK).says(t, "is on already").lacks(t, "<li><code>")
	ann.get(t, path).says(t, "On", "10 recovery codes are left").lacks(t, secret)

	s.Clock.Advance(time.Minute)
	renew := func(password, code string) page {
		return ann.post(t, path+"/codes", url.Values{"password": {password}, "code": {code}})
	}
	old := strings.Split(codes.text, "<li><code>")[1][:19]
	renew("guess", s.codeFor(t, secret)).want(t, http.StatusUnprocessableEntity, `id="renew-password-problem"`).lacks(t, "off-password-problem")
	renew(httpapitest.Password, "000000").want(t, http.StatusUnprocessableEntity, `id="renew-code-problem"`).lacks(t, httpapitest.Password, "off-code-problem")
	codes = renew(httpapitest.Password, old).want(t, http.StatusOK).says(t, "your new recovery codes").lacks(t, old)
	if n := strings.Count(codes.text, "<li><code>"); n != 10 {
		t.Errorf("%d new recovery codes", n)
	}
	renew(httpapitest.Password, old).want(t, http.StatusUnprocessableEntity).lacks(t, "<li><code>") // as the page loaded again does
	ann.get(t, path).says(t, "10 recovery codes are left")

	off := func(password, code string) page {
		return ann.post(t, path+"/disable", url.Values{"password": {password}, "code": {code}})
	}
	off("guess", s.codeFor(t, secret)).want(t, http.StatusUnprocessableEntity, `id="off-password-problem"`).lacks(t, "renew-password-problem")
	off(httpapitest.Password, "000000").want(t, http.StatusUnprocessableEntity, `id="off-code-problem"`).lacks(t, httpapitest.Password)
	s.Clock.Advance(time.Minute) // so many wrong tries cost a wait
	off(httpapitest.Password, s.codeFor(t, secret)).leads(t, path+"?done=factor-off")
	ann.get(t, path).says(t, "Off")
}

// cookies are those that an answer sets, by name; "" is one that it takes away.
func (p page) cookies() map[string]string {
	found := map[string]string{}
	for _, c := range (&http.Response{Header: p.header}).Cookies() {
		found[c.Name] = c.Value
	}
	return found
}

func TestLoginInTwoSteps(t *testing.T) {
	s := newSite(t)
	ann := s.person(t, httpapitest.Own, "ann@acme.example", api.RoleEditor)
	secret, recovery := ann.guarded(t)
	s.Clock.Advance(time.Minute)
	nobody := s.as("")
	first := func(t *testing.T, back string) string {
		t.Helper()
		got := nobody.post(t, "/login", url.Values{"email": {"ann@acme.example"}, "password": {httpapitest.Password}, "return": {back}})
		got.lacks(t, httpapitest.Password).leads(t, "/login/code?return="+url.QueryEscape(back))
		if got.cookies()["souk"] != "" {
			t.Error("there is a session after the first step")
		}
		return got.cookies()["souk-login"]
	}
	second := func(t *testing.T, ticket string, form url.Values) page {
		t.Helper()
		return s.ask(t, "", "POST", "/login/code", form, map[string]string{"Cookie": "souk-login=" + ticket})
	}

	t.Run("by a code", func(t *testing.T) {
		ticket := first(t, "/device?code=WDJB-MJHT")
		s.ask(t, "", "GET", "/login/code?return=%2Fdevice", nil, map[string]string{"Cookie": "souk-login=" + ticket}).want(t, http.StatusOK, "one-time-code").lacks(t, ticket)
		second(t, ticket, url.Values{"code": {"000000"}}).want(t, http.StatusUnprocessableEntity).says(t, "The code is wrong")
		in := second(t, ticket, url.Values{"code": {s.codeFor(t, secret)}, "return": {"/device?code=WDJB-MJHT"}})
		in.leads(t, "/device?code=WDJB-MJHT")
		if c := in.cookies(); !strings.HasPrefix(c["souk"], "souk_") || c["souk-login"] != "" {
			t.Errorf("%v", c)
		}
		second(t, ticket, url.Values{"code": {recovery[9]}}).want(t, http.StatusUnprocessableEntity).says(t, "took too long")
	})
	t.Run("by a recovery code", func(t *testing.T) {
		ticket := first(t, "/")
		s.ask(t, "", "GET", "/login/code?recovery=1", nil, map[string]string{"Cookie": "souk-login=" + ticket}).want(t, http.StatusOK).says(t, "Recovery code")
		second(t, ticket, url.Values{"code": {recovery[0]}, "recovery": {"1"}, "return": {"/"}}).leads(t, own)
	})
	t.Run("leads to ourselves only", func(t *testing.T) {
		for i, evil := range []string{"//evil.example", "https://evil.example/", `/\evil.example`} {
			second(t, first(t, "/"), url.Values{"code": {recovery[1+i]}, "return": {evil}}).leads(t, own)
		}
		s.get(t, "", "/login/code?return=https://evil.example/").leads(t, "/login?return=%2F")
	})
	t.Run("not without the first", func(t *testing.T) {
		for _, ticket := range []string{"", "souklogin_x", s.people["owner"]} {
			if got := second(t, ticket, url.Values{"code": {recovery[5]}}); got.status != http.StatusUnprocessableEntity || got.cookies()["souk"] != "" {
				t.Errorf("status %d, %v", got.status, got.cookies())
			}
		}
	})
}

func TestDevicePage(t *testing.T) {
	s := newSite(t)
	ann := s.person(t, httpapitest.Own, "ann@acme.example", api.RoleEditor)
	begin := func(t *testing.T) (d api.DeviceCodes) {
		s.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/device", Body: api.DeviceStart{Client: hostile}}).Want(t, 200).Decode(t, &d)
		return d
	}
	told := func(t *testing.T, d api.DeviceCodes) int {
		return s.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/device/token", Body: api.DeviceExchange{DeviceCode: d.DeviceCode}}).Status
	}

	t.Run("approves by a form only", func(t *testing.T) {
		d := begin(t)
		path := "/device?code=" + d.UserCode
		asked := ann.get(t, path).want(t, http.StatusOK).says(t, d.UserCode, hostile, "127.0.0.1", "ann@acme.example").lacks(t, "<script>alert")
		for _, path := range []string{"/device/approve?code=" + d.UserCode, "/device/deny?code=" + d.UserCode} {
			if got := ann.get(t, path); got.status == http.StatusOK || got.status == http.StatusSeeOther {
				t.Errorf("%s answers %d", path, got.status)
			}
		}
		if got := told(t, d); got != 400 {
			t.Fatalf("looking at the page has logged the device in: %d", got)
		}
		s.Clock.Advance(10 * time.Second)
		ann.post(t, "/device/approve", url.Values{"code": {asked.field(t, "code")}}).leads(t, "/device?done=device-approved")
		if got := told(t, d); got != 200 {
			t.Errorf("the device is told %d", got)
		}
	})
	t.Run("is denied", func(t *testing.T) {
		d := begin(t)
		ann.post(t, "/device/deny", url.Values{"code": {d.UserCode}}).leads(t, "/device?done=device-denied")
		if got := told(t, d); got != 400 {
			t.Errorf("the device is told %d", got)
		}
		ann.post(t, "/device/approve", url.Values{"code": {d.UserCode}}).want(t, http.StatusUnprocessableEntity).says(t, "No device waits with this code")
	})
	t.Run("another site's link looks no code up, and its form is refused", func(t *testing.T) {
		d := begin(t)
		elsewhere := map[string]string{"Sec-Fetch-Site": "cross-site"}
		for range 10 {
			s.ask(t, ann.who, "GET", "/device?code=BBBB-BBBB", nil, elsewhere).want(t, http.StatusOK).lacks(t, "No device waits")
		}
		s.ask(t, ann.who, "POST", "/device/approve", url.Values{"code": {d.UserCode}}, elsewhere).want(t, http.StatusForbidden)
		if got := told(t, d); got != 400 {
			t.Errorf("the device is told %d", got)
		}
		ann.post(t, "/device", url.Values{"code": {strings.ToLower(d.UserCode)}}).want(t, http.StatusOK).says(t, "A device asks to be logged in")
	})
	t.Run("is asked for anew after the log-in", func(t *testing.T) {
		s.as("").get(t, "/device?code=WDJB-MJHT").leads(t, "/login?return=%2Fdevice%3Fcode%3DWDJB-MJHT")
	})
}
