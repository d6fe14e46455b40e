package portal

import (
	"net/http"

	"souk/api"
	"souk/api/client"
)

// deviceRoutes are where a person logs another device in by the code that it
// shows. Looking at the page changes nothing: a link cannot approve.
func (p *Portal) deviceRoutes() []Route {
	return []Route{
		{"GET /device", SignedIn, p.device},
		{"POST /device", SignedIn, p.lookUpDevice},
		{"POST /device/approve", SignedIn, p.approveDevice},
		{"POST /device/deny", SignedIn, p.denyDevice},
	}
}

// deviceView is the page, before or after the code was looked up.
type deviceView struct {
	code    string
	waiting *api.DeviceRequest
	problem string
	wrong   *formErrors
}

// device looks a code of the address up at once only where the person opened it,
// from the terminal or after the log-in: another site's link could use their
// guesses up.
func (p *Portal) device(w http.ResponseWriter, r *http.Request, v *visit) error {
	view := deviceView{code: v.query.Get("code")}
	site := r.Header.Get("Sec-Fetch-Site")
	if view.code != "" && (site == "none" || site == "same-origin") {
		return p.showDevice(w, r, v, view)
	}
	return show(w, r, v, devicePage(v, view))
}

func (p *Portal) lookUpDevice(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showDevice(w, r, v, deviceView{code: r.PostForm.Get("code")})
}

func (p *Portal) showDevice(w http.ResponseWriter, r *http.Request, v *visit, view deviceView) error {
	if _, err := v.settleAccount(r.Context()); err != nil {
		return err
	}
	waiting, err := v.client.LookUpDevice(r.Context(), view.code)
	if err != nil {
		return p.noDevice(w, r, v, view, err)
	}
	view.waiting = &waiting
	return show(w, r, v, devicePage(v, view))
}

// noDevice says why there is nothing to decide about.
func (p *Portal) noDevice(w http.ResponseWriter, r *http.Request, v *visit, view deviceView, err error) error {
	if client.IsStatus(err, http.StatusNotFound) {
		view.problem = v.T("device.none")
		return refuse(w, r, v, devicePage(v, view))
	}
	if view.wrong, err = formProblem(err); err != nil {
		return err
	}
	view.problem = view.wrong.of("userCode")
	return refuse(w, r, v, devicePage(v, view))
}

func (p *Portal) approveDevice(w http.ResponseWriter, r *http.Request, v *visit) error {
	view := deviceView{code: r.PostForm.Get("code")}
	if err := v.client.ApproveDevice(r.Context(), view.code); err != nil {
		return p.noDevice(w, r, v, view, err)
	}
	redirect(w, r, done("device-approved", "device"))
	return nil
}

func (p *Portal) denyDevice(w http.ResponseWriter, r *http.Request, v *visit) error {
	view := deviceView{code: r.PostForm.Get("code")}
	if err := v.client.DenyDevice(r.Context(), view.code); err != nil {
		return p.noDevice(w, r, v, view, err)
	}
	redirect(w, r, done("device-denied", "device"))
	return nil
}
