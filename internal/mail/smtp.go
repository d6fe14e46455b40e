package mail

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"strings"
	"time"

	smtp "github.com/wneessen/go-mail"
)

// Config says which mail server takes the mails.
type Config struct {
	Host string `json:"host"`
	// Port; 0: 587, or 465 with tls "implicit".
	Port int `json:"port,omitempty"`
	// Username and PasswordFile, where the server asks for them.
	Username     string `json:"username,omitempty"`
	PasswordFile string `json:"passwordFile,omitempty"`
	// TLS is "starttls" (the default), "implicit", or "none" for a server on
	// this machine. With either of the first two, a server without it is refused.
	TLS string `json:"tls,omitempty"`
	// From is the sender, "Souk <noreply@souk.example>".
	From string `json:"from"`
}

// Check says what is wrong with the configuration.
func (c Config) Check() error {
	from, err := mail.ParseAddress(c.From)
	switch {
	case err != nil || CheckAddress("from", from.Address) != nil:
		return fmt.Errorf("mail.from has to be an address such as \"Souk <noreply@souk.example>\", not %q", c.From)
	case c.TLS != "" && c.TLS != "starttls" && c.TLS != "implicit" && c.TLS != "none":
		return fmt.Errorf("mail.tls has to be starttls, implicit or none, not %q", c.TLS)
	case c.Username != "" && c.TLS == "none":
		return errors.New("mail.username needs mail.tls starttls or implicit: a password is not sent in the clear")
	case (c.Username == "") != (c.PasswordFile == ""):
		return errors.New("mail.username and mail.passwordFile go together")
	}
	return nil
}

// CheckPublicURL says what is wrong with the base of the links in mails.
func CheckPublicURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("publicURL has to be the address that people open Souk at, such as https://souk.example, not %q", text)
	}
	return nil
}

// SMTP sends mails through a mail server.
type SMTP struct {
	config   Config
	password string
	roots    *tls.Config
}

// NewSMTP reads the password. It does not connect.
func NewSMTP(c Config) (*SMTP, error) {
	s := &SMTP{config: c}
	if c.PasswordFile != "" {
		raw, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read mail.passwordFile: %w", err)
		}
		s.password = strings.TrimRight(string(raw), "\r\n")
	}
	return s, nil
}

// connectWithin bounds each step of speaking with the server.
const connectWithin = 20 * time.Second

// Send implements Sender. Each mail has a connection of its own.
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	msg, err := s.message(m)
	if err != nil {
		return &PermanentError{err}
	}
	client, err := smtp.NewClient(s.config.Host, s.options()...)
	if err != nil {
		return fmt.Errorf("the mail server cannot be used: %w", err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	defer client.CloseWithSMTPClient(conn)
	err = client.SendWithSMTPClient(conn, msg)
	if msg.IsDelivered() {
		return nil // whatever the server said after it took the mail
	}
	return graded(err)
}

func (s *SMTP) options() []smtp.Option {
	options := []smtp.Option{smtp.WithTimeout(connectWithin), smtp.WithTLSPolicy(smtp.TLSMandatory), smtp.WithPort(cmp.Or(s.config.Port, 587))}
	switch s.config.TLS {
	case "implicit":
		options = append(options, smtp.WithSSL(), smtp.WithPort(cmp.Or(s.config.Port, 465)))
	case "none":
		options = append(options, smtp.WithTLSPolicy(smtp.NoTLS))
	}
	if s.roots != nil {
		options = append(options, smtp.WithTLSConfig(s.roots))
	}
	if s.config.Username != "" {
		options = append(options, smtp.WithSMTPAuth(smtp.SMTPAuthAutoDiscover), smtp.WithUsername(s.config.Username), smtp.WithPassword(s.password))
	}
	return options
}

// message is the mail as it is sent: text first, and HTML for whoever shows it.
func (s *SMTP) message(m Mail) (*smtp.Msg, error) {
	if err := CheckAddress("to", m.To); err != nil {
		return nil, err
	}
	if strings.ContainsAny(m.Subject, "\r\n") {
		return nil, errors.New("the subject has more than one line")
	}
	msg := smtp.NewMsg()
	if err := errors.Join(msg.From(s.config.From), msg.To(m.To)); err != nil {
		return nil, err
	}
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.ID.String() + "@" + domain(s.config.From))
	msg.SetDate() // real time, as mail has it
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(smtp.TypeTextPlain, m.Text)
	msg.AddAlternativeString(smtp.TypeTextHTML, m.HTML)
	for _, a := range m.Attachments {
		if err := msg.AttachReader(a.Name, bytes.NewReader(a.Content), smtp.WithFileContentType(smtp.ContentType(a.Type))); err != nil {
			return nil, err
		}
	}
	return msg, nil
}

func domain(from string) string {
	return strings.TrimSuffix(from[strings.LastIndex(from, "@")+1:], ">")
}

// graded tells the refusal of the mail itself from what may be better later: a
// server that is away, or that does not let Souk in.
func graded(err error) error {
	var refused *smtp.SendError
	if errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= 500 {
		switch refused.Reason {
		case smtp.ErrSMTPRcptTo, smtp.ErrSMTPData, smtp.ErrSMTPDataClose:
			return &PermanentError{err}
		}
	}
	return err
}
