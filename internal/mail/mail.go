// Package mail tells people things by mail: in their language, as HTML and as
// text.
//
// A mail is written in the transaction of the change that it tells of (Outbox),
// and sent afterwards (Worker), with back-off until it arrives or is of no use
// any more. While it waits it is sealed, as links in it hold tokens.
package mail

import (
	"context"
	"regexp"

	"github.com/google/uuid"

	"souk/internal/problem"
)

// Mail is one mail as it is sent. It holds nothing that people wrote but names
// that Souk has checked, so that nobody sends words of theirs in Souk's name.
type Mail struct {
	ID      uuid.UUID `json:"-"` // the same at each try, so that a repeat can be told
	To      string    `json:"-"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	// Attachments are of Souk's own making.
	Attachments []Attachment `json:"attachments,omitempty"`
}

// Attachment is a file that comes with a mail.
type Attachment struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // media type
	Content []byte `json:"content"`
}

// Sender hands a mail on. A PermanentError means that trying again is no use.
type Sender interface {
	Send(ctx context.Context, m Mail) error
}

// PermanentError is the refusal of a mail that would be refused again.
type PermanentError struct{ Err error }

func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// addresses are those that browsers take in a field for e-mail: no names beside
// them, no quotes, no spaces, no line ends.
var addresses = regexp.MustCompile("^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$")

// CheckAddress refuses what mail cannot be sent to. Location is the field that
// it is in.
func CheckAddress(location, address string) error {
	if len(address) <= 254 && addresses.MatchString(address) {
		return nil
	}
	return problem.InvalidField(location, address, "must be an e-mail address such as ann@example.org, and nothing beside it")
}
