package instance

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/signing"
	"souk/internal/store"
)

// Signer signs evidence of a kind.
type Signer interface {
	Sign(ctx context.Context, kind string, payload []byte) (string, error)
}

// CertifyDrill signs the certificate of one restore drill that is over and has none
// yet, and says whether there was one. What one was signed is not signed again.
func (s *Service) CertifyDrill(ctx context.Context, st *store.Store) (bool, error) {
	var d instancedb.DrillToCertifyRow
	var v View
	err := st.System(ctx, func(tx store.Tx) (err error) {
		if d, err = instancedb.New(tx).DrillToCertify(ctx); err == nil {
			v, err = s.ByID(ctx, tx, d.InstanceID)
		}
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	payload, err := json.MarshalIndent(s.certificateOf(v, d), "", "  ")
	if err != nil {
		return false, err
	}
	signed, err := s.Evidence.Sign(ctx, signing.RestoreCertificate, payload)
	if err != nil {
		return false, err
	}
	return true, st.System(ctx, func(tx store.Tx) error {
		q := instancedb.New(tx)
		n, err := q.CertifyDrill(ctx, instancedb.CertifyDrillParams{ID: d.ID, Certificate: signed})
		if err != nil || n == 0 {
			return err
		}
		r, err := q.ByIDForUpdate(ctx, d.InstanceID)
		if err != nil {
			return err
		}
		return changed(ctx, q, r, false, s.Clock.Now())
	})
}

func (s *Service) certificateOf(v View, d instancedb.DrillToCertifyRow) api.DrillCertificate {
	return api.DrillCertificate{
		Type: "souk/restore-drill/v1", ID: d.ID.String(), Outcome: d.State, Problem: d.Message,
		Organization: v.Organization, Project: v.Project, Instance: v.Name, InstanceID: v.ID.String(), Service: v.Service, Zone: v.Zone, Driver: v.Driver,
		Backup:    api.DrilledBackup{ID: d.BackupID.String(), StartedAt: utc(d.BackupStartedAt), FinishedAt: utc(d.BackupFinishedAt), SizeBytes: d.BackupSizeBytes},
		StartedAt: d.StartedAt.UTC(), FinishedAt: d.FinishedAt.UTC(), IssuedAt: s.Clock.Now().UTC(),
		Result: drillResult(instancedb.Drill{Measured: d.Measured}),
	}
}

// Certificate returns the signed certificate of a restore drill.
func (s *Service) Certificate(ctx context.Context, tx store.Tx, p Place, name, id string) (api.SignedDrill, error) {
	_, d, err := s.findDrill(ctx, tx, p, name, id)
	if err != nil {
		return api.SignedDrill{}, err
	}
	if d.Certificate == "" {
		return api.SignedDrill{}, problem.Conflict("no-certificate", "There is no certificate of this restore drill: it is %s. One is issued once it has passed or failed.", d.State)
	}
	return readCertificate(d.Certificate)
}

// readCertificate reads what a signed certificate says.
func readCertificate(signed string) (api.SignedDrill, error) {
	out := api.SignedDrill{Signed: signed}
	parts := strings.Split(signed, ".")
	if len(parts) != 3 {
		return out, errors.New("the certificate is not a signature in its compact form")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return out, err
	}
	sum := sha256.Sum256(payload)
	out.SHA256 = hex.EncodeToString(sum[:])
	return out, json.Unmarshal(payload, &out.Certificate)
}
