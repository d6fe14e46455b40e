package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/store"
)

const mediaPDF = "application/pdf"

// file is an answer that is a file.
type file struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// InDrill is the place of a restore drill.
type InDrill struct {
	InInstance
	Drill string `path:"drill" format:"uuid" doc:"ID of the drill"`
}

func (s *Server) registerDrills() {
	const path = instancesPath + "/{name}/drills"
	register(s, Operation{Method: http.MethodGet, Path: path, ID: "drills-list", Tag: "backups", Summary: "List the restore drills of an instance, the newest first",
		Description: "Also of an instance that was removed for good, by its ID.", Action: authz.InstanceRead},
		func(ctx context.Context, in *InInstance) (*body[api.DrillList], error) {
			out := &body[api.DrillList]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				out.Body, err = s.Instances.Drills(ctx, tx, at(p), in.Name)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: path + "/{drill}", ID: "drills-get", Tag: "backups", Summary: "Read a restore drill", Action: authz.InstanceRead},
		func(ctx context.Context, in *InDrill) (*body[api.Drill], error) {
			out := &body[api.Drill]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				out.Body, err = s.Instances.Drill(ctx, tx, at(p), in.Name, in.Drill)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: path + "/{drill}/certificate", ID: "drills-certificate", Tag: "evidence", Summary: "The signed certificate of a restore drill",
		Description: "What it says, and the same as a JSON Web Signature that anybody can check by the published keys.", Action: authz.InstanceRead},
		func(ctx context.Context, in *InDrill) (*body[api.SignedDrill], error) {
			out := &body[api.SignedDrill]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				out.Body, err = s.Instances.Certificate(ctx, tx, at(p), in.Name, in.Drill)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: path + "/{drill}/certificate.pdf", ID: "drills-certificate-pdf", Tag: "evidence", Summary: "The certificate of a restore drill as a PDF",
		Description: "It carries the SHA-256 of what was signed.", Action: authz.InstanceRead, Media: mediaPDF},
		func(ctx context.Context, in *InDrill) (*file, error) {
			out := &file{ContentType: mediaPDF}
			err := s.Read(ctx, func(tx store.Tx, p Place) error {
				text, name, err := s.Instances.CertificateDocument(ctx, tx, at(p), in.Name, in.Drill)
				out.Body, out.Disposition = text, fmt.Sprintf("attachment; filename=%q", name)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodPost, Path: path, ID: "drills-create", Tag: "backups", Summary: "Make a restore drill now, beside its schedule",
		Description: "The newest backup is restored to an instance of its own in the same zone, compared, and removed again. It costs nothing.", Action: authz.BackupWrite, Status: http.StatusCreated},
		func(ctx context.Context, in *InInstance) (*body[api.Drill], error) {
			out := &body[api.Drill]{}
			err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
				d, err := s.Instances.StartDrill(ctx, tx, at(p), in.Name)
				out.Body = d
				return d.ID, err
			}, func(tx store.Tx, p Place, reference string) (err error) {
				out.Body, err = s.Instances.Drill(ctx, tx, at(p), in.Name, reference)
				return err
			})
			return out, err
		})
}
