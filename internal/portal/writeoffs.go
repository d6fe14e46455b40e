package portal

import (
	"context"
	"net/http"
	"strings"

	"souk/api"
)

// writeOffRoutes are the operator's pages about what is given up of invoices.
func (p *Portal) writeOffRoutes() []Route {
	return []Route{
		{"GET /operator/billing/write-offs", SignedIn, p.writeOffs},
		{"POST /operator/billing/write-offs", SignedIn, p.proposeWriteOff},
		{"POST /operator/billing/write-offs/{id}/approve", SignedIn, p.changeWriteOff(func(ctx context.Context, r *http.Request, v *visit) (api.WriteOff, error) {
			return v.client.Operator().ApproveWriteOff(ctx, r.PathValue("id"))
		})},
		{"POST /operator/billing/write-offs/{id}/refuse", SignedIn, p.changeWriteOff(func(ctx context.Context, r *http.Request, v *visit) (api.WriteOff, error) {
			return v.client.Operator().RefuseWriteOff(ctx, r.PathValue("id"))
		})},
		{"POST /operator/billing/write-offs/{id}/reverse", SignedIn, p.changeWriteOff(func(ctx context.Context, r *http.Request, v *visit) (api.WriteOff, error) {
			return v.client.Operator().ReverseWriteOff(ctx, r.PathValue("id"), r.PostForm.Get("reason"))
		})},
	}
}

// writeOffsView is what is given up or proposed to be, with what was typed.
type writeOffsView struct {
	listing
	items           []api.WriteOff
	invoice, reason string
	wrong           *formErrors // of the proposal
	refused         *formErrors // of a decision
}

// showWriteOffs shows what there is, beside what was typed.
func (p *Portal) showWriteOffs(w http.ResponseWriter, r *http.Request, v *visit, s writeOffsView) error {
	page, err := v.client.Operator().WriteOffsPage(r.Context(), pageOfInstances, v.query.Get("cursor"))
	if err != nil {
		return err
	}
	s.listing, s.items = listing{query: v.query, next: page.Next, path: "/operator/billing/write-offs"}, page.Items
	if s.wrong.any() || s.refused.any() {
		return refuse(w, r, v, writeOffsPage(v, s))
	}
	return show(w, r, v, writeOffsPage(v, s))
}

func (p *Portal) writeOffs(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showWriteOffs(w, r, v, writeOffsView{invoice: v.query.Get("invoice")})
}

func (p *Portal) proposeWriteOff(w http.ResponseWriter, r *http.Request, v *visit) error {
	in := api.WriteOffPropose{Invoice: strings.TrimSpace(r.PostForm.Get("invoice")), Reason: strings.TrimSpace(r.PostForm.Get("reason"))}
	_, err := v.client.Operator().ProposeWriteOff(r.Context(), in)
	if err == nil {
		redirect(w, r, done("write-off-proposed", "operator", "billing", "write-offs"))
		return nil
	}
	wrong, err := formProblem(err)
	if err != nil {
		return err
	}
	return p.showWriteOffs(w, r, v, writeOffsView{invoice: in.Invoice, reason: in.Reason, wrong: wrong})
}

// changeWriteOff answers a form about one.
func (p *Portal) changeWriteOff(do func(context.Context, *http.Request, *visit) (api.WriteOff, error)) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		_, err := do(r.Context(), r, v)
		if err == nil {
			redirect(w, r, done("write-off-decided", "operator", "billing", "write-offs"))
			return nil
		}
		refused, err := formProblem(err)
		if err != nil {
			return err
		}
		return p.showWriteOffs(w, r, v, writeOffsView{refused: refused})
	}
}

// mine says whether the visitor has proposed it.
func (v *visit) mine(w api.WriteOff) bool { return strings.EqualFold(w.ProposedBy, v.who.Actor) }

// writeOffClass is how its state looks.
func writeOffClass(w api.WriteOff) string {
	switch w.State {
	case "proposed":
		return "busy"
	case "approved":
		return "bad"
	}
	return "off"
}
