package portal

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"souk/api"
	"souk/api/client"
	"souk/internal/authz"
)

func (p *Portal) backupRoutes() []Route {
	const base = instanceBase + "/backups"
	return []Route{
		{"GET /o/{org}/backups", SignedIn, p.backedUp},
		{"GET " + base, SignedIn, p.backups},
		{"POST " + base, SignedIn, p.backUp},
		{"POST " + base + "/plan", SignedIn, p.planBackups},
		{"POST " + base + "/restore", SignedIn, p.restoreBackup},
		{"GET " + base + "/{backup}/delete", SignedIn, p.askToDeleteBackup},
		{"POST " + base + "/{backup}/delete", SignedIn, p.deleteBackup},
		{"POST " + base + "/in-place", SignedIn, p.restoreInPlace},
		{"POST " + instanceBase + "/drills", SignedIn, p.startDrill},
		{"GET " + instanceBase + "/drills/{drill}/certificate.jws", SignedIn, p.drillCertificate},
		{"GET " + instanceBase + "/drills/{drill}/certificate.pdf", SignedIn, p.drillDocument},
	}
}

// backupsOf is what the page of an instance's backups shows. Of an instance that
// was removed for good only its name and project are known.
type backupsOf struct {
	*shown
	list  api.BackupList
	drill api.DrillList
	place api.InPlaceRestoreList
	// buckets of the organization's that backups can be kept in.
	buckets []string
	typed   map[string]string // of the form that was refused
	wrong   *formErrors
}

func (p *Portal) backupsOf(r *http.Request, v *visit) (*backupsOf, error) {
	s, err := p.instanceAt(r, v)
	if client.IsStatus(err, http.StatusNotFound) {
		s, err = &shown{project: v.organization().Project(r.PathValue("project"))}, nil
		s.Metadata = api.Metadata{Name: r.PathValue("name"), Organization: v.org, Project: r.PathValue("project")}
		s.Status.Phase = api.PhasePurged
	}
	if err != nil {
		return nil, err
	}
	v.path = s.path("backups")
	b := &backupsOf{shown: s, typed: map[string]string{}}
	if b.list, err = s.project.Backups(r.Context(), s.Metadata.Name); err != nil {
		return nil, err
	}
	if b.drill, err = s.project.Drills(r.Context(), s.Metadata.Name); err != nil {
		return nil, err
	}
	if b.place, err = s.project.InPlaceRestores(r.Context(), s.Metadata.Name); err != nil {
		return nil, err
	}
	if b.list.OwnBuckets {
		b.buckets, err = v.bucketChoices(r)
	}
	return b, err
}

// name is what the instance was called, where the page was asked for by its ID.
func (b *backupsOf) name() string { return cmp.Or(b.list.Instance, b.Metadata.Name) }

// backedUp lists the instances of a project of which backups are kept.
func (p *Portal) backedUp(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	project := cmp.Or(v.query.Get("project"), "default")
	all, err := v.organization().Project(project).BackupSummaries(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, v, backedUpPage(v, project, all))
}

// backupsPath leads to an instance's backups: by its ID where it is gone and its
// name may be another's.
func backupsPath(v *visit, project string, of api.BackupSummary) string {
	name := of.Instance
	if of.Phase == api.PhasePurged {
		name = of.InstanceID
	}
	return at("o", v.org, "p", project, "instances", name, "backups")
}

// purged says that nothing but the backups is left.
func (b *backupsOf) purged() bool { return b.Status.Phase == api.PhasePurged }

// restorable are those that can be restored.
func (b *backupsOf) restorable() []api.Backup {
	var out []api.Backup
	for _, each := range b.list.Items {
		if each.State == "completed" {
			out = append(out, each)
		}
	}
	return out
}

// mayRestore says that the visitor may, and that there is something to restore.
func (b *backupsOf) mayRestore(v *visit) bool {
	return b.may(v, authz.InstanceWrite) && len(b.restorable()) > 0
}

// none says that there are no backups, and that none can be taken either.
func (b *backupsOf) none() bool { return b.list.Unavailable != "" && len(b.list.Items) == 0 }

