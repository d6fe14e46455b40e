package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	server "github.com/emersion/go-smtp"
	"github.com/google/uuid"
)

// mailServer is a real one, in this process.
type mailServer struct {
	port    int
	refuses map[string]*server.SMTPError // by recipient

	mu   sync.Mutex
	from []string
	to   []string
	data [][]byte
}

const user, password = "souk", "correct horse"

// serve starts a mail server that offers TLS in the given way, and asks for a
// log-in unless TLS is "none".
func serve(t *testing.T, offers string, cert *tls.Config) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailServer{port: l.Addr().(*net.TCPAddr).Port, refuses: map[string]*server.SMTPError{}}
	srv := server.NewServer(server.BackendFunc(func(*server.Conn) (server.Session, error) {
		return &session{s: s, in: offers == "none"}, nil
	}))
	srv.Domain, srv.ReadTimeout, srv.WriteTimeout, srv.ErrorLog = "mail.test", 10*time.Second, 10*time.Second, silent{}
	switch offers {
	case "starttls":
		srv.TLSConfig = cert
	case "implicit":
		l = tls.NewListener(l, cert)
	}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return s
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

type session struct {
	s        *mailServer
	in       bool
	from, to string
}

func (*session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, name, secret string) error {
		if name != user || secret != password {
			return server.ErrAuthFailed
		}
		c.in = true
		return nil
	}), nil
}

func (c *session) Mail(from string, _ *server.MailOptions) error {
	if !c.in {
		return server.ErrAuthRequired
	}
	c.from = from
	return nil
}

func (c *session) Rcpt(to string, _ *server.RcptOptions) error {
	c.to = to
	if err := c.s.refuses[to]; err != nil {
		return err
	}
	return nil
}

func (c *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.from, c.s.to, c.s.data = append(c.s.from, c.from), append(c.s.to, c.to), append(c.s.data, raw)
	return err
}

func (*session) Reset()        {}
func (*session) Logout() error { return nil }

// certificate is one for 127.0.0.1, and what it is verified by.
func certificate(t *testing.T) (offered, roots *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

func client(t *testing.T, s *mailServer, roots *tls.Config, change func(c *Config)) *SMTP {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Config{Host: "127.0.0.1", Port: s.port, From: "Souk <noreply@souk.example>", Username: user, PasswordFile: file}
	change(&c)
	if c.TLS == "none" {
		c.Username, c.PasswordFile = "", ""
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	out, err := NewSMTP(c)
	if err != nil {
		t.Fatal(err)
	}
	out.roots = roots
	return out
}

func example() Mail {
	return Mail{ID: uuid.New(), To: "ann@example.org", Subject: "Bestätigen Sie", Text: "Grüezi\n.\nwohl\n", HTML: "<p>Grüezi</p>"}
}

// Mail reaches a real server over each kind of connection, with both parts.
func TestSMTP(t *testing.T) {
	offered, roots := certificate(t)
	for _, way := range []string{"starttls", "implicit", "none"} {
		t.Run(way, func(t *testing.T) {
			s := serve(t, way, offered)
			m := example()
			if err := client(t, s, roots, func(c *Config) { c.TLS = way }).Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			if len(s.data) != 1 || s.from[0] != "noreply@souk.example" || s.to[0] != m.To {
				t.Fatalf("from %v to %v: %d mails", s.from, s.to, len(s.data))
			}
			header, parts := read(t, s.data[0])
			subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
			if err != nil || subject != m.Subject || header.Get("Message-ID") != "<"+m.ID.String()+"@souk.example>" || header.Get("To") != "<ann@example.org>" || header.Get("From") != `"Souk" <noreply@souk.example>` {
				t.Errorf("header %v", header)
			}
			if len(parts) != 2 || parts[0] != "text/plain\n"+m.Text || parts[1] != "text/html\n"+m.HTML {
				t.Errorf("parts %q", parts)
			}
		})
	}
}

// read takes a mail apart; each part is its type and its content.
func read(t *testing.T, raw []byte) (mail.Header, []string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("it is %s, %v", kind, err)
	}
	var parts []string
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if err != nil {
			return m.Header, parts
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, kind+"\n"+strings.ReplaceAll(string(content), "\r\n", "\n"))
	}
}

