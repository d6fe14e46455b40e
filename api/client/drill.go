package client

import (
	"context"
	"net/http"

	"souk/api"
)

// Drills lists the restore drills of an instance, the newest first.
func (p *Project) Drills(ctx context.Context, name string) (api.DrillList, error) {
	var out api.DrillList
	err := p.client.get(ctx, nil, &out, p.path(name, "drills")...)
	return out, err
}

// Drill returns one restore drill of an instance.
func (p *Project) Drill(ctx context.Context, name, id string) (api.Drill, error) {
	var out api.Drill
	err := p.client.get(ctx, nil, &out, p.path(name, "drills", id)...)
	return out, err
}

// StartDrill asks for a restore drill beside the schedule. It is made as soon as the
// zone can.
func (p *Project) StartDrill(ctx context.Context, name string) (api.Drill, error) {
	var out api.Drill
	err := p.client.do(ctx, call{method: http.MethodPost, path: p.path(name, "drills"), out: &out, changes: true})
	return out, err
}

// Certificate returns the signed certificate of a restore drill that is over.
func (p *Project) Certificate(ctx context.Context, name, id string) (api.SignedDrill, error) {
	var out api.SignedDrill
	err := p.client.get(ctx, nil, &out, p.path(name, "drills", id, "certificate")...)
	return out, err
}

// CertificatePDF returns the certificate of a restore drill that is over as a PDF.
func (p *Project) CertificatePDF(ctx context.Context, name, id string) ([]byte, error) {
	var out []byte
	err := p.client.do(ctx, call{method: http.MethodGet, path: p.path(name, "drills", id, "certificate.pdf"), out: &out, accept: "application/pdf"})
	return out, err
}
