//go:build browser

package browser

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/sso"
	"souk/internal/sso/conformance"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// TestSSOConformance holds single sign-on with a real provider to what it does with
// the fake.
func TestSSOConformance(t *testing.T) {
	install(t)
	e := httpapitest.New(t, func(c *httpapi.Config) {
		real := c.SSO.Config
		real.Real = time.Now // as the provider has it
		c.SSO = sso.New(real)
	})
	p := startProvider(t, sso.URIsAt(e.URL))
	conformance.Test(t, e, conformance.Target{Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, Know: p.know, SignIn: p.signIn})
}

// provider is a running provider.mjs.
type provider struct {
	Issuer, ClientID, ClientSecret string
	person                         string // that signs in
}

func startProvider(t *testing.T, at sso.URIs) *provider {
	t.Helper()
	cmd := exec.Command("node", "provider.mjs", at.Redirect, at.SignedOut)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // it ends then
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{}
	if err := json.Unmarshal(line, p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *provider) know(t testing.TB, who conformance.Person) {
	t.Helper()
	p.person = who.Subject
	claims, err := json.Marshal(map[string]any{"email": who.Email, "email_verified": who.Verified, "groups": who.Groups})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPut, p.Issuer+"/people/"+who.Subject, strings.NewReader(string(claims)))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

var action = regexp.MustCompile(`<form[^>]* action="([^"]*)"`)

// signIn fills in the provider's forms, as a person does.
func (p *provider) signIn(t testing.TB, address string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), p.Issuer) {
			return nil
		}
		return http.ErrUseLastResponse
	}}
	resp, err := browser.Get(address)
	for _, form := range []url.Values{{"prompt": {"login"}, "login": {p.person}, "password": {"any"}}, {"prompt": {"consent"}}} {
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusOK {
			break
		}
		page, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		to := action.FindSubmatch(page)
		if to == nil {
			t.Fatalf("there is no form: %s", page)
		}
		resp, err = browser.PostForm(string(to[1]), form)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	return back.Query()
}
