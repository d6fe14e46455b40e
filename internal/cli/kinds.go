package cli

import (
	"context"
	"slices"
	"strings"
)

// kind is one kind of object that `get` lists.
type kind struct {
	name    string // "instance"
	plural  string
	aliases []string
	of      string // what NAME names, where it is not the object itself
	needs   bool   // NAME has to be given
	alone   bool   // NAME cannot be given
	// list shows all of them, or the one of this name where it is not empty.
	list func(ctx context.Context, a *App, name string, opt getOptions) (view, error)
}

// getOptions choose what `get` lists.
type getOptions struct {
	labels map[string]string
	all    bool // over all organizations
	limit  int
	action string
	kind   string
	text   string
}

func kinds() []kind {
	return []kind{
		{name: "instance", plural: "instances", aliases: []string{"inst"}, list: listInstances},
		{name: "service", plural: "services", aliases: []string{"svc"}, list: listServices},
		{name: "plan", plural: "plans", of: "SERVICE", needs: true, list: listPlans},
		{name: "zone", plural: "zones", list: listZones},
		{name: "provider", plural: "providers", list: listProviders},
		{name: "price-list", plural: "price-lists", aliases: []string{"pricelist", "pricelists"}, list: listPriceLists},
		{name: "project", plural: "projects", list: listProjects},
		{name: "member", plural: "members", list: listMembers},
		{name: "invitation", plural: "invitations", list: listInvitations},
		{name: "token", plural: "tokens", list: listTokens},
		{name: "binding", plural: "bindings", of: "INSTANCE", needs: true, list: listBindings},
		{name: "backup", plural: "backups", of: "INSTANCE", list: listBackups},
		{name: "bucket", plural: "buckets", list: listBuckets},
		{name: "restore", plural: "restores", of: "INSTANCE", needs: true, list: listRestores},
		{name: "maintenance", plural: "maintenance", aliases: []string{"maintenances"}, of: "INSTANCE", list: listMaintenance},
		{name: "drill", plural: "drills", of: "INSTANCE", needs: true, list: listDrills},
		{name: "event", plural: "events", of: "INSTANCE", needs: true, list: listEvents},
		{name: "alert", plural: "alerts", alone: true, list: listAlerts},
		{name: "alert-channel", plural: "alert-channels", list: listAlertChannels},
		{name: "alert-delivery", plural: "alert-deliveries", alone: true, list: listAlertDeliveries},
		{name: "audit", plural: "audit", alone: true, list: listAudit},
		{name: "organization", plural: "organizations", aliases: []string{"org", "orgs"}, list: listOrganizations},
		{name: "quota", plural: "quota", aliases: []string{"quotas"}, alone: true, list: listQuota},
		{name: "cost", plural: "cost", aliases: []string{"costs"}, of: "INSTANCE", list: listCost},
	}
}

func kindNames() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.plural)
	}
	return names
}

func findKind(word string) (kind, bool) {
	word = strings.ToLower(word)
	for _, k := range kinds() {
		if word == k.name || word == k.plural || slices.Contains(k.aliases, word) {
			return k, true
		}
	}
	return kind{}, false
}

// target reads `KIND`, `KIND NAME`, `KIND/NAME` or a bare `NAME`, which is an
// instance.
func target(args []string) (kind, string, error) {
	word, name, slash := strings.Cut(args[0], "/")
	if len(args) == 2 {
		if slash {
			return kind{}, "", misuse("say either %s or KIND NAME, not both", args[0])
		}
		name = args[1]
	}
	k, known := findKind(word)
	switch {
	case !known && (slash || len(args) == 2):
		return kind{}, "", misuse("unknown kind %q; there are: %s", word, strings.Join(kindNames(), ", "))
	case !known:
		k, _ = findKind("instance")
		name = word
	case (slash || len(args) == 2) && name == "":
		return kind{}, "", misuse("the name of the %s is empty", k.name)
	}
	switch {
	case k.needs && name == "":
		return kind{}, "", misuse("%s of which %s? Say: %s %s", k.plural, strings.ToLower(k.of), k.plural, k.of)
	case k.alone && name != "":
		return kind{}, "", misuse("%s takes no name", k.plural)
	}
	return k, name, nil
}

// instanceName reads an instance's name: `db1` or `instance/db1`.
func instanceName(arg string) (string, error) {
	word, name, slash := strings.Cut(arg, "/")
	if !slash {
		name = word
	} else if k, ok := findKind(word); !ok || k.name != "instance" {
		return "", misuse("%s is not an instance", arg)
	}
	if name == "" {
		return "", misuse("the instance's name is empty")
	}
	return name, nil
}

// labelSelector reads "k=v,k2=v2".
func labelSelector(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	labels := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, misuse("the label selector %q is not of the form key=value,key2=value2", text)
		}
		labels[key] = value
	}
	return labels, nil
}
