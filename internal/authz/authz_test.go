package authz

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"souk/api"
)

var (
	acme, globex, souk = uuid.New(), uuid.New(), uuid.New()
	shop, second       = uuid.New(), uuid.New()
)

// The role table, written down a second time: a change of one is a change of both.
func TestTable(t *testing.T) {
	const none, all = "", "billing viewer editor admin owner"
	want := map[Action]string{
		OrganizationRead: all, QuotaRead: all, CostRead: all,
		ProjectRead: "viewer editor admin owner", MemberRead: "viewer editor admin owner",
		InstanceRead: "viewer editor admin owner", InstanceLogs: "viewer editor admin owner", InstanceMetrics: "viewer editor admin owner", AlertRead: "viewer editor admin owner", BucketRead: "viewer editor admin owner", SLARead: "billing viewer editor admin owner",
		InstanceWrite: "editor admin owner", CredentialReveal: "editor admin owner", BindingWrite: "editor admin owner", BackupWrite: "editor admin owner", ConformanceWrite: "editor admin owner", MaintenanceWrite: "editor admin owner", UsageSend: "editor admin owner",
		OrganizationUpdate: "admin owner", AuditRead: "admin owner", ProjectWrite: "admin owner",
		MemberWrite: "admin owner", TokenRead: "admin owner", TokenWrite: "admin owner", AlertWrite: "admin owner", BucketWrite: "admin owner", BillingWrite: "billing admin owner",
		OrganizationClose: "owner", OwnerWrite: "owner", SSOManage: "owner",
		OperatorInventory: "viewer editor admin owner", OperatorCustomers: "viewer editor admin owner", OperatorSegmentAudit: "viewer editor admin owner",
		OperatorZoneEnrol: "editor admin owner", OperatorZoneRevoke: "editor admin owner", OperatorSuspend: "editor admin owner", OperatorMaintenance: "editor admin owner", OperatorBilling: "editor admin owner",
		OperatorCatalog: "admin owner", OperatorOrganization: "admin owner", OperatorQuota: "admin owner", OperatorClock: "admin owner", OperatorImpersonate: "admin owner",
		"made.up": none,
	}
	for action, roles := range want {
		var got string
		for _, r := range Roles(action) {
			got += " " + string(r)
		}
		if got = trim(got); got != roles {
			t.Errorf("%s is allowed to %q, want %q", action, got, roles)
		}
		if action.Known() != (roles != none) {
			t.Errorf("%s is known: %v", action, action.Known())
		}
	}
	for _, table := range []map[api.Role]map[Action]bool{table, operatorTable} {
		for role, actions := range table {
			for a := range actions {
				if _, ok := want[a]; !ok {
					t.Errorf("%s allows %s, which this table does not know", role, a)
				}
			}
		}
	}
}

func trim(s string) string {
	if s == "" {
		return ""
	}
	return s[1:]
}

// Nobody in the operator's organization may reveal a credential of others.
func TestStaffNeverReveal(t *testing.T) {
	staff := Principal{Grants: []Grant{{Organization: souk, Operator: true, Role: api.RoleOwner}}}
	for _, a := range []Action{CredentialReveal, InstanceRead, BindingWrite} {
		if staff.Can(a, acme, shop) || staff.CanOperate(a) {
			t.Errorf("staff may do %s in an organization of others", a)
		}
	}
}

func TestPrincipal(t *testing.T) {
	whole := Principal{Grants: []Grant{{Organization: acme, OrganizationName: "acme", Role: api.RoleEditor}}}
	part := Principal{Grants: []Grant{{Organization: acme, OrganizationName: "acme", Project: shop, Role: api.RoleEditor}}}
	both := Principal{Grants: []Grant{{Organization: acme, Role: api.RoleViewer}, {Organization: acme, Project: shop, Role: api.RoleEditor}}}
	for _, c := range []struct {
		name                  string
		p                     Principal
		organization, project uuid.UUID
		want                  bool
	}{
		{"in the organization", whole, acme, uuid.Nil, true},
		{"in any project of it", whole, acme, shop, true},
		{"in another organization", whole, globex, uuid.Nil, false},
		{"in the project of the grant", part, acme, shop, true},
		{"in another project", part, acme, second, false},
		{"in the organization as a whole", part, acme, uuid.Nil, false},
		{"where the larger role is", both, acme, shop, true},
		{"where the smaller role is", both, acme, second, false},
		{"without any grant", Principal{}, acme, shop, false},
	} {
		if got := c.p.Can(InstanceWrite, c.organization, c.project); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if all, projects := both.CanSomewhere(InstanceWrite, acme); all || !slices.Equal(projects, []uuid.UUID{shop}) {
		t.Errorf("may somewhere: %v %v", all, projects)
	}
	if all, _ := both.CanSomewhere(InstanceRead, acme); !all {
		t.Error("may not read the whole")
	}
}

// Each role covers those below it; but what billing may change, viewers and editors may not.
func TestCovers(t *testing.T) {
	for i, a := range Ladder {
		for j, b := range Ladder {
			apart := b == api.RoleBilling && (a == api.RoleEditor || a == api.RoleViewer)
			if got := Covers(a, b); got != (i <= j && !apart) {
				t.Errorf("%s covers %s: %v", a, b, got)
			}
		}
	}
	if Covers(api.RoleOwner, "king") || Covers("", api.RoleBilling) {
		t.Error("a role that is none is covered, or covers")
	}
}

// Who looks as an organization does reads, and never changes or reveals.
func TestLooking(t *testing.T) {
	for _, a := range []Action{OrganizationRead, QuotaRead, CostRead, ProjectRead, MemberRead, InstanceRead, InstanceMetrics, AlertRead, SLARead, AuditRead, TokenRead, BucketRead} {
		if !Allows(RoleLooking, a) {
			t.Errorf("%s is not seen", a)
		}
	}
	if n := len(table[RoleLooking]); n != 12 {
		t.Errorf("%d actions are allowed", n)
	}
	if slices.Contains(Ladder, RoleLooking) {
		t.Error("the role can be given")
	}
}
