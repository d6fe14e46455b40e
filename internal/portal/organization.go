package portal

import (
	"net/http"
	"slices"
	"strconv"

	"souk/api"
	"souk/internal/authz"
)

// organizationRoutes are the pages by which an organization is administered.
func (p *Portal) organizationRoutes() []Route {
	return []Route{
		{"GET /o/{org}/projects", SignedIn, p.projects},
		{"POST /o/{org}/projects", SignedIn, p.createProject},
		{"POST /o/{org}/projects/{project}/delete", SignedIn, p.deleteProject},
		{"GET /o/{org}/members", SignedIn, p.members},
		{"POST /o/{org}/members", SignedIn, p.putMember},
		{"POST /o/{org}/members/{id}/remove", SignedIn, p.removeMember},
		{"POST /o/{org}/invitations", SignedIn, p.invite},
		{"POST /o/{org}/invitations/{id}/resend", SignedIn, p.resendInvitation},
		{"POST /o/{org}/invitations/{id}/revoke", SignedIn, p.revokeInvitation},
		{"GET /o/{org}/tokens", SignedIn, p.tokens},
		{"POST /o/{org}/tokens", SignedIn, p.createToken},
		{"POST /o/{org}/tokens/{id}/revoke", SignedIn, p.revokeToken},
		{"GET /o/{org}/audit", SignedIn, p.auditLog},
		{"GET /o/{org}/costs", SignedIn, p.costs},
		{"GET /o/{org}/costs.csv", SignedIn, p.costsCSV},
		{"GET /o/{org}/costs/total", SignedIn, p.costTotal},
		{"GET /o/{org}/quota", SignedIn, p.quota},
		{"GET /o/{org}/settings", SignedIn, p.organizationSettings},
		{"POST /o/{org}/settings", SignedIn, p.updateOrganization},
	}
}

// administration are the sections of an organization's pages that the visitor's
// role sees beside those for everybody.
func (v *visit) administration() []entry {
	var list []entry
	for _, s := range []struct {
		action      authz.Action
		title, path string
	}{
		{authz.InstanceRead, v.T("section.alerts"), "alerts"},
		{authz.InstanceRead, v.T("section.maintenance"), "maintenance"},
		{authz.ProjectRead, v.T("section.projects"), "projects"},
		{authz.CostRead, v.T("section.costs"), "costs"},
		{authz.CostRead, v.T("section.budgets"), "budgets"},
		{authz.CostRead, v.T("section.invoices"), "invoices"},
		{authz.CostRead, v.T("section.billing"), "billing"},
		{authz.SLARead, v.T("section.sla"), "sla"},
		{authz.QuotaRead, v.T("section.quota"), "quota"},
		{authz.MemberRead, v.T("section.members"), "members"},
		{authz.TokenRead, v.T("section.tokens"), "tokens"},
		{authz.AuditRead, v.T("section.audit"), "audit"},
		{authz.OrganizationUpdate, v.T("section.settings"), "settings"},
		{authz.SSOManage, v.T("section.sso"), "sso"},
	} {
		if v.may(s.action, "") && (v.everywhere() || !ofTheWhole[s.path]) {
			list = append(list, entry{s.title, at("o", v.org, s.path)})
		}
	}
	return list
}

// ofTheWhole are the sections about what is not of single projects.
var ofTheWhole = map[string]bool{"invoices": true, "billing": true}

// everywhere says whether the visitor is a member of the whole of the visited organization,
// and not of some of its projects only.
func (v *visit) everywhere() bool {
	return slices.ContainsFunc(v.who.Organizations, func(o api.WhoamiOrg) bool { return o.Name == v.org && len(o.Projects) == 0 })
}

// role is the visitor's in the whole of the visited organization, or "".
func (v *visit) role() api.Role {
	for _, o := range v.who.Organizations {
		if o.Name == v.org {
			return o.Role
		}
	}
	return ""
}

// everyRole is in the order in which pages name them.
var everyRole = []api.Role{api.RoleViewer, api.RoleEditor, api.RoleAdmin, api.RoleOwner, api.RoleBilling}

// grantable are the roles that the visitor can give to others.
func (v *visit) grantable() []api.Role {
	var roles []api.Role
	for _, r := range everyRole {
		if authz.Covers(v.role(), r) {
			roles = append(roles, r)
		}
	}
	return roles
}

func (v *visit) roleName(r api.Role) string { return v.Or("role."+string(r), string(r)) }

// meter is one measure of a quota.
type meter struct {
	id, label, text string
	used, quota     int64
}

func (v *visit) meters(u api.QuotaUse) []meter {
	of := func(used, quota any) string { return v.T("quota.of", "used", used, "quota", quota) }
	q, n := u.Quota, u.Used
	return []meter{
		{"instances", v.T("quota.instances"), of(n.Instances, q.Instances), n.Instances, q.Instances},
		{"cpu", v.T("quota.cpu"), of(cores(n.CPUMillis), cores(q.CPUMillis)), n.CPUMillis, q.CPUMillis},
		{"memory", v.T("quota.memory"), of(mebibytes(n.MemoryMiB), mebibytes(q.MemoryMiB)), n.MemoryMiB, q.MemoryMiB},
		{"storage", v.T("quota.storage"), of(gibibytes(n.StorageGiB), gibibytes(q.StorageGiB)), n.StorageGiB, q.StorageGiB},
	}
}

func (p *Portal) quota(w http.ResponseWriter, r *http.Request, v *visit) error {
	use, err := v.organization().Quota(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, v, quotaPage(v, v.meters(use)))
}

// settingsForm is what an organization's administrators set.
type settingsForm struct {
	displayName, timeZone string
	wrong                 *formErrors
}

func (p *Portal) organizationSettings(w http.ResponseWriter, r *http.Request, v *visit) error {
	o, err := v.settle(r.Context())
	if err != nil {
		return err
	}
	if !v.may(authz.OrganizationUpdate, "") {
		return forbidden()
	}
	return show(w, r, v, settingsPage(v, settingsForm{displayName: o.DisplayName, timeZone: o.TimeZone}))
}

func (p *Portal) updateOrganization(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := settingsForm{displayName: r.PostForm.Get("displayName"), timeZone: r.PostForm.Get("timeZone")}
	if _, err := v.organization().Update(r.Context(), api.OrganizationUpdate{DisplayName: form.displayName, TimeZone: form.timeZone}); err != nil {
		if form.wrong, err = formProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, settingsPage(v, form))
	}
	redirect(w, r, done("organization-kept", "o", v.org, "settings"))
	return nil
}

// forbidden is the refusal of a page that only shows what the API lets read, to
// those who cannot do what it is for.
func forbidden() error { return &problem{Status: http.StatusForbidden} }

func gibibytes(n int64) string { return strconv.FormatInt(n, 10) + " GiB" }
