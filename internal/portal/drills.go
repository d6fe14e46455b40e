package portal

import (
	"net/http"

	"souk/api"
	"souk/internal/authz"
)

// drillsEvery are how often drills can be made.
var drillsEvery = []string{"daily", "weekly", "monthly", "off"}

// mayDrill says that the visitor may start a drill, and that one can be made.
func (b *backupsOf) mayDrill(v *visit) bool {
	return !b.purged() && b.may(v, authz.BackupWrite) && b.drill.Message == "" && len(b.restorable()) > 0
}

func drillClass(state string) string {
	switch state {
	case "passed":
		return "good"
	case "failed":
		return "bad"
	case "cancelled":
		return "off"
	}
	return "busy"
}

// certificatePath leads to the certificate of a drill as a file.
func (b *backupsOf) certificatePath(d api.Drill, ending string) string {
	name := b.Metadata.Name
	if b.purged() {
		name = b.list.InstanceID
	}
	return at("o", b.Metadata.Organization, "p", b.Metadata.Project, "instances", name, "drills", d.ID, "certificate."+ending)
}

func (p *Portal) startDrill(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.changeBackups(w, r, v, func(b *backupsOf) (string, error) {
		_, err := b.project.StartDrill(r.Context(), b.Metadata.Name)
		return b.path("backups") + "?done=drill", err
	})
}

// drillCertificate gives the signed certificate away as a file.
func (p *Portal) drillCertificate(w http.ResponseWriter, r *http.Request, v *visit) error {
	signed, err := v.organization().Project(r.PathValue("project")).Certificate(r.Context(), r.PathValue("name"), r.PathValue("drill"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/jose")
	w.Header().Set("Content-Disposition", `attachment; filename="`+signed.Certificate.File("jws")+`"`)
	_, _ = w.Write([]byte(signed.Signed + "\n")) // fails only when the reader has gone
	return nil
}

// drillDocument gives the certificate away as a PDF.
func (p *Portal) drillDocument(w http.ResponseWriter, r *http.Request, v *visit) error {
	project := v.organization().Project(r.PathValue("project"))
	signed, err := project.Certificate(r.Context(), r.PathValue("name"), r.PathValue("drill"))
	if err != nil {
		return err
	}
	pdf, err := project.CertificatePDF(r.Context(), r.PathValue("name"), r.PathValue("drill"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", `attachment; filename="`+signed.Certificate.File("pdf")+`"`)
	_, _ = w.Write(pdf) // fails only when the reader has gone
	return nil
}