// mayRewind says that the visitor may restore the instance in place, and that it can be.
func (b *backupsOf) mayRewind(v *visit) bool {
	return !b.purged() && !b.gone() && b.list.Enabled && b.place.Message == "" && b.mayRestore(v)
}

// rewindClass is how a restore in place is shown.
func rewindClass(state string) string {
	switch state {
	case "completed":
		return "good"
	case "failed":
		return "bad"
	}
	return "busy"
}

// plan is what is wanted of backups.
func (b *backupsOf) plan() api.BackupSpec {
	p := api.BackupSpec{Keep: &api.BackupKeep{Last: 3, Daily: 7, Weekly: 4}, At: "02:00"}
	if is := b.Spec.Backup; is != nil {
		p.Enabled = is.Enabled
		if is.Keep != nil {
			p.At, p.TimeZone, p.Keep, p.Drills, p.To = is.At, is.TimeZone, is.Keep, is.Drills, is.To
		}
	}
	return p
}

func (b *backupsOf) value(field, otherwise string) string {
	if typed, ok := b.typed[field]; ok {
		return typed
	}
	return otherwise
}

// The two forms that restore ask for the same, but for one field each, by which they are
// told apart.
const (
	restoreField = "to"
	rewindField  = "confirm"
)

// chosen is what was typed into a field of one of these forms, if it is the one that was
// refused.
func (b *backupsOf) chosen(form, field string) string {
	if _, refused := b.typed[form]; !refused {
		return ""
	}
	return b.typed[field]
}

// problem is what is wrong with a field of one of these forms.
func (b *backupsOf) problem(form, field string) string {
	if _, refused := b.typed[form]; !refused {
		return ""
	}
	return cmp.Or(b.wrong.within("restoreFrom."+field), b.wrong.within(field))
}

// keepProblem is what is wrong with a rule.
func (b *backupsOf) keepProblem(rule string) string {
	if text := b.wrong.within("keep." + rule); text != "" {
		return text
	}
	return b.wrong.within(rule)
}

func took(b api.Backup) string {
	if b.StartedAt == nil || b.FinishedAt == nil {
		return "–"
	}
	return b.FinishedAt.Sub(*b.StartedAt).Round(time.Second).String()
}

func backupClass(state string) string {
	switch state {
	case "completed":
		return "good"
	case "failed", "lost":
		return "bad"
	case "expiring":
		return "off"
	}
	return "busy"
}

func (p *Portal) backups(w http.ResponseWriter, r *http.Request, v *visit) error {
	b, err := p.backupsOf(r, v)
	if err != nil {
		return err
	}
	return show(w, r, v, backupsPage(v, b))
}

// changeBackups carries a form out and goes to where it leads.
func (p *Portal) changeBackups(w http.ResponseWriter, r *http.Request, v *visit, do func(b *backupsOf) (to string, err error)) error {
	b, err := p.backupsOf(r, v)
	if err != nil {
		return err
	}
	to, err := do(b)
	if err != nil {
		if b.wrong, err = formProblem(err); err != nil {
			return err
		}
		for field := range r.PostForm {
			b.typed[field] = r.PostForm.Get(field)
		}
		return refuse(w, r, v, backupsPage(v, b))
	}
	redirect(w, r, to)
	return nil
}

func (p *Portal) backUp(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.changeBackups(w, r, v, func(b *backupsOf) (string, error) {
		_, err := b.project.BackUp(r.Context(), b.Metadata.Name)
		return b.path("backups") + "?done=backup", err
	})
}

