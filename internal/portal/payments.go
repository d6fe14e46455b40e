package portal

import (
	"cmp"
	"context"
	"io"
	"maps"
	"net/http"
	"slices"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/camt"
)

const (
	// BankUpload is the address that a bank's file is sent to.
	BankUpload = "/operator/billing/import"
	// MostUploaded bounds what is sent there, in bytes.
	MostUploaded = camt.MostBytes + 1<<16
	// mostInMemory is how much of it is kept in memory, in bytes.
	mostInMemory = 8 << 20
)

// paymentRoutes are the operator's pages about what customers pay.
func (p *Portal) paymentRoutes() []Route {
	return []Route{
		{"GET /operator/billing/payments", SignedIn, p.payments},
		{"POST " + BankUpload, SignedIn, p.importBankFile},
		{"GET /operator/billing/payments/{id}", SignedIn, p.payment},
		{"POST /operator/billing/payments/{id}/assign", SignedIn, p.changePayment(func(ctx context.Context, r *http.Request, v *visit) (api.Payment, error) {
			return v.client.Operator().AssignPayment(ctx, r.PathValue("id"), api.PaymentAssign{Invoice: r.PostForm.Get("invoice"), Organization: r.PostForm.Get("organization")})
		})},
		{"POST /operator/billing/payments/{id}/undo", SignedIn, p.changePayment(func(ctx context.Context, r *http.Request, v *visit) (api.Payment, error) {
			return v.client.Operator().UndoPayment(ctx, r.PathValue("id"), r.PostForm.Get("reason"))
		})},
		{"POST /operator/billing/payments/{id}/refund", SignedIn, p.changePayment(func(ctx context.Context, r *http.Request, v *visit) (api.Payment, error) {
			return v.client.Operator().RefundPayment(ctx, r.PathValue("id"), r.PostForm.Get("reason"))
		})},
	}
}

// mayKeepPayments says whether the visitor may change what is at the billing desk.
func (v *visit) mayKeepPayments() bool { return v.mayOperate(authz.OperatorBilling) }

// paymentStates are the filters of the list, in the order in which they are offered.
var paymentStates = []string{"unmatched", "over", "all"}

// paymentsView is a page of payments as its URL asks for it.
type paymentsView struct {
	listing
	state string
	items []api.Payment
	files []api.BankFile
	did   *api.BankImport // what came of a file that was just sent; nil: none was
	wrong *formErrors
}

func (p *Portal) newPaymentsView(r *http.Request, v *visit) (paymentsView, error) {
	s := paymentsView{listing: listing{query: v.query}, state: paymentStates[0]}
	if asked := v.query.Get("state"); slices.Contains(paymentStates, asked) {
		s.state = asked
	}
	asked := s.state
	if asked == "all" {
		asked = ""
	}
	page, err := v.client.Operator().PaymentsPage(r.Context(), asked, pageOfInstances, v.query.Get("cursor"))
	if err != nil {
		return s, err
	}
	s.items, s.next = page.Items, page.Next
	files, err := v.client.Operator().BankFilesPage(r.Context(), 5, "")
	s.files = files.Items
	return s, err
}

func (p *Portal) payments(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.newPaymentsView(r, v)
	if err != nil {
		return err
	}
	return show(w, r, v, paymentsPage(v, s))
}

// importBankFile answers with what came of the file. Sent again, the same file does
// nothing.
func (p *Portal) importBankFile(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.mayKeepPayments() {
		return forbidden()
	}
	content, wrong := uploaded(r, v)
	var did *api.BankImport
	if !wrong.any() {
		out, err := v.client.Operator().ImportBankFile(r.Context(), content)
		if err == nil {
			did = &out
		} else if wrong, err = formProblem(err); err != nil {
			return err
		}
	}
	s, err := p.newPaymentsView(r, v)
	if err != nil {
		return err
	}
	if s.did, s.wrong = did, wrong; s.wrong.any() {
		return refuse(w, r, v, paymentsPage(v, s))
	}
	return show(w, r, v, paymentsPage(v, s))
}

// uploaded reads the file of the form.
func uploaded(r *http.Request, v *visit) ([]byte, *formErrors) {
	if r.ParseMultipartForm(mostInMemory) != nil {
		return nil, mistake("file", v.T("payments.no-file"))
	}
	defer r.MultipartForm.RemoveAll()
	file, _, err := r.FormFile("file")
	if err != nil {
		return nil, mistake("file", v.T("payments.no-file"))
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil || len(content) == 0 {
		return nil, mistake("file", v.T("payments.no-file"))
	}
	return content, nil
}

// found says what payments of a file were found to be, in words.
func (v *visit) found(out api.BankImport) (list []string) {
	for _, f := range slices.Sorted(maps.Keys(out.Findings)) {
		list = append(list, v.T("payments.found."+f, "n", out.Findings[f]))
	}
	return list
}

// paymentView is one payment.
type paymentView struct {
	api.Payment
	wrong                         *formErrors
	invoice, organization, reason string
}

func (p *Portal) payment(w http.ResponseWriter, r *http.Request, v *visit) error {
	one, err := v.client.Operator().Payment(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return show(w, r, v, paymentPage(v, paymentView{Payment: one}))
}

// changePayment answers a form about a payment.
func (p *Portal) changePayment(do func(context.Context, *http.Request, *visit) (api.Payment, error)) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		_, err := do(r.Context(), r, v)
		if err == nil {
			redirect(w, r, done("payment-kept", "operator", "billing", "payments", r.PathValue("id")))
			return nil
		}
		wrong, err := formProblem(err)
		if err != nil {
			return err
		}
		one, err := v.client.Operator().Payment(r.Context(), r.PathValue("id"))
		if err != nil {
			return err
		}
		f := r.PostForm
		return refuse(w, r, v, paymentPage(v, paymentView{one, wrong, f.Get("invoice"), f.Get("organization"), f.Get("reason")}))
	}
}

// dashed is a text, or a dash where there is none.
func dashed(text string) string { return cmp.Or(text, "—") }
