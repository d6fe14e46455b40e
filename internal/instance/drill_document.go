package instance

import (
	"context"
	"time"

	"souk/api"
	paper "souk/internal/document"
	"souk/internal/store"
)

// CertificateDocument returns the certificate of a restore drill as a PDF, which
// carries the hash of what was signed, and the name of the file. The same
// certificate gives the same bytes.
func (s *Service) CertificateDocument(ctx context.Context, tx store.Tx, p Place, name, id string) (pdf []byte, file string, err error) {
	signed, err := s.Certificate(ctx, tx, p, name, id)
	if err != nil {
		return nil, "", err
	}
	pdf, err = certificateDocument(signed)
	return pdf, signed.Certificate.File("pdf"), err
}

func certificateDocument(signed api.SignedDrill) ([]byte, error) {
	c := signed.Certificate
	d := paper.New(paper.Meta{Title: "Restore drill: " + c.Outcome, Language: "en", Created: c.IssuedAt, Footer: "SHA-256 " + signed.SHA256})
	if c.Outcome == drillPassed {
		d.Text("The backup below was restored to an instance of its own, compared with what was backed up, and the instance was removed again.")
	} else {
		d.Text("The backup below was to be restored to an instance of its own and compared with what was backed up. This did not succeed. " + c.Problem)
	}
	d.Heading("What was restored")
	facts := []paper.Fact{
		{Label: "Organization", Value: c.Organization}, {Label: "Project", Value: c.Project}, {Label: "Instance", Value: c.Instance + " (" + c.InstanceID + ")"},
		{Label: "Service", Value: c.Service}, {Label: "Zone", Value: c.Zone + " (" + c.Driver + ")"}, {Label: "Backup", Value: c.Backup.ID},
	}
	if c.Backup.FinishedAt != nil {
		facts = append(facts, paper.Fact{Label: "Backup taken", Value: c.Backup.FinishedAt.Format(time.RFC3339)})
	}
	d.Facts(append(facts, paper.Fact{Label: "Drill", Value: c.ID}, paper.Fact{Label: "From", Value: c.StartedAt.Format(time.RFC3339)}, paper.Fact{Label: "Until", Value: c.FinishedAt.Format(time.RFC3339)})...)
	if r := c.Result; r != nil {
		measures(d, r)
	}
	d.Heading("How to check this")
	d.Text("This page shows what a signed document says; the signature is in the file that ends in .jws. The SHA-256 of what it signs, byte by byte, is:")
	d.Mono(signed.SHA256)
	d.Text("souk verify FILE.jws checks the signature by the keys that the server publishes at /.well-known/jwks.json.")
	return d.Bytes()
}

func measures(d *paper.Document, r *api.DrillResult) {
	until := "the end of the backup"
	if r.PointInTime {
		until = "the last change that was kept when the drill began"
	}
	d.Heading("What was measured")
	d.Facts(
		paper.Fact{Label: "Restored until", Value: until},
		paper.Fact{Label: "Time to restore", Value: r.Took().String()},
		paper.Fact{Label: "Would have been lost", Value: r.Loss().String()},
		paper.Fact{Label: "Version of the engine", Value: r.Version},
	)
	rows := [][]string{{"canaries", mark(r.CanariesSHA256 != ""), plural(r.Canaries) + " compared; SHA-256 " + r.CanariesSHA256}}
	for _, c := range r.Checks {
		rows = append(rows, []string{c.Name, mark(c.Passed), c.Detail})
	}
	d.Table([]paper.Column{{Title: "Check", Share: 2}, {Title: "Outcome", Share: 1}, {Title: "What was found", Share: 6}}, rows)
}

func mark(passed bool) string {
	if passed {
		return "passed"
	}
	return "failed"
}

func plural(n int) string {
	if n == 1 {
		return "1 was"
	}
	return itoa(int64(n)) + " were"
}
