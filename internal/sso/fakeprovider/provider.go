// Package fakeprovider is an OpenID Connect provider for tests. It does what one
// has to, and on demand what one must not.
package fakeprovider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// The client that a Provider knows.
const (
	ClientID     = "souk"
	ClientSecret = "fake-client-secret"
)

// Claims are what the provider says of a person.
type Claims map[string]any

// Provider signs in whom it is told to, without asking.
type Provider struct {
	URL    string // the issuer
	server *httptest.Server
	now    func() time.Time

	mu     sync.Mutex
	key    *ecdsa.PrivateKey
	person Claims
	codes  map[string]issued
	tokens map[string]Claims
	fetch  int
	// What a test breaks.
	down     bool
	document func(map[string]any)
	claims   func(Claims)
	sign     func(payload []byte) string
}

type issued struct {
	person                    Claims
	nonce, challenge, address string
}

// Start returns a running Provider.
func Start(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	p := &Provider{now: now, codes: map[string]issued{}, tokens: map[string]Claims{}, key: NewKey()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	mux.HandleFunc("GET /signout", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.FormValue("post_logout_redirect_uri"), http.StatusSeeOther)
	})
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.is(func() bool { return p.down }) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	p.URL = p.server.URL
	t.Cleanup(p.server.Close)
	return p
}

// NewKey returns a key to sign with.
func NewKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // never fails
	}
	return key
}

func (p *Provider) is(f func() bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return f()
}

func (p *Provider) set(f func()) { p.is(func() bool { f(); return true }) }

// Person makes the provider sign this one in from now on.
func (p *Provider) Person(c Claims) { p.set(func() { p.person = c }) }

// Down makes the provider fail, or work again.
func (p *Provider) Down(down bool) { p.set(func() { p.down = down }) }

// Close makes the provider be gone.
func (p *Provider) Close() { p.server.Close() }

// Document changes what the provider says of itself.
func (p *Provider) Document(change func(map[string]any)) { p.set(func() { p.document = change }) }

// Claims changes what stands in ID tokens.
func (p *Provider) Claims(change func(Claims)) { p.set(func() { p.claims = change }) }

// Sign changes how ID tokens are signed.
func (p *Provider) Sign(sign func(payload []byte) string) { p.set(func() { p.sign = sign }) }

// Rotate makes the provider sign with another key.
func (p *Provider) Rotate() { p.set(func() { p.key = NewKey() }) }

// Honest undoes all that was changed.
func (p *Provider) Honest() {
	p.set(func() { p.down, p.document, p.claims, p.sign = false, nil, nil, nil })
}

// KeysFetched is how often somebody asked for the keys.
func (p *Provider) KeysFetched() (n int) {
	p.set(func() { n = p.fetch })
	return n
}

// SignIn does what a browser does with the address that Souk sends it to, and
// returns what it is sent back with.
func (p *Provider) SignIn(t testing.TB, address string) url.Values {
	t.Helper()
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	return to.Query()
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	d := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo",
		"end_session_endpoint": p.URL + "/signout", "response_types_supported": []string{"code"}, "code_challenge_methods_supported": []string{"S256"},
		"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}, "authorization_response_iss_parameter_supported": true, "scopes_supported": []string{"openid", "email", "groups"},
	}
	p.set(func() {
		if p.document != nil {
			p.document(d)
		}
	})
	answer(w, http.StatusOK, d)
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	var key *ecdsa.PrivateKey
	p.set(func() { key = p.key; p.fetch++ })
	public, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	answer(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": keyID(key), "x": b64(public[1:33]), "y": b64(public[33:]),
	}}})
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("state") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.set(func() {
		p.codes[code] = issued{p.person, q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri")}
	})
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.URL}}.Encode(), http.StatusSeeOther)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	if id, secret, _ := r.BasicAuth(); id != ClientID || secret != ClientSecret {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i, ok := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !ok || i.challenge != b64(challenge[:]) || i.address != r.FormValue("redirect_uri") {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := maps.Clone(i.person)
	maps.Copy(claims, Claims{"iss": p.URL, "aud": ClientID, "iat": p.now().Unix(), "exp": p.now().Add(5 * time.Minute).Unix(), "nonce": i.nonce})
	if p.claims != nil {
		p.claims(claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	sign := func(payload []byte) string { return ES256(p.key, payload) }
	if p.sign != nil {
		sign = p.sign
	}
	access := rand.Text()
	p.tokens[access] = i.person
	answer(w, http.StatusOK, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": sign(payload)})
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	var claims Claims
	p.set(func() { claims = p.tokens[r.Header.Get("Authorization")[len("Bearer "):]] })
	answer(w, http.StatusOK, claims)
}

// ES256 signs as a provider does.
func ES256(key *ecdsa.PrivateKey, payload []byte) string {
	text := b64([]byte(`{"alg":"ES256","typ":"JWT","kid":"`+keyID(key)+`"}`)) + "." + b64(payload)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// Unsigned is a token that nobody signed.
func Unsigned(payload []byte) string { return b64([]byte(`{"alg":"none"}`)) + "." + b64(payload) + "." }

func keyID(key *ecdsa.PrivateKey) string {
	public, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(public)
	return b64(sum[:8])
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func answer(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document)
}

// HS256 signs with a secret that the client has too, which proves nothing.
func HS256(secret, payload []byte) string {
	text := b64([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + b64(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(text))
	return text + "." + b64(mac.Sum(nil))
}

// Serve is a provider that does what it likes; it returns its address.
func Serve(t testing.TB, serve http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	return server.URL
}
