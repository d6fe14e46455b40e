package portal

import (
	"slices"
	"strconv"
	"strings"

	"souk/api"
)

// orderOption is one of what can be chosen at an order and works as it is.
type orderOption struct {
	name    string // of the control
	field   string // of the API
	usual   string // what it is unless it is chosen
	label   string // key of its text
	choices []string
	text    string // key of the texts of the choices; "" where they are names
	bucket  bool   // its choices are the organization's buckets
	zone    bool   // its choices are time zones, and it is the organization's unless it is chosen
}

// orderOptions are in the order in which the form has them.
var orderOptions = []orderOption{
	{name: "backups", field: "spec.backup.enabled", label: "order.backups", choices: []string{"on", "off"}, text: "order.backups-"},
	{name: "backupAt", field: "spec.backup.at", usual: "02:00", label: "order.backup-at"},
	{name: "backupZone", field: "spec.backup.timeZone", label: "order.backup-zone", zone: true},
	{name: "backupTo", field: "spec.backup.to", label: "bucket.kept-in", bucket: true},
	{name: "keepLast", field: "spec.backup.keep.last", usual: "3", label: "order.keep-last"},
	{name: "keepDaily", field: "spec.backup.keep.daily", usual: "7", label: "order.keep-daily"},
	{name: "keepWeekly", field: "spec.backup.keep.weekly", usual: "4", label: "order.keep-weekly"},
	{name: "keepMonthly", field: "spec.backup.keep.monthly", usual: "0", label: "order.keep-monthly"},
	{name: "windowDay", field: "spec.maintenance.day", usual: "sunday", label: "order.window-day", choices: weekdays, text: "maintenance.day-"},
	{name: "windowAt", field: "spec.maintenance.at", usual: "03:00", label: "order.window-at"},
	{name: "windowZone", field: "spec.maintenance.timeZone", label: "order.window-zone", zone: true},
	{name: "windowMinutes", field: "spec.maintenance.minutes", usual: "120", label: "order.window-minutes"},
	{name: "logDays", field: "spec.logs.retentionDays", usual: "7", label: "order.log-days"},
	{name: "suspendable", field: "spec.suspendable", usual: "off", label: "order.suspendable", choices: []string{"on", "off"}, text: "order.suspendable-"},
}

func (o orderOption) id() string { return "option-" + o.name }

// choicesOf are the values that an option can be chosen from; none where it is typed.
func (f *orderForm) choicesOf(o orderOption) []string {
	switch {
	case o.bucket:
		return f.buckets
	case !o.zone:
		return o.choices
	}
	return zonesWith(f.option(o.name))
}

// choiceText is a value of an option, as people read it.
func (v *visit) choiceText(o orderOption, value string) string {
	if o.text == "" {
		return value
	}
	return v.T(o.text + value)
}

// usualOf is what an option is unless it is chosen, as people read it.
func (v *visit) usualOf(o orderOption) string {
	switch {
	case o.zone:
		return v.zone.String()
	case o.bucket:
		return v.T("bucket.of-zone")
	case o.usual == "":
		return v.T("order.backups-usual")
	}
	if o.text != "" {
		return v.T(o.text + o.usual)
	}
	return o.usual
}

// option is what was typed for an option.
func (f *orderForm) option(name string) string { return strings.TrimSpace(f.typed.Get(name)) }

// anyOption says whether an option is chosen or wrong.
func (f *orderForm) anyOption() bool {
	return slices.ContainsFunc(orderOptions, func(o orderOption) bool { return f.option(o.name) != "" || f.problem(o.field) != "" })
}

// options are those that there is something to choose of.
func (f *orderForm) options() []orderOption {
	return slices.DeleteFunc(slices.Clone(orderOptions), func(o orderOption) bool { return o.bucket && len(f.buckets) == 0 })
}

// choose adds to a spec what was chosen beside the usual.
func (f *orderForm) choose(v *visit, spec *api.InstanceSpec) *formErrors {
	numbers := map[string]int{}
	for _, o := range orderOptions {
		standard, err := strconv.Atoi(o.usual)
		if err != nil {
			continue // no number
		}
		typed := f.option(o.name)
		if typed == "" {
			numbers[o.name] = standard
			continue
		}
		n, err := strconv.Atoi(typed)
		if err != nil {
			return mistake(o.field, v.T("backup.no-number"))
		}
		numbers[o.name] = n
	}
	chosen := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return f.option(name) != "" })
	}
	if chosen("backups", "backupAt", "backupZone", "backupTo", "keepLast", "keepDaily", "keepWeekly", "keepMonthly") {
		spec.Backup = &api.BackupSpec{At: f.option("backupAt"), TimeZone: f.option("backupZone"), To: f.option("backupTo")}
		if chosen("backups") {
			on := f.option("backups") == "on"
			spec.Backup.Enabled = &on
		}
	}
	if chosen("keepLast", "keepDaily", "keepWeekly", "keepMonthly") {
		spec.Backup.Keep = &api.BackupKeep{Last: numbers["keepLast"], Daily: numbers["keepDaily"], Weekly: numbers["keepWeekly"], Monthly: numbers["keepMonthly"]}
	}
	if chosen("windowDay", "windowAt", "windowZone", "windowMinutes") {
		spec.Maintenance = &api.MaintenanceSpec{Day: f.option("windowDay"), At: f.option("windowAt"), Minutes: numbers["windowMinutes"], TimeZone: f.option("windowZone")}
	}
	if chosen("logDays") {
		spec.Logs = &api.LogsSpec{RetentionDays: numbers["logDays"]}
	}
	spec.Suspendable = f.option("suspendable") == "on"
	return nil
}

// summary is what the order comes with, of all that the API says that it would do.
func (f *orderForm) summary() []api.Change {
	var out []api.Change
	for _, c := range f.quote.Changes {
		switch c.Field {
		case "spec.backup", "spec.maintenance", "spec.logs.retentionDays":
			out = append(out, c)
		}
	}
	return out
}
