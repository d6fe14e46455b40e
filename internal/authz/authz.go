// Package authz says who may do what: one table of role × action, above
// row-level security.
package authz

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/api"
)

// Action is something that a role allows or not.
type Action string

// What needs no role.
const (
	// Public is for everybody, without a token.
	Public Action = "public"
	// SignedIn is for whoever has a valid token, about themselves.
	SignedIn Action = "signed-in"
	// Session is for people who are logged in, about their own account. Tokens
	// have none.
	Session Action = "session"
)

// Actions within an organization.
const (
	OrganizationRead   Action = "organization.read"
	OrganizationUpdate Action = "organization.update"
	OrganizationClose  Action = "organization.close"
	QuotaRead          Action = "quota.read"
	CostRead           Action = "cost.read"
	BillingWrite       Action = "billing.write" // whom invoices are made out to, and budgets
	AuditRead          Action = "audit.read"
	ProjectRead        Action = "project.read"
	ProjectWrite       Action = "project.write"
	MemberRead         Action = "member.read"
	MemberWrite        Action = "member.write"
	OwnerWrite         Action = "member.write-owner" // make or unmake an owner
	SSOManage          Action = "organization.sso"   // who vouches for its people
	TokenRead          Action = "token.read"
	TokenWrite         Action = "token.write"
	InstanceRead       Action = "instance.read"
	InstanceWrite      Action = "instance.write"
	InstanceLogs       Action = "instance.logs"
	InstanceMetrics    Action = "instance.metrics"
	CredentialReveal   Action = "credential.reveal"
	BindingWrite       Action = "binding.write"
	BackupWrite        Action = "backup.write"
	BucketRead         Action = "bucket.read"
	BucketWrite        Action = "bucket.write" // the organization's own buckets for backups
	AlertRead          Action = "alert.read"   // channels and what was told by them
	AlertWrite         Action = "alert.write"  // say whom to tell
	// ConformanceWrite is to record what a conformance run showed of a service of one's own.
	ConformanceWrite Action = "conformance.write"
	MaintenanceWrite Action = "maintenance.write"
	// UsageSend is to report what was used of instances of a service of one's own.
	UsageSend Action = "usage.send"
	SLARead   Action = "sla.read" // reports of all instances
)

// Actions of the operator's staff across organizations; never a reveal.
const (
	OperatorInventory    Action = "operator.inventory"
	OperatorSegmentAudit Action = "operator.segment-audit"
	OperatorZoneEnrol    Action = "operator.zone-enrol"
	OperatorZoneRevoke   Action = "operator.zone-revoke"
	OperatorCatalog      Action = "operator.catalog"   // providers, zones, offerings, prices
	OperatorCustomers    Action = "operator.customers" // see an organization's people and costs
	OperatorOrganization Action = "operator.organization"
	OperatorQuota        Action = "operator.quota"
	OperatorSuspend      Action = "operator.suspend"     // for budget, dunning or abuse
	OperatorMaintenance  Action = "operator.maintenance" // plan work on instances
	OperatorClock        Action = "operator.clock"       // souk dev only
	OperatorImpersonate  Action = "operator.impersonate" // look as an organization's people do
	OperatorBilling      Action = "operator.billing"     // close months, credit invoices, keep payments
)

var reads = []Action{OrganizationRead, QuotaRead, CostRead, ProjectRead, MemberRead, InstanceRead, InstanceLogs, InstanceMetrics, AlertRead, SLARead, BucketRead}
var edits = []Action{InstanceWrite, CredentialReveal, BindingWrite, BackupWrite, ConformanceWrite, MaintenanceWrite, UsageSend}
var admins = []Action{OrganizationUpdate, AuditRead, ProjectWrite, MemberWrite, TokenRead, TokenWrite, AlertWrite, BillingWrite, BucketWrite}
var owners = []Action{OrganizationClose, OwnerWrite, SSOManage}

// table holds what each role allows in its own organization or project.
var table = map[api.Role]map[Action]bool{
	api.RoleBilling: set([]Action{OrganizationRead, CostRead, QuotaRead, SLARead, BillingWrite}),
	api.RoleViewer:  set(reads),
	api.RoleEditor:  set(reads, edits),
	api.RoleAdmin:   set(reads, edits, admins),
	api.RoleOwner:   set(reads, edits, admins, owners),
	// What engines log may hold what the customer's clients sent: not for others.
	RoleLooking: set([]Action{OrganizationRead, QuotaRead, CostRead, ProjectRead, MemberRead, InstanceRead, InstanceMetrics, AlertRead, SLARead, AuditRead, TokenRead, BucketRead}),
}

// RoleLooking is that of the operator's staff who look as an organization does.
// Nobody can be given it.
const RoleLooking api.Role = "looking"

// operatorTable holds what each role in the operator organization allows across
// organizations.
var operatorTable = map[api.Role]map[Action]bool{
	api.RoleViewer: set([]Action{OperatorInventory, OperatorCustomers, OperatorSegmentAudit}),
	api.RoleEditor: set([]Action{OperatorInventory, OperatorCustomers, OperatorSegmentAudit, OperatorZoneEnrol, OperatorZoneRevoke, OperatorSuspend, OperatorMaintenance, OperatorBilling}),
	api.RoleAdmin:  set([]Action{OperatorInventory, OperatorCustomers, OperatorSegmentAudit, OperatorZoneEnrol, OperatorZoneRevoke, OperatorSuspend, OperatorMaintenance, OperatorCatalog, OperatorOrganization, OperatorQuota, OperatorClock, OperatorImpersonate, OperatorBilling}),
	api.RoleOwner:  set([]Action{OperatorInventory, OperatorCustomers, OperatorSegmentAudit, OperatorZoneEnrol, OperatorZoneRevoke, OperatorSuspend, OperatorMaintenance, OperatorCatalog, OperatorOrganization, OperatorQuota, OperatorClock, OperatorImpersonate, OperatorBilling}),
}