func (p *Portal) planBackups(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.changeBackups(w, r, v, func(b *backupsOf) (string, error) {
		plan := map[string]any{"enabled": r.PostForm.Get("enabled") == "on", "at": r.PostForm.Get("at"), "timeZone": r.PostForm.Get("timeZone")}
		keep := map[string]any{}
		for _, rule := range []string{"last", "daily", "weekly", "monthly"} {
			n, err := strconv.Atoi(strings.TrimSpace(r.PostForm.Get(rule)))
			if err != nil {
				return "", mistake(rule, v.T("backup.no-number")).problem
			}
			keep[rule] = n
		}
		plan["keep"] = keep
		if b.list.OwnBuckets && r.PostForm.Has("to") {
			plan["to"] = r.PostForm.Get("to")
		}
		if drills := r.PostForm.Get("drills"); drills != "" {
			plan["drills"] = drills
		}
		_, err := b.project.Patch(r.Context(), b.Metadata.Name, map[string]any{"spec": map[string]any{"backup": plan}}, "")
		return b.path("backups") + "?done=backup-plan", err
	})
}

// pointInTime reads what a form's field for a time holds, in the visitor's zone.
func pointInTime(text string, zone *time.Location) (time.Time, error) {
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(form, strings.TrimSpace(text), zone); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no point in time", text)
}

func (p *Portal) restoreBackup(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.changeBackups(w, r, v, func(b *backupsOf) (string, error) {
		order := api.InstanceOrder{RestoreFrom: &api.RestoreFrom{Instance: b.Metadata.Name, Backup: r.PostForm.Get("backup")}}
		order.Metadata.Name = r.PostForm.Get("to")
		if r.PostForm.Get("backup") == "" {
			at, err := pointInTime(r.PostForm.Get("time"), v.zone)
			if err != nil {
				return "", mistake("time", v.T("backup.no-time")).problem
			}
			order.RestoreFrom.Time = &at
		}
		made, err := b.project.Order(r.Context(), order)
		return instancePath(made) + "?done=restoring", err
	})
}

func (p *Portal) restoreInPlace(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.changeBackups(w, r, v, func(b *backupsOf) (string, error) {
		in := api.RestoreInPlace{Backup: r.PostForm.Get("backup"), Confirm: strings.TrimSpace(r.PostForm.Get("confirm"))}
		if in.Backup == "" {
			at, err := pointInTime(r.PostForm.Get("time"), v.zone)
			if err != nil {
				return "", mistake("time", v.T("backup.no-time")).problem
			}
			in.Time = &at
		}
		_, err := b.project.RestoreInPlace(r.Context(), b.Metadata.Name, in)
		return b.path("backups") + "?done=rewinding", err
	})
}

// protected says that the instance is protected against deletion, and its backups with it.
func (b *backupsOf) protected() bool { return b.Spec.Protected != nil && *b.Spec.Protected }

// mayDelete says that the visitor may delete a backup, as it is.
func (b *backupsOf) mayDelete(v *visit, each api.Backup) bool {
	return b.may(v, authz.BackupWrite) && (each.State == "completed" || each.State == "lost")
}

// askToDeleteBackup shows what is lost with a backup, and asks.
func (p *Portal) askToDeleteBackup(w http.ResponseWriter, r *http.Request, v *visit) error {
	b, err := p.backupsOf(r, v)
	if err != nil {
		return err
	}
	return p.showDeletion(w, r, v, b, show)
}

func (p *Portal) showDeletion(w http.ResponseWriter, r *http.Request, v *visit, b *backupsOf, write func(http.ResponseWriter, *http.Request, *visit, templ.Component) error) error {
	each, err := b.project.Backup(r.Context(), b.Metadata.Name, r.PathValue("backup"))
	if err != nil {
		return err
	}
	return write(w, r, v, deleteBackupPage(v, b, each))
}

func (p *Portal) deleteBackup(w http.ResponseWriter, r *http.Request, v *visit) error {
	b, err := p.backupsOf(r, v)
	if err != nil {
		return err
	}
	_, err = b.project.DeleteBackup(r.Context(), b.Metadata.Name, r.PathValue("backup"), strings.TrimSpace(r.PostForm.Get("confirm")))
	if err != nil {
		if b.wrong, err = formProblem(err); err != nil {
			return err
		}
		b.typed["confirm"] = r.PostForm.Get("confirm")
		return p.showDeletion(w, r, v, b, refuse)
	}
	redirect(w, r, b.path("backups")+"?done=backup-deleted")
	return nil
}
