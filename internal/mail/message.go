package mail

import (
	"bytes"
	_ "embed"
	"html/template"
	"strings"
	texttemplate "text/template"
)

// Kind is what a mail is about.
type Kind string

// The kinds, each worded in every language.
const (
	// SignUp has the link that ends a sign-up.
	SignUp Kind = "sign-up"
	// KnownAddress goes to whoever has an account, when it is signed up for again.
	KnownAddress Kind = "known-address"
	// Reset has the link to choose a new password by.
	Reset Kind = "password-reset"
	// PasswordChanged tells that it was changed.
	PasswordChanged Kind = "password-changed"
	// SecondFactorOn, SecondFactorOff and RecoveryCodesRenewed tell of a change of
	// the second factor.
	SecondFactorOn       Kind = "second-factor-on"
	SecondFactorOff      Kind = "second-factor-off"
	RecoveryCodesRenewed Kind = "recovery-codes-renewed"
	// Invitation has the link to join an organization by.
	Invitation Kind = "invitation"
	// Alerts tells what is the matter with instances, and what is not any more.
	Alerts Kind = "alerts"
	// Maintenance tells of planned work on instances.
	Maintenance Kind = "maintenance"
	// SLAReport has how available an organization's instances were in a month.
	SLAReport Kind = "sla-report"
	// Invoice and CreditNote come with the document.
	Invoice    Kind = "invoice"
	CreditNote Kind = "credit-note"
	// BillingDetails asks a customer for what its invoice lacks.
	BillingDetails Kind = "billing-details"
	// InvoiceHeld and InvoiceFailed tell the operator of invoices that cannot be issued.
	InvoiceHeld   Kind = "invoice-held"
	InvoiceFailed Kind = "invoice-failed"
	// DunningReminder to DunningSuspended remind of invoices that are overdue. Period is
	// the day of the suspension that DunningAnnounced announces.
	DunningReminder  Kind = "dunning-reminder"
	DunningSecond    Kind = "dunning-second"
	DunningAnnounced Kind = "dunning-announced"
	DunningSuspended Kind = "dunning-suspended"
	// Budget tells that a threshold of a budget is reached.
	Budget Kind = "budget"
	// Prices tells that other prices hold for instances. Period is from when on.
	Prices Kind = "prices"
)

// Message is what a mail says, before it is put into words.
type Message struct {
	Kind   Kind
	Locale string // "en" or "de"; any other is "en"
	Path   string // of the link, below the public address
	// What is put into the words: names that Souk has checked, and addresses.
	Organization, Project, Inviter, Role, Period, Number, Reason, Budget string
	// Lines are paragraphs of Souk's own before the link, in words already.
	Lines []string
	// Attachments are files that come with it.
	Attachments []Attachment
}

// wording is a message in one language. Subject and paragraphs are templates over
// the message.
type wording struct {
	subject string
	before  []string // paragraphs before the link
	link    string   // what the link is called
	after   []string
}

//go:embed layout.html
var layoutSource string

var layout = template.Must(template.New("layout").Parse(layoutSource))

// page is what the layout shows.
type page struct {
	Locale, Subject, Link, LinkText, Footer string
	Before, After                           []string
}

// compose puts the message into words. Base is the public address.
func (m Message) compose(base string) (Mail, error) {
	words, locale := languages[m.Locale], m.Locale
	if words.messages == nil {
		words, locale = languages["en"], "en"
	}
	m.Role = words.roles[m.Role]
	w := words.messages[m.Kind]
	p := page{Locale: locale, LinkText: w.link, Footer: words.footer + " " + base}
	if m.Path != "" {
		p.Link = strings.TrimRight(base, "/") + m.Path
	}
	var err error
	if p.Subject, err = m.fill(w.subject); err != nil {
		return Mail{}, err
	}
	if p.Before, err = m.fillAll(w.before); err != nil {
		return Mail{}, err
	}
	for _, l := range m.Lines {
		p.Before = append(p.Before, strings.Join(strings.Fields(l), " "))
	}
	if p.After, err = m.fillAll(w.after); err != nil {
		return Mail{}, err
	}
	var html bytes.Buffer
	if err := layout.Execute(&html, p); err != nil {
		return Mail{}, err
	}
	return Mail{Subject: p.Subject, Text: p.text(), HTML: html.String(), Attachments: m.Attachments}, nil
}

func (m Message) fillAll(paragraphs []string) ([]string, error) {
	filled := make([]string, len(paragraphs))
	for i, p := range paragraphs {
		var err error
		if filled[i], err = m.fill(p); err != nil {
			return nil, err
		}
	}
	return filled, nil
}

// fill keeps each paragraph, and the subject, on one line, whatever is put in.
func (m Message) fill(words string) (string, error) {
	t, err := texttemplate.New("words").Parse(words)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, m); err != nil {
		return "", err
	}
	return strings.Join(strings.Fields(b.String()), " "), nil
}

func (p page) text() string {
	parts := append([]string{}, p.Before...)
	if p.Link != "" {
		parts = append(parts, p.LinkText+":\n"+p.Link)
	}
	parts = append(parts, p.After...)
	return strings.Join(append(parts, "-- \n"+p.Footer), "\n\n") + "\n"
}
