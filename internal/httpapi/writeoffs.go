package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/payment"
	"souk/internal/store"
)

func (s *Server) registerWriteOffs() {
	const all = "/api/v1/operator/write-offs"
	register(s, Operation{Method: http.MethodGet, Path: all, ID: "operator-write-offs", Tag: "payments", Action: authz.OperatorCustomers,
		Summary: "What was given up of invoices, or is proposed to be", Description: "What is to be decided on first, then the newest."}, s.listWriteOffs)
	register(s, Operation{Method: http.MethodPost, Path: all, ID: "operator-write-offs-propose", Tag: "payments", Action: authz.OperatorBilling, Status: http.StatusCreated,
		Summary: "Propose to write off what an invoice has open", Description: "Somebody else has to approve it."},
		func(ctx context.Context, in *struct{ Body api.WriteOffPropose }) (*body[api.WriteOff], error) {
			return s.changeWriteOff(ctx, "write-off.propose", details(in.Body), func(tx store.Tx, person string) (string, error) {
				return s.payments().Propose(ctx, tx, in.Body, person)
			})
		})
	for verb, summary := range map[string]string{"approve": "Write off what somebody else has proposed", "refuse": "Refuse a proposed write-off, or take one's own back"} {
		register(s, Operation{Method: http.MethodPost, Path: all + "/{writeOff}/" + verb, ID: "operator-write-offs-" + verb, Tag: "payments", Action: authz.OperatorBilling, Summary: summary},
			func(ctx context.Context, in *InWriteOff) (*body[api.WriteOff], error) {
				return s.changeWriteOff(ctx, "write-off."+verb, nil, func(tx store.Tx, person string) (string, error) {
					return in.WriteOff, s.payments().Decide(ctx, tx, in.WriteOff, verb == "approve", person)
				})
			})
	}
	register(s, Operation{Method: http.MethodPost, Path: all + "/{writeOff}/reverse", ID: "operator-write-offs-reverse", Tag: "payments", Action: authz.OperatorBilling,
		Summary: "Take a write-off back, as the invoice is paid after all"},
		func(ctx context.Context, in *struct {
			InWriteOff
			Body api.PaymentReason
		}) (*body[api.WriteOff], error) {
			return s.changeWriteOff(ctx, "write-off.reverse", details(in.Body), func(tx store.Tx, person string) (string, error) {
				return in.WriteOff, s.payments().Reverse(ctx, tx, in.WriteOff, in.Body.Reason, person)
			})
		})
}

// decided marks the cursor of a write-off that had been decided on.
const decided = "decided/"

func (s *Server) listWriteOffs(ctx context.Context, in *struct{ Page }) (*body[api.List[api.WriteOff]], error) {
	text, err := in.after()
	if err != nil {
		return nil, err
	}
	var after *uuid.UUID
	id, others := strings.CutPrefix(text, decided)
	if text != "" {
		parsed, err := uuid.Parse(id)
		if err != nil {
			return nil, badCursor()
		}
		after = &parsed
	}
	var list []api.WriteOff
	err = s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
		list, err = s.payments().WriteOffs(ctx, tx, after, others, in.Limit+1)
		return err
	})
	return paged(in.Page, list, func(w api.WriteOff) string {
		if w.State == "proposed" {
			return w.ID
		}
		return decided + w.ID
	}), err
}

// InWriteOff names a write-off.
type InWriteOff struct {
	WriteOff string `path:"writeOff" maxLength:"36"`
}

// changeWriteOff does something about a write-off in the name of the person who asks, and
// answers with what it then is.
func (s *Server) changeWriteOff(ctx context.Context, action string, what map[string]any, f func(tx store.Tx, person string) (string, error)) (*body[api.WriteOff], error) {
	out := &body[api.WriteOff]{}
	read := func(tx store.Tx, _ Place, id string) (err error) {
		out.Body, err = s.payments().WriteOff(ctx, tx, id)
		return err
	}
	return out, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		person, err := payment.Person(ctx, tx, p.Principal)
		if err != nil {
			return "", err
		}
		id, err := f(tx, person)
		if err != nil {
			return "", err
		}
		if err := read(tx, p, id); err != nil {
			return "", err
		}
		return id, p.Audit(ctx, tx, audit.Event{Action: action, Kind: "write-off", ObjectID: id, ObjectName: out.Body.Invoice, Details: what})
	}, read)
}