// Passwords and links are not sent in the clear, nor to whoever answers.
func TestSMTPWithoutTLSIsRefused(t *testing.T) {
	offered, roots := certificate(t)
	for _, c := range []struct {
		name, offers string
		roots        *tls.Config
	}{
		{"a server without TLS", "plain", roots},
		{"a certificate of nobody's", "starttls", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.offers, offered)
			if err := client(t, s, c.roots, func(*Config) {}).Send(t.Context(), example()); err == nil || len(s.data) != 0 {
				t.Errorf("sent %d mails, %v", len(s.data), err)
			} else if strings.Contains(err.Error(), password) {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestSMTPRefusals(t *testing.T) {
	offered, roots := certificate(t)
	s := serve(t, "starttls", offered)
	s.refuses["gone@example.org"] = &server.SMTPError{Code: 550, Message: "no such user"}
	s.refuses["full@example.org"] = &server.SMTPError{Code: 452, Message: "mailbox full"}
	for _, c := range []struct {
		name, to  string
		change    func(c *Config)
		permanent bool
	}{
		{"nobody there", "gone@example.org", func(*Config) {}, true},
		{"a full mailbox", "full@example.org", func(*Config) {}, false},
		{"a wrong password", "ann@example.org", func(c *Config) { c.Username = "other" }, false},
		{"no server", "ann@example.org", func(c *Config) { c.Port = 1 }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := example()
			m.To = c.to
			err := client(t, s, roots, c.change).Send(t.Context(), m)
			var permanent *PermanentError
			if err == nil || errors.As(err, &permanent) != c.permanent {
				t.Errorf("%v", err)
			}
			if err != nil && strings.Contains(err.Error(), password) {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

// Line ends in what others chose add neither headers nor recipients.
func TestHeadersCannotBeSmuggledIn(t *testing.T) {
	s := serve(t, "none", nil)
	out := client(t, s, nil, func(c *Config) { c.TLS = "none" })
	for _, attack := range []func(m *Mail){
		func(m *Mail) { m.To = "ann@example.org\r\nBcc: all@example.org" },
		func(m *Mail) { m.To = "ann@example.org>\r\nRCPT TO:<all@example.org" },
		func(m *Mail) { m.Subject = "x\r\nBcc: all@example.org" },
		func(m *Mail) { m.Subject = "x\nBcc: all@example.org" },
	} {
		m := example()
		attack(&m)
		var permanent *PermanentError
		if err := out.Send(context.Background(), m); !errors.As(err, &permanent) {
			t.Errorf("%+v: %v", m, err)
		}
	}
	if len(s.data) != 0 {
		t.Errorf("%d mails were sent", len(s.data))
	}
	m := example()
	m.Text = "x\r\n.\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<all@example.org>\r\nDATA\r\n"
	if err := out.Send(t.Context(), m); err != nil || len(s.data) != 1 {
		t.Errorf("%d mails, %v", len(s.data), err)
	}
}

func TestConfigCheck(t *testing.T) {
	good := Config{Host: "mail.example", From: "Souk <noreply@souk.example>"}
	for _, c := range []struct {
		change func(c *Config)
		want   string
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.From = "nobody" }, "mail.from"},
		{func(c *Config) { c.From = "a@b.example\r\nBcc: c@d.example" }, "mail.from"},
		{func(c *Config) { c.TLS = "maybe" }, "mail.tls"},
		{func(c *Config) { c.Username = "x" }, "go together"},
		{func(c *Config) { c.Username, c.PasswordFile, c.TLS = "x", "y", "none" }, "in the clear"},
	} {
		config := good
		c.change(&config)
		err := config.Check()
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", config, err, c.want)
		}
	}
	for address, ok := range map[string]bool{"https://souk.example": true, "http://127.0.0.1:8080/": true, "souk.example": false, "javascript:alert(1)": false, "https://a:b@souk.example": false, "https://souk.example/?x": false} {
		if err := CheckPublicURL(address); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
}
