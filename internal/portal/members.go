package portal

import (
	"net/http"
	"strings"

	"souk/api"
	"souk/api/client"
	"souk/internal/authz"
)

// membersView is who is in the organization and who is invited, with the form
// for another.
type membersView struct {
	members     []api.Member
	invitations []api.Invitation
	projects    []api.Project
	form        api.MemberPut
	wrong       *formErrors
}

func (p *Portal) members(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showMembers(w, r, v, membersView{form: api.MemberPut{Role: api.RoleEditor}})
}

func (p *Portal) showMembers(w http.ResponseWriter, r *http.Request, v *visit, view membersView) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	var err error
	if view.members, err = v.organization().Members(r.Context()); err != nil {
		return err
	}
	if view.projects, err = v.organization().Projects(r.Context()); err != nil {
		return err
	}
	if v.may(authz.MemberWrite, "") {
		if view.invitations, err = v.organization().Invitations(r.Context()); err != nil {
			return err
		}
	}
	if view.wrong.any() {
		return refuse(w, r, v, membersPage(v, view))
	}
	return show(w, r, v, membersPage(v, view))
}

// putMember adds a person, or gives one who is there another role.
func (p *Portal) putMember(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := api.MemberPut{Email: r.PostForm.Get("email"), Role: api.Role(r.PostForm.Get("role")), Project: r.PostForm.Get("project")}
	if _, err := v.organization().PutMember(r.Context(), form); err != nil {
		wrong, err := formProblem(err)
		if err != nil {
			return err
		}
		return p.showMembers(w, r, v, membersView{form: form, wrong: wrong})
	}
	redirect(w, r, done("member-kept", "o", v.org, "members"))
	return nil
}

func (p *Portal) removeMember(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.organization().RemoveMember(r.Context(), r.PathValue("id")); err != nil {
		wrong, err := formProblem(err)
		if err != nil {
			return err
		}
		return p.showMembers(w, r, v, membersView{form: api.MemberPut{Role: api.RoleEditor}, wrong: wrong})
	}
	// Whoever leaves has no page here any more.
	if _, err := v.organization().Get(r.Context()); client.IsStatus(err, http.StatusNotFound) {
		redirect(w, r, "/")
		return nil
	}
	redirect(w, r, done("member-removed", "o", v.org, "members"))
	return nil
}

// invite has somebody mailed a link to join by.
func (p *Portal) invite(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := api.MemberPut{Email: strings.TrimSpace(r.PostForm.Get("email")), Role: api.Role(r.PostForm.Get("role")), Project: r.PostForm.Get("project")}
	_, err := v.organization().Invite(r.Context(), api.InvitationCreate{Email: form.Email, Role: form.Role, Project: form.Project})
	return p.afterInvitation(w, r, v, form, err, "invited")
}

func (p *Portal) resendInvitation(w http.ResponseWriter, r *http.Request, v *visit) error {
	_, err := v.organization().ResendInvitation(r.Context(), r.PathValue("id"))
	return p.afterInvitation(w, r, v, api.MemberPut{Role: api.RoleEditor}, err, "invitation-resent")
}

func (p *Portal) revokeInvitation(w http.ResponseWriter, r *http.Request, v *visit) error {
	err := v.organization().RevokeInvitation(r.Context(), r.PathValue("id"))
	return p.afterInvitation(w, r, v, api.MemberPut{Role: api.RoleEditor}, err, "invitation-revoked")
}

func (p *Portal) afterInvitation(w http.ResponseWriter, r *http.Request, v *visit, form api.MemberPut, err error, note string) error {
	if err != nil {
		wrong, err := formProblem(err)
		if err != nil {
			return err
		}
		return p.showMembers(w, r, v, membersView{form: form, wrong: wrong})
	}
	redirect(w, r, done(note, "o", v.org, "members"))
	return nil
}
