package portal

import (
	"net/http"
	"strings"

	"souk/api"
)

// invitationRoutes let an invited person join.
func (p *Portal) invitationRoutes() []Route {
	return []Route{
		{"GET /invitation", Anybody, p.invitationPage},
		{"POST /invitation", Anybody, p.redeem},
	}
}

// invitationView is an invitation as whoever opened its link sees it.
type invitationView struct {
	linkPage
	to api.InvitationShown
}

// stranger says whether somebody is logged in whom the invitation is not for.
func (i invitationView) stranger(v *visit) bool {
	return v.who != nil && !strings.EqualFold(v.who.Actor, i.to.Email)
}

// place is what the invitation is to.
func (i invitationView) place(v *visit) string {
	name := i.to.Organization
	if i.to.DisplayName != "" {
		name = i.to.DisplayName + " (" + name + ")"
	}
	if i.to.Project != "" {
		return v.T("invitation.project", "project", i.to.Project, "organization", name)
	}
	return name
}

func (p *Portal) invitationPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	if p.arrive(w, r, v) {
		return nil
	}
	return p.showInvitation(w, r, v, invitationView{linkPage: linkPage{token: handedOver(r, mailedToken)}})
}

func (p *Portal) showInvitation(w http.ResponseWriter, r *http.Request, v *visit, view invitationView) error {
	if view.token != "" && !view.dead() {
		var err error
		if view.to, err = v.client.ShowInvitation(r.Context(), view.token); err != nil {
			if view.wrong, err = linkProblem(err); err != nil {
				return err
			}
		}
	}
	if view.wrong.any() {
		return refuse(w, r, v, invitationPage(v, view))
	}
	return show(w, r, v, invitationPage(v, view))
}

// redeem joins as whoever is logged in, or as somebody new.
func (p *Portal) redeem(w http.ResponseWriter, r *http.Request, v *visit) error {
	view := invitationView{linkPage: linkPage{token: r.PostForm.Get("token")}}
	secret := ""
	if v.who != nil {
		secret = v.secret
	}
	got, err := p.clientFor(r, secret).RedeemInvitation(r.Context(), api.InvitationRedeem{Token: view.token, Password: r.PostForm.Get("password"), Locale: v.Lang})
	if err != nil {
		if view.wrong, err = linkProblem(err); err != nil {
			return err
		}
		return p.showInvitation(w, r, v, view)
	}
	p.handOver(w, "/invitation", mailedToken, "")
	if got.Session != nil {
		p.session.Set(w, got.Session.Token, got.Session.ExpiresAt)
	}
	redirect(w, r, done("joined", "o", got.Organization))
	return nil
}
