package cookie

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestLocalPath(t *testing.T) {
	for path, ok := range map[string]bool{
		"/": true, "/acme/default?sort=name#top": true, "/a//b": true,
		"": false, "acme": false, "//evil.example": false, `/\evil.example`: false, "https://evil.example/": false,
		"/\t/evil.example": false, "/x\r\nSet-Cookie: a=b": false, "javascript:alert(1)": false, "/%zz": false, `\\evil.example`: false,
	} {
		want := "/home"
		if ok {
			want = path
		}
		if got := LocalPath(path, "/home"); got != want {
			t.Errorf("LocalPath(%q) is %q, want %q", path, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	f.Add("//evil.example")
	f.Fuzz(func(t *testing.T, path string) {
		got := LocalPath(path, "/home")
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.Contains(got, `\`) {
			t.Errorf("LocalPath(%q) is %q", path, got)
		}
	})
}

func TestSession(t *testing.T) {
	for _, s := range []Session{{Secure: false}, {Secure: true}} {
		w := httptest.NewRecorder()
		s.Set(w, "souk_secret", time.Now().Add(time.Hour))
		line := w.Header().Get("Set-Cookie")
		for _, want := range []string{"Path=/", "HttpOnly", "SameSite=Lax"} {
			if !strings.Contains(line, want) {
				t.Errorf("%q lacks %s", line, want)
			}
		}
		if strings.Contains(line, "Domain") || strings.Contains(line, "Secure") != s.Secure || strings.HasPrefix(line, "__Host-") != s.Secure {
			t.Errorf("%q with %+v", line, s)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", strings.Split(line, ";")[0])
		if got := s.Secret(r); got != "souk_secret" {
			t.Errorf("read %q", got)
		}
		gone := httptest.NewRecorder()
		s.Clear(gone)
		if line := gone.Header().Get("Set-Cookie"); !strings.Contains(line, "Max-Age=0") {
			t.Errorf("cleared by %q", line)
		}
	}
}