func set(lists ...[]Action) map[Action]bool {
	m := map[Action]bool{}
	for _, l := range lists {
		for _, a := range l {
			m[a] = true
		}
	}
	return m
}

// Known says whether a is one of the actions above.
func (a Action) Known() bool {
	return a.Roleless() || table[api.RoleOwner][a] || operatorTable[api.RoleOwner][a]
}

// Roleless says whether a needs no role.
func (a Action) Roleless() bool { return a == Public || a == SignedIn || a == Session }

// AcrossOrganizations says whether a is one of the operator's staff.
func (a Action) AcrossOrganizations() bool { return strings.HasPrefix(string(a), "operator.") }

// Ladder is the roles from the one that allows most to the one that allows least.
var Ladder = []api.Role{api.RoleOwner, api.RoleAdmin, api.RoleEditor, api.RoleViewer, api.RoleBilling}

// Roles returns the roles that allow a, the one that allows least first.
func Roles(a Action) []api.Role {
	allowed := table
	if a.AcrossOrganizations() {
		allowed = operatorTable
	}
	var roles []api.Role
	for _, r := range slices.Backward(Ladder) {
		if allowed[r][a] {
			roles = append(roles, r)
		}
	}
	return roles
}

// Allows says whether a role in an organization allows a there.
func Allows(r api.Role, a Action) bool { return table[r][a] }

// Covers says whether all that role b allows, role a allows too.
func Covers(a, b api.Role) bool {
	for action := range table[b] {
		if !table[a][action] {
			return false
		}
	}
	return table[b] != nil
}

// Principal is who asks.
type Principal struct {
	// ID is stable: "account:UUID", "token:UUID", or "system:NAME".
	ID string
	// Name is for people and the audit log: an e-mail address, or "token NAME".
	Name string
	// Credential is the ID of the session or token that was shown.
	Credential uuid.UUID
	// Session is set when a person is logged in, rather than a token used.
	Session   bool
	Account   uuid.UUID // whose session it is; uuid.Nil: a token's
	SSO       string    // organization by whose single sign-on the session began; "": none
	Password  bool      // the account has one
	ExpiresAt time.Time
	Grants    []Grant
	View      *api.View // in which it looks as an organization does; nil: it does not
}

// Grant is one role in one organization, or in one project of it only.
type Grant struct {
	Organization     uuid.UUID
	OrganizationName string
	Operator         bool      // it is the operator's own organization
	Project          uuid.UUID // uuid.Nil: the whole organization
	ProjectName      string
	Role             api.Role
}

// Organization returns the ID of the organization of that name, if the
// principal may enter it at all.
func (p Principal) Organization(name string) (uuid.UUID, bool) {
	for _, g := range p.Grants {
		if g.OrganizationName == name {
			return g.Organization, true
		}
	}
	return uuid.Nil, false
}

// Can says whether the principal may do a in the project of the organization;
// project uuid.Nil asks for the organization as a whole, which a grant for one
// project does not give.
func (p Principal) Can(a Action, organization, project uuid.UUID) bool {
	for _, g := range p.Grants {
		if g.Organization == organization && (g.Project == uuid.Nil || g.Project == project) && table[g.Role][a] {
			return true
		}
	}
	return false
}

// CanSomewhere says whether the principal may do a in the organization as a
// whole, or in which of its projects only.
func (p Principal) CanSomewhere(a Action, organization uuid.UUID) (whole bool, projects []uuid.UUID) {
	for _, g := range p.Grants {
		if g.Organization != organization || !table[g.Role][a] {
			continue
		}
		if g.Project == uuid.Nil {
			return true, nil
		}
		projects = append(projects, g.Project)
	}
	return false, projects
}

// Role returns the principal's role in the organization as a whole, or "".
func (p Principal) Role(organization uuid.UUID) api.Role {
	for _, g := range p.Grants {
		if g.Organization == organization && g.Project == uuid.Nil {
			return g.Role
		}
	}
	return ""
}

// CanOperate says whether the principal may do a across organizations.
func (p Principal) CanOperate(a Action) bool {
	_, ok := p.Operator(a)
	return ok
}

// Operator returns the operator's organization in which the principal has a role
// that allows a.
func (p Principal) Operator(a Action) (uuid.UUID, bool) {
	for _, g := range p.Grants {
		if g.Operator && g.Project == uuid.Nil && operatorTable[g.Role][a] {
			return g.Organization, true
		}
	}
	return uuid.Nil, false
}

// Looking returns the principal as it is in a view of the organization: without
// any grant but to look there, and without an account of its own.
func (p Principal) Looking(organization uuid.UUID, name string, view api.View) Principal {
	p.Session, p.Account, p.View = false, uuid.Nil, &view
	if view.EndsAt.Before(p.ExpiresAt) {
		p.ExpiresAt = view.EndsAt
	}
	p.Grants = []Grant{{Organization: organization, OrganizationName: name, Role: RoleLooking}}
	return p
}
